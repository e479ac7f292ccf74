"""The worker thread of one side of a battle: passes a backend's chunks on to the battle's queue."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from arena.errors import ArenaError, BackendError
from arena.types import Answer, Backend, Chunk, ErrorInfo, Side, SideName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long a side may take in seconds: in total, without any chunk, and to obey a stop."""

    total: float = 3600.0
    silence: float = 120.0
    grace: float = 2.0


class Worker:
    """The thread of one side. While it is `open`, its chunks count."""

    def __init__(self, name: SideName, backend: Backend, out: queue.SimpleQueue[Item]) -> None:
        self.name = name
        self.open = True
        self.started = False
        self.stopped_at = 0.0
        self._backend = backend
        self._out = out
        self._stop = threading.Event()
        self._done = False
        self._started_at = self._seen_at = 0.0

    def start(self, side: Side) -> None:
        self.started = True
        self._started_at = self._seen_at = time.monotonic()
        threading.Thread(target=self._run, args=(side,), name=f"side-{self.name}", daemon=True).start()

    def stop(self) -> None:
        if not self.stopped_at:
            self.stopped_at = time.monotonic()
            self._stop.set()

    def overdue(self, limits: Limits) -> Chunk | None:
        """The chunk that ends a side whose time is up, None before."""
        if not self.started or self._done:
            return None  # its last chunk is in the queue, however late that is read
        now = time.monotonic()
        if self.stopped_at and now - self.stopped_at > limits.grace:
            return Chunk(finish_reason="cancelled")
        if now - self._started_at > limits.total:
            return _error_chunk("time_limit", f"Stopped after {limits.total:g} s.", seconds=f"{limits.total:g}")
        if now - self._seen_at > limits.silence:
            message = f"No response for {limits.silence:g} s; stopped."
            return _error_chunk("silent", message, seconds=f"{limits.silence:g}")
        return None

    def timed(self, answer: Answer) -> Answer:
        """An ended answer with its seconds measured here if the backend gave none; others unchanged."""
        if answer.finish_reason is None or answer.usage.seconds is not None:
            return answer
        return replace(answer, usage=replace(answer.usage, seconds=time.monotonic() - self._started_at))

    def _run(self, side: Side) -> None:
        try:
            last = self._pass_on(side)
        except ArenaError as error:
            last = _error_chunk(error.code, str(error), **error.details)
        except Exception as error:  # any exception must end the pane, not vanish with the thread
            log.exception("Side %s failed", self.name)
            last = _error_chunk("backend_failed", f"{type(error).__name__}: {error}", reason=str(error) or repr(error))
        self._done = True
        self._out.put((self, last))

    def _pass_on(self, side: Side) -> Chunk:
        """Puts all chunks but the last into the queue, and returns the last."""
        if self._stop.is_set():
            return Chunk(finish_reason="cancelled")
        stream = self._backend.stream(side.messages, side.config or side.model.config())
        try:
            for chunk in stream:
                if not isinstance(chunk, Chunk):
                    kind = type(chunk).__name__
                    raise BackendError("backend_failed", f"The backend yielded {kind} instead of Chunk.", reason=kind)
                if chunk.finish_reason:
                    return chunk
                self._seen_at = time.monotonic()
                self._out.put((self, chunk))
                if self._stop.is_set():
                    return Chunk(finish_reason="cancelled")
        finally:
            self._close(stream)
        raise BackendError("backend_failed", "The backend ended without a finish_reason.", reason="no finish_reason")

    def _close(self, stream: Iterator[Chunk]) -> None:
        try:
            if callable(close := getattr(stream, "close", None)):
                close()
        except Exception:  # the end of the answer is known by now
            log.exception("Side %s failed to close", self.name)


# What the queue carries: a chunk of a worker, or the request for a new answer of a side.
Item = tuple[Worker, Chunk] | SideName


def _error_chunk(code: str, message: str, **details: object) -> Chunk:
    return Chunk(finish_reason="error", error=ErrorInfo(code, message, details))
