"""Checkpoint folders on transformers as a Backend. Knows the way of a prompt, not how the engine computes."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arena.errors import BackendError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, ModelSpec, Usage
from backends.checkpoint import first_line
from backends.context import Fitted, fit_context
from backends.decode import AnswerText
from backends.loading import LoadingBackend
from backends.slots import SIGN_OF_LIFE_SECONDS

if TYPE_CHECKING:
    from backends.hf_engine import HfEngine

INSTALL = "pip install -r requirements-hf.txt"
# The versions of transformers that the originals are proven on.
OLDEST, NEWER = (5, 16, 1), (6,)
_END = object()


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
        with engine.slots.ticket() as ticket:
            yield from ticket.wait()
            yield from _Generation(engine, fitted, config).chunks()


def load_engine(spec: ModelSpec) -> HfEngine:
    """Loads the folder. Raises BackendError, also where the libraries are not installed or of another time."""
    try:
        import transformers

        _check_version(spec, transformers.__version__)
        from backends.hf_engine import open_engine

        return open_engine(spec)
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
    """One answer: a thread puts what the engine does into a queue, `chunks` takes it out."""

    def __init__(self, engine: HfEngine, fitted: Fitted, config: GenerationConfig) -> None:
        self._engine = engine
        self._ids = engine.chat.prompt_ids(fitted.messages)
        self._config = replace(config, max_new_tokens=fitted.max_new_tokens)
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._reply = engine.chat.decoder()
        self._text = AnswerText(reasoning=engine.chat.reasoning, thinking=engine.chat.opens_thinking(fitted.messages))
        self._began = time.monotonic()
        self._first: float | None = None
        self._tokens = 0

    def chunks(self) -> Iterator[Chunk]:
        worker = threading.Thread(target=self._run, name="transformers", daemon=True)
        worker.start()
        try:
            yield Chunk(stage="reading", total=len(self._ids))
            for kind, value in self._take():
                yield from self._read(kind, value)
            yield from self._text.feed(self._reply.flush())
            yield from self._text.flush()
            finish: FinishReason = "length" if self._tokens >= self._config.max_new_tokens else "stop"
            yield Chunk(finish_reason=finish, usage=self._usage())
        finally:
            # The place in the engine is free only when it has really let go: one token or one piece later.
            self._stop.set()
            worker.join()

    def _run(self) -> None:
        try:
            for event in self._engine.generate(self._ids, self._config):
                self._events.put(event)
                if self._stop.is_set():
                    break
        except Exception as error:  # noqa: BLE001  (raised again where the stream is read)
            self._events.put(error)
        finally:
            self._events.put(_END)

    def _take(self) -> Iterator[tuple[str, int]]:
        """What the engine does; ("wait", 0) as a sign of life when there is nothing for a while."""
        while True:
            try:
                event = self._events.get(timeout=SIGN_OF_LIFE_SECONDS)
            except queue.Empty:
                event = ("wait", 0)
            if event is _END:
                return
            if isinstance(event, BackendError):
                raise event
            if isinstance(event, Exception):
                reason = first_line(event)
                raise BackendError("backend_failed", f"transformers failed: {reason}", reason=reason) from event
            yield event

    def _read(self, kind: str, value: int) -> Iterator[Chunk]:
        if kind == "read":
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
        return Usage(len(self._ids), self._tokens, self._first, time.monotonic() - self._began)
