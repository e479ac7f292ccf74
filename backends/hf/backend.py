"""Checkpoint folders on transformers as a Backend. Knows the way of a prompt, not how the engine computes."""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from arena.errors import BackendError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, ModelSpec, Usage
from backends.folder.checkpoint import first_line
from backends.stepping.conversation import ENDED, Conversation
from backends.streaming.context import Fitted, fit_context
from backends.streaming.decode import AnswerText
from backends.streaming.loading import LoadingBackend
from backends.streaming.slots import SIGN_OF_LIFE_SECONDS

if TYPE_CHECKING:
    from backends.hf.engine import HfEngine
    from backends.stepping.scheduler import Scheduler

INSTALL = "pip install -r requirements-hf.txt"
# The versions of transformers that the originals are proven on.
OLDEST, NEWER = (5, 16, 1), (6,)


class HfBackend(LoadingBackend["HfEngine"]):
    """One model on an engine that it may share with others."""

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answer the conversation; see Backend.stream. Usage counts from when the engine takes the prompt."""
        engine = yield from self._load.wait()
        recent = engine.chat.recent(messages)
        fitted = fit_context(recent, lambda kept: len(engine.chat.prompt_ids(kept)), self.spec, config.max_new_tokens)
        dropped = fitted.dropped_turns + _questions(messages) - _questions(recent)
        if dropped:
            yield Chunk(dropped_turns=dropped)
        with engine.slots.ticket(engine.cache_bytes(fitted.prompt_tokens + fitted.max_new_tokens)) as ticket:
            yield from ticket.wait()
            yield from _Generation(engine, fitted, config).chunks()


def load_engine(spec: ModelSpec, scheduler: Scheduler) -> HfEngine:
    """Loads the folder; it computes in `scheduler`'s thread.

    Raises BackendError, also where the libraries are not installed or of another time.
    """
    try:
        import transformers

        _check_version(spec, transformers.__version__)
        from backends.hf.engine import open_engine

        return open_engine(spec, scheduler)
    except ImportError as error:
        reason = f"{error.name or error} is missing; install it with: {INSTALL}"
        raise BackendError("load_failed", f"{spec.name} cannot be loaded: {reason}", reason=reason) from error


def _check_version(spec: ModelSpec, found: str) -> None:
    """Older libraries ignore the renaming of tensors and newer ones are unknown: the model would be random."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:3])
    if not OLDEST <= numbers < NEWER:
        reason = f"transformers {_dotted(OLDEST)} or newer, below {NEWER[0]}, is needed, not {found}: {INSTALL}"
        raise BackendError("load_failed", f"{spec.name} cannot be loaded: {reason}", reason=reason)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _questions(messages: Sequence[Message]) -> int:
    return sum(message.role == "user" for message in messages)


class _Generation:
    """One answer: what the engine does, as chunks."""

    def __init__(self, engine: HfEngine, fitted: Fitted, config: GenerationConfig) -> None:
        self._engine = engine
        self._ids = engine.chat.prompt_ids(fitted.messages)
        self._config = replace(config, max_new_tokens=fitted.max_new_tokens)
        self._reply = engine.chat.decoder()
        self._text = AnswerText(reasoning=engine.chat.reasoning, thinking=engine.chat.opens_thinking(fitted.messages))
        self._began = time.monotonic()
        self._first: float | None = None
        self._tokens = 0
        self._kept = 0

    def chunks(self) -> Iterator[Chunk]:
        conversation = self._engine.begin(self._ids, self._config)
        try:
            yield Chunk(stage="reading", total=len(self._ids))
            for kind, value in _events(conversation):
                yield from self._read(kind, value)
            yield from self._text.feed(self._reply.flush())
            yield from self._text.flush()
            finish: FinishReason = "length" if self._tokens >= self._config.max_new_tokens else "stop"
            yield Chunk(finish_reason=finish, usage=self._usage())
        finally:
            # The place in the engine is free only when it has really let go: one token or one piece later.
            conversation.close()

    def _read(self, kind: str, value: int) -> Iterator[Chunk]:
        if kind in ("kept", "read"):
            self._kept = value if kind == "kept" else self._kept
            yield Chunk(stage="reading", done=value, total=len(self._ids))
        elif kind == "token":
            self._tokens += 1
            self._first = self._first if self._first is not None else time.monotonic() - self._began
            usage = self._usage()
            text = self._reply.feed(value)
            yield from (replace(chunk, usage=usage) for chunk in self._text.feed(text) or [Chunk()])
        else:
            yield Chunk()

    def _usage(self) -> Usage:
        seconds = time.monotonic() - self._began
        return Usage(len(self._ids), self._tokens, self._first, seconds, cached_tokens=self._kept)


def _events(conversation: Conversation) -> Iterator[tuple[str, int]]:
    """What the engine does; ("wait", 0) as a sign of life when there is nothing for a while. Raises BackendError."""
    while True:
        try:
            event = conversation.events.get(timeout=SIGN_OF_LIFE_SECONDS)
        except queue.Empty:
            event = ("wait", 0)
        if event is ENDED:
            return
        if isinstance(event, BackendError):
            raise event
        if isinstance(event, Exception):
            reason = first_line(event)
            raise BackendError("backend_failed", f"transformers failed: {reason}", reason=reason) from event
        yield event
