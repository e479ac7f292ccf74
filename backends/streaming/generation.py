"""What a stream of an answer needs: events from the engine's thread, and chunks with the usage so far."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Generic, TypeVar

from arena.errors import BackendError
from arena.types import Chunk, FinishReason, GenerationConfig, Usage
from backends.streaming.decode import AnswerText

T = TypeVar("T")
# A stream yields at least this often, so that its caller can close it.
KEEP_ALIVE_SECONDS = 0.25
_END = object()


class Events(Generic[T]):
    """Carries events, and at last the end or an exception, from an engine's thread to the stream that reads them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, event: T) -> None:
        """Adds an event. Any thread may call it."""
        self._queue.put(event)

    def end(self, error: BaseException | None = None) -> None:
        """Ends the stream; with `error`, by raising it where the events are read."""
        self._queue.put(error or _END)

    @contextmanager
    def filled_by(
        self, work: Callable[[], None], stop: Callable[[], None], name: str, patience: float | None = None
    ) -> Iterator[None]:
        """Runs `work`, which puts the events, in a thread. Leaving the block calls `stop` and waits for the thread."""

        def run() -> None:
            try:
                work()
                self.end()
            except BaseException as error:  # noqa: BLE001 (raised again where the events are read)
                self.end(error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop()
            thread.join(patience)

    def __iter__(self) -> Iterator[T | None]:
        """The events until the end; None whenever there is none for KEEP_ALIVE_SECONDS. Raises the exception."""
        while True:
            try:
                event = self._queue.get(timeout=KEEP_ALIVE_SECONDS)
            except queue.Empty:
                event = None
            if event is _END:
                return
            if isinstance(event, BaseException):
                try:
                    raise event
                finally:
                    # The error refers to this frame: without this it would be a reference cycle.
                    del event
            yield event


class Generation:
    """The chunks and the usage of one answer by its settings. Seconds count from when it is made."""

    def __init__(self, text: AnswerText, config: GenerationConfig, prompt_tokens: int | None = None) -> None:
        self.text = text
        self.tokens = 0
        self.thinking_tokens = 0
        self._config = config
        self.cached_tokens: int | None = None
        self.first_token_seconds: float | None = None
        self.prompt_tokens = prompt_tokens
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the generation began."""
        return time.monotonic() - self._began

    @property
    def usage(self) -> Usage:
        """The usage so far."""
        first, cached = self.first_token_seconds, self.cached_tokens
        thinking = self.thinking_tokens or None
        return Usage(self.prompt_tokens, self.tokens, first, self.seconds, cached, thinking)

    @property
    def must_conclude(self) -> bool:
        """Whether the model is thinking and its limit for that is reached."""
        limit = self._config.thinking
        return bool(limit and self.text.thinking and self.thinking_tokens >= limit)

    @property
    def left(self) -> int:
        """How many more tokens the answer may have; thinking counts unless it has a limit of its own."""
        return self._config.max_new_tokens - self.tokens + (self.thinking_tokens if self._config.thinking else 0)

    def count_token(self) -> None:
        """Counts a new token, and takes the time of the first one."""
        self.tokens += 1
        if self.first_token_seconds is None:
            self.first_token_seconds = self.seconds

    def feed(self, text: str) -> Iterator[Chunk]:
        """The chunks that `text` completes, or an empty one, with the usage so far."""
        chunks = self.text.feed(text) or [Chunk()]
        if self.text.thinking or any(chunk.retract for chunk in chunks):
            self.thinking_tokens = self.tokens
        usage = self.usage
        for chunk in chunks:
            yield replace(chunk, usage=usage)

    def end(self, finish: FinishReason) -> Iterator[Chunk]:
        """What was held back, and the last chunk."""
        yield from self.text.flush()
        yield Chunk(finish_reason=finish, usage=self.usage)


def failed(library: str, reason: str) -> BackendError:
    """The error for a library that fails while it computes an answer."""
    return BackendError("backend_failed", f"{library} failed: {reason}", reason=reason)
