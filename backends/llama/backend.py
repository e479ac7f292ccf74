"""GGUF files on llama.cpp as a Backend. Knows the chat format, not how the engine computes."""

from __future__ import annotations

import queue
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from arena.errors import BackendError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, Usage
from backends.llama.engine import LlamaEngine
from backends.streaming.context import Fitted, fit_context
from backends.streaming.decode import THINK_OPEN, AnswerText
from backends.streaming.loading import LoadingBackend
from backends.streaming.slots import SIGN_OF_LIFE_SECONDS

_END = object()
_ROLE_MARK = re.compile(r"<\|[A-Za-z_]+\|>")


class LlamaCppBackend(LoadingBackend["LlamaEngine"]):
    """One catalogue entry on an engine that it may share with others."""

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answer the conversation; see Backend.stream. Usage counts from when the engine takes the prompt."""
        engine = yield from self._load.wait()

        def count(kept: Sequence[Message]) -> int:
            return len(prompt_ids(engine, kept))

        fitted = fit_context(messages, count, self.spec, config.max_new_tokens)
        if fitted.dropped_turns:
            yield Chunk(dropped_turns=fitted.dropped_turns)
        with engine.slots.ticket() as ticket:
            yield from ticket.wait()
            yield from _Generation(engine, fitted, config).chunks()


class _Generation:
    """One answer: the library's thread puts events into a queue, `chunks` takes them out."""

    def __init__(self, engine: LlamaEngine, fitted: Fitted, config: GenerationConfig) -> None:
        self._engine = engine
        self._ids = prompt_ids(engine, fitted.messages)
        self._config = replace(config, max_new_tokens=fitted.max_new_tokens)
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stop = threading.Event()
        reasoning = THINK_OPEN in engine.template
        thinking = reasoning and engine.render(fitted.messages).rstrip().endswith(THINK_OPEN)
        self._text = AnswerText(stop_strings(engine.template), reasoning=reasoning, thinking=thinking)
        self._began = time.monotonic()
        self._first: float | None = None
        self._tokens = 0
        self._finish: FinishReason = "stop"

    def chunks(self) -> Iterator[Chunk]:
        worker = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        worker.start()
        try:
            yield Chunk(stage="reading", total=len(self._ids))
            for event in self._take():
                yield from self._read(event)
                if self._text.stopped:
                    break
            yield from self._text.flush()
            yield Chunk(finish_reason="stop" if self._text.stopped else self._finish, usage=self._usage())
        finally:
            # The place in the engine is free only when the library has really let go: one token or one piece later.
            self._stop.set()
            worker.join()

    def _run(self) -> None:
        try:
            self._engine.complete(self._ids, self._config, self._on_event)
        except Exception as error:  # noqa: BLE001  (raised again where the stream is read)
            self._events.put(error)
        self._events.put(_END)

    def _on_event(self, event: Any) -> bool:
        self._events.put(event)
        return self._stop.is_set()

    def _take(self) -> Iterator[dict[str, Any]]:
        """The library's events; an empty one as a sign of life when there is none for a while."""
        while True:
            try:
                event = self._events.get(timeout=SIGN_OF_LIFE_SECONDS)
            except queue.Empty:
                event = {}
            if event is _END:
                return
            if isinstance(event, Exception):
                raise BackendError("backend_failed", f"llama.cpp failed: {event}", reason=str(event)) from event
            yield event

    def _read(self, event: dict[str, Any]) -> Iterator[Chunk]:
        if "error" in event:
            reason = str(event["error"].get("message", event["error"]))
            raise BackendError("backend_failed", f"llama.cpp failed: {reason}", reason=reason)
        if progress := event.get("prompt_progress"):
            yield Chunk(stage="reading", done=progress["processed"], total=progress["total"])
            return
        if not event.get("choices"):
            yield Chunk()
        for choice in event.get("choices", ()):
            if choice["finish_reason"]:
                self._finish = "length" if choice["finish_reason"] == "length" else "stop"
                self._tokens = event.get("usage", {}).get("completion_tokens", self._tokens)
            else:
                self._tokens += 1
                self._first = self._first if self._first is not None else time.monotonic() - self._began
            usage = self._usage()
            yield from (replace(chunk, usage=usage) for chunk in self._text.feed(choice["text"]) or [Chunk()])

    def _usage(self) -> Usage:
        return Usage(len(self._ids), self._tokens, self._first, time.monotonic() - self._began)


def prompt_ids(engine: LlamaEngine, messages: Sequence[Message]) -> list[int]:
    """The conversation as token ids, put together from parts: what people wrote never becomes a control token.

    The template is rendered around place-holders; only the text between them is read with control tokens.
    """
    nonce = secrets.token_hex(8)
    holders = {f"x{nonce}n{index}x": message.content for index, message in enumerate(messages)}
    marked = [Message(message.role, holder) for message, holder in zip(messages, holders, strict=True)]
    parts = re.split(f"(x{nonce}n[0-9]+x)", engine.render(marked))
    pieces = [
        engine.tokenize(holders[part], False) if part in holders else engine.tokenize(part, True, index == 0)
        for index, part in enumerate(parts)
        if part or index == 0
    ]
    ids = list(chain.from_iterable(pieces))
    # A template that writes the start token itself, on a file that adds one: once is meant.
    return ids[1:] if len(ids) > 1 and ids[0] == ids[1] else ids


def stop_strings(template: str) -> tuple[str, ...]:
    """The turn marks of a chat template, as text: the net for files whose marks are no control tokens."""
    return tuple(sorted(set(_ROLE_MARK.findall(template))))
