"""GGUF files on llama.cpp as a Backend."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from arena.types import Chunk, FinishReason, GenerationConfig, Message
from backends.llama.engine import LlamaEngine
from backends.streaming.context import Fitted, fit_context
from backends.streaming.decode import THINK_OPEN, AnswerText
from backends.streaming.generation import Events, Generation, failed
from backends.streaming.loading import LoadingBackend

_ROLE_MARK = re.compile(r"<\|[A-Za-z_]+\|>")


class LlamaCppBackend(LoadingBackend["LlamaEngine"]):
    """A model on an engine that it may share with others."""

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answers the conversation; see Backend.stream. Usage counts from when the engine takes the prompt."""
        engine = yield from self._load.wait()

        def count(conversation: Sequence[Message]) -> int:
            return len(prompt_ids(engine, conversation))

        fitted = fit_context(messages, count, self.spec, config.max_new_tokens)
        if fitted.dropped_turns:
            yield Chunk(dropped_turns=fitted.dropped_turns)
        with engine.slots.ticket() as ticket:
            yield from ticket.wait()
            yield from _Answer(engine, fitted, config).chunks()


class _Answer:
    """One answer: the library's thread puts events into a queue, `chunks` reads them."""

    def __init__(self, engine: LlamaEngine, fitted: Fitted, config: GenerationConfig) -> None:
        self._engine = engine
        self._ids = prompt_ids(engine, fitted.messages)
        self._config = replace(config, max_new_tokens=fitted.max_new_tokens)
        self._events: Events[dict[str, Any]] = Events()
        self._stop = threading.Event()
        reasoning = THINK_OPEN in engine.template
        thinking = reasoning and engine.render(fitted.messages).rstrip().endswith(THINK_OPEN)
        text = AnswerText(stop_strings(engine.template), reasoning=reasoning, thinking=thinking)
        self._generation = Generation(text, len(self._ids))
        self._finish: FinishReason = "stop"

    def chunks(self) -> Iterator[Chunk]:
        worker = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        worker.start()
        try:
            yield Chunk(stage="reading", total=len(self._ids))
            for event in self._read_events():
                yield from self._read(event or {})
                if self._generation.text.stopped:
                    self._finish = "stop"
                    break
            yield from self._generation.end(self._finish)
        finally:
            # The slot is free only when the library has stopped: a token or a prefill chunk later.
            self._stop.set()
            worker.join()

    def _run(self) -> None:
        try:
            self._engine.complete(self._ids, self._config, self._on_event)
            self._events.end()
        except Exception as error:  # noqa: BLE001 (raised again where the stream is read)
            self._events.end(error)

    def _on_event(self, event: dict[str, Any]) -> bool:
        self._events.put(event)
        return self._stop.is_set()

    def _read_events(self) -> Iterator[dict[str, Any] | None]:
        try:
            yield from self._events
        except Exception as error:
            raise failed("llama.cpp", str(error)) from error

    def _read(self, event: dict[str, Any]) -> Iterator[Chunk]:
        if "error" in event:
            raise failed("llama.cpp", str(event["error"].get("message", event["error"])))
        if progress := event.get("prompt_progress"):
            yield Chunk(stage="reading", done=progress["processed"], total=progress["total"])
            return
        if not event.get("choices"):
            yield Chunk()
        for choice in event.get("choices", ()):
            if choice["finish_reason"]:
                self._finish = "length" if choice["finish_reason"] == "length" else "stop"
                tokens = event.get("usage", {}).get("completion_tokens", self._generation.tokens)
                self._generation.tokens = tokens
            else:
                self._generation.count_token()
            yield from self._generation.feed(choice["text"])


def prompt_ids(engine: LlamaEngine, messages: Sequence[Message]) -> list[int]:
    """The conversation as token ids, built from parts: text that people wrote never becomes a control token.

    The template is rendered around placeholders; only the text between them is parsed for control tokens.
    """
    nonce = secrets.token_hex(8)
    contents = {f"x{nonce}n{index}x": message.content for index, message in enumerate(messages)}
    marked = [Message(message.role, holder) for message, holder in zip(messages, contents, strict=True)]
    parts = re.split(f"(x{nonce}n[0-9]+x)", engine.render(marked))
    tokens = [
        engine.tokenize(contents[part], False) if part in contents else engine.tokenize(part, True, index == 0)
        for index, part in enumerate(parts)
        if part or index == 0
    ]
    ids = list(chain.from_iterable(tokens))
    # The template and the file may both add the start token: only one is meant.
    return ids[1:] if len(ids) > 1 and ids[0] == ids[1] else ids


def stop_strings(template: str) -> tuple[str, ...]:
    """The turn marks of a chat template as text, for files in which they are not control tokens."""
    return tuple(sorted(set(_ROLE_MARK.findall(template))))
