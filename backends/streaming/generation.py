"""What a stream of an answer needs: a place in the queue, events from the engine, and chunks with the usage so far."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from statistics import fmean
from typing import Any, Generic, TypeVar

from arena.errors import BackendError
from arena.generation_config import GenerationConfig
from arena.types import Chunk, FinishReason, Usage
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


# ---- a first-in, first-out queue for the slots of an engine


_RECENT = 16


class Slots:
    """`count` slots, given in the order of the requests.

    With an `amount` (such as bytes) to share, a ticket also waits until its part of the amount is free. A request for
    more than the whole amount gets all of it, alone. Smaller requests never overtake a larger one.
    """

    def __init__(self, count: int, amount: int = 0) -> None:
        self._free = count
        self.amount = self._free_amount = amount
        self._count = count
        self._waiting: deque[_Ticket] = deque()
        # Seconds for which the last tickets held their slots.
        self._durations: deque[float] = deque(maxlen=_RECENT)
        # Protects all of the above that changes, and wakes the waiting threads when it does.
        self._changed = threading.Condition()

    @contextmanager
    def ticket(self, amount: int = 0) -> Iterator[Iterator[Chunk]]:
        """A ticket for one slot and `amount`; leaving the block returns them, or leaves the queue.

        Yields a `queued` chunk every KEEP_ALIVE_SECONDS until the ticket holds a slot.
        """
        ticket = _Ticket(min(amount, self.amount))
        with self._changed:
            self._waiting.append(ticket)
        try:
            yield self._wait(ticket)
        finally:
            with self._changed:
                if ticket.since is None:
                    self._waiting.remove(ticket)
                else:
                    self._free += 1
                    self._free_amount += ticket.amount
                    self._durations.append(time.monotonic() - ticket.since)
                self._changed.notify_all()

    def _wait(self, ticket: _Ticket) -> Iterator[Chunk]:
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._at_front(ticket), KEEP_ALIVE_SECONDS):
                    self._waiting.popleft()
                    self._free -= 1
                    self._free_amount -= ticket.amount
                    ticket.since = time.monotonic()
                    self._changed.notify_all()
                    return
                place = self._waiting.index(ticket) + 1
                seconds = place * fmean(self._durations) / self._count if self._durations else 0
            yield Chunk(stage="queued", done=place, total=ceil(seconds))

    def _at_front(self, ticket: _Ticket) -> bool:
        return self._free > 0 and self._waiting[0] is ticket and ticket.amount <= self._free_amount


@dataclass(eq=False)
class _Ticket:
    """A request for a slot and for `amount` of what is shared; `since` is when it got them."""

    amount: int
    since: float | None = None
