"""Reads what a server sends in answer to a chat request, whatever the form: server-sent events, or one JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from arena.types import Chunk
from backends.openai.refusals import words_of
from backends.streaming.generation import Generation

Event = Mapping[str, Any]


class EventReader:
    """Turns bytes into the JSON objects in them.

    Whatever else comes is a sign of life: comments, `null`, events without data. `words` is the last of it that may
    say why there is no answer. `done` is set by [DONE], and by one JSON object in place of a stream.
    """

    def __init__(self) -> None:
        self.done = False
        self.words: object = ""
        self._bytes = b""
        self._data = ""
        self._name = ""
        self._page: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The objects that `piece` completes."""
        *lines, self._bytes = (self._bytes + piece).split(b"\n") if b"\n" in piece else [self._bytes + piece]
        for line in lines:
            yield from self._line(line.decode("utf-8", "replace").rstrip("\r"))

    def flush(self) -> Iterator[Event]:
        """What is left at the end: an event without its blank line, or an answer that is no stream at all."""
        yield from self.feed(b"\n\n")
        if page := "\n".join(self._page):
            event = _object(page)
            self.done = self.done or event is not None
            self.words = page if event is None else self.words
            yield from () if event is None else (event,)

    def _line(self, line: str) -> Iterator[Event]:
        name, colon, value = line.partition(":")
        if not line.strip():
            yield from self._dispatch()
        elif name == "data":
            # Not all servers put a blank line between two events.
            self._data = f"{self._data}\n{value}".strip()
            if _object(self._data) is not None:
                yield from self._dispatch()
        elif name == "event":
            self._name = value.strip()
        elif name not in ("id", "retry") and (name or not colon):
            self._page.append(line)

    def _dispatch(self) -> Iterator[Event]:
        data, name, self._data, self._name = self._data, self._name, "", ""
        event = _object(data)
        if event is not None:
            yield {"error": event} if name == "error" and not event.get("error") else event
        elif name == "error" or data.startswith("{"):
            yield {"error": data or "error"}
        elif data == "[DONE]":
            self.done = True
        elif data and data != "null":
            self.words = data


def _object(text: str) -> Event | None:
    if not text.lstrip("\ufeff \n").startswith("{"):
        return None
    try:
        value = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def choice_in(event: Event) -> Event:
    """The first choice of an event; {} without any."""
    choices = event.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def error_in(event: Event) -> object:
    """The error that an event reports, in any of the forms that servers use; None without."""
    for holder in (event, choice_in(event)):
        if error := holder.get("error"):
            return error
    status = event.get("base_resp")
    if isinstance(status, dict) and status.get("status_code"):
        return status
    if event.get("object") == "error" or event.get("type") == "error":
        return event
    names = ("error_code", "error_type", "error_message", "error_msg", "detail")
    return event if any(event.get(name) for name in names) else None


class AnswerReader:
    """Passes an answer's events on to its generation.

    `finish` is the server's word for how it ended, `has_text` whether anything was written: a count of tokens may be of
    calls of tools.
    """

    def __init__(self, generation: Generation) -> None:
        self.finish = ""
        self.has_text = False
        # What an event without choices says: only a server that says no more means it as an error.
        self.words: object = ""
        self._generation = generation
        self._has_delta = False

    def read(self, event: Event) -> Iterator[Chunk]:
        """The chunks of an event; an empty one if it brings no text, so that the reader can stop."""
        choice = choice_in(event)
        if isinstance(progress := event.get("prompt_progress"), dict):  # only llama.cpp reports it
            done, total = (whole(progress.get(name)) or 0 for name in ("processed", "total"))
            yield Chunk(stage="reading", done=done, total=total)
        text, reasoning = self._written(choice)
        if text or reasoning:
            self.has_text = True
            self._generation.count_token()
        if reasoning:
            self._generation.thinking_tokens = self._generation.tokens
            yield Chunk(reasoning=reasoning, usage=self._generation.usage)
        yield from self._generation.feed(text) if text else (Chunk(),)
        if (finish := choice.get("finish_reason")) and isinstance(finish, str) and finish != "null":
            self.finish = finish
        self._count(event.get("usage") or choice.get("usage"))
        if not choice and words_of(event):
            self.words = event

    def _written(self, choice: Event) -> tuple[str, str]:
        """The text and the reasoning in a choice: in its delta, or in its message, or its own."""
        delta, message = choice.get("delta"), choice.get("message")
        self._has_delta = self._has_delta or bool(delta)
        if not isinstance(delta, dict):
            # After deltas a message repeats them.
            delta = message if isinstance(message, dict) else choice
            delta = {} if self._has_delta else delta
        text, thoughts = _parts(delta.get("content") or delta.get("refusal") or delta.get("text"))
        field = next(filter(None, map(delta.get, ("reasoning_content", "reasoning"))), None)
        return text, "".join(_parts(field)) or thoughts

    def _count(self, usage: object) -> None:
        """Takes over the server's own counts, which come with the last event."""
        if isinstance(usage, dict):
            generation = self._generation
            generation.tokens = whole(usage.get("completion_tokens")) or generation.tokens
            generation.prompt_tokens = whole(usage.get("prompt_tokens")) or generation.prompt_tokens
            if isinstance(details := usage.get("prompt_tokens_details"), dict):
                generation.cached_tokens = whole(details.get("cached_tokens"))
            # A chunk may hold several tokens, so those that were counted while it thought may be too few.
            if isinstance(details := usage.get("completion_tokens_details"), dict):
                generation.thinking_tokens = whole(details.get("reasoning_tokens")) or generation.thinking_tokens


def _parts(content: object) -> tuple[str, str]:
    """The text and the reasoning in a content: a string, or parts of several types."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, list):
        parts = [_parts(part) for part in content]
        return "".join(text for text, _ in parts), "".join(thought for _, thought in parts)
    if not isinstance(content, dict):
        return "", ""
    field = next(filter(None, map(content.get, ("text", "content", "refusal", "thinking", "reasoning", "value"))), None)
    text, thoughts = _parts(field)
    is_thought = any(word in str(content.get("type")) for word in ("think", "reason"))
    return ("", text + thoughts) if is_thought else (text, thoughts)


def whole(value: object) -> int | None:
    """A count as a number, also where a server writes it as text; None if it is no count."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and number >= 0 else None
