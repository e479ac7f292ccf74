"""Runs a battle: two models answer at once, one worker thread per side, merged into a stream of frozen battles."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from arena.backend import Backend
from arena.errors import BackendError, ErrorInfo, info_of
from arena.text import clean
from arena.types import Answer, Battle, Chunk, Message, Side, SideName, Usage

log = logging.getLogger(__name__)
TICK_SECONDS = 0.1
# How long a side may take: in total, without any chunk, and to obey a stop.
TOTAL_SECONDS, SILENCE_SECONDS, GRACE_SECONDS = 3600.0, 120.0, 2.0
SEED_LIMIT = 2**31


def new_battle_id() -> str:
    """A random id that nobody can guess."""
    return uuid.uuid4().hex


def fold(answer: Answer, chunk: Chunk) -> Answer:
    """The answer with one more chunk added."""
    text, reasoning = answer.text, answer.reasoning
    if chunk.retract:
        text, reasoning = "", reasoning + text
    return replace(
        answer,
        text=text + clean(chunk.text),
        reasoning=reasoning + clean(chunk.reasoning),
        dropped_turns=chunk.dropped_turns or answer.dropped_turns,
        refused=chunk.refused or answer.refused,
        finish_reason=chunk.finish_reason,
        error=chunk.error,
        usage=chunk.usage or answer.usage,
    )


def progress_after(progress: Chunk, chunk: Chunk) -> Chunk:
    """What a side does before it writes: the last chunk with a stage, an empty one once the side writes."""
    if chunk.text or chunk.reasoning or chunk.finish_reason:
        return Chunk()
    return chunk if chunk.stage else progress


class BattleRun:
    """A battle while its sides answer. `stop` and `regenerate` may be called from other threads."""

    def __init__(self, battle: Battle, backends: Mapping[SideName, Backend]) -> None:
        self.battle = battle
        self._backends = backends
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._workers: dict[SideName, _Worker] = {}
        self._progress = dict.fromkeys(SideName, Chunk())
        self._ended = False
        # Protects _workers and _ended: stop and regenerate come from other threads.
        self._lock = threading.Lock()

    def stream(self, sides: tuple[SideName, ...] = (SideName.A, SideName.B)) -> Iterator[Battle]:
        """Runs the given sides; yields the battle after each change, and unchanged every tenth of a second.

        A failure of one side ends that side only. Closing the iterator stops all sides.
        """
        with self._lock:
            # The workers exist before the first step, so that a stop before it reaches them.
            for name in sides:
                self._new_worker(name)
        return self._follow(sides)

    def stop(self, side: SideName | None = None) -> None:
        """Stops one side, or both. The text so far is kept."""
        with self._lock:
            for name, worker in self._workers.items():
                if side in (None, name):
                    worker.stop()

    def regenerate(self, side: SideName) -> bool:
        """Asks one side again while the other goes on. False if the run has ended: start a new run instead."""
        with self._lock:
            if self._ended:
                return False
            self._new_worker(side)
            self._queue.put(side)
            return True

    @property
    def progress(self) -> Mapping[SideName, Chunk]:
        """What each side does before it writes; see `progress_after`."""
        return dict(self._progress)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called for every side that still runs."""
        with self._lock:
            return all(worker.stopped_at for worker in self._workers.values() if worker.open)

    def _new_worker(self, name: SideName) -> None:
        """Replaces the side's worker by one that has not started; the lock is held."""
        if old := self._workers.get(name):
            old.stop()
            old.open = False
        self._workers[name] = _Worker(name, self._backends[name], self._queue)

    def _follow(self, sides: tuple[SideName, ...]) -> Iterator[Battle]:
        try:
            for name in sides:
                self._workers[name].start(self.battle.side(name))
            while not self._has_finished():
                self._step()
                yield self.battle
        finally:
            with self._lock:
                self._ended = True
            self.stop()

    def _has_finished(self) -> bool:
        with self._lock:
            # Set under the lock: `regenerate` either comes before this, or returns False.
            self._ended = self._queue.empty() and not any(worker.open for worker in self._workers.values())
            return self._ended

    def _step(self) -> None:
        with suppress(queue.Empty):
            item = self._queue.get(timeout=TICK_SECONDS)
            if not isinstance(item, SideName):
                self._add(*item)
            elif not self._workers[item].started_at:  # the first of two requests in a row has started it already
                self.battle = renewed(self.battle, item)
                self._progress[item] = Chunk()
                self._workers[item].start(self.battle.side(item))
        for worker in list(self._workers.values()):
            if worker.open and (chunk := worker.overdue()):
                worker.stop()
                self._add(worker, chunk)

    def _add(self, worker: _Worker, chunk: Chunk) -> None:
        if not worker.open:
            return  # too late: the answer was given up or replaced
        if chunk.finish_reason:
            worker.open = False
        answer = worker.timed(fold(self.battle.side(worker.name).answer, chunk))
        self.battle = self.battle.with_answer(worker.name, answer)
        self._progress[worker.name] = progress_after(self._progress[worker.name], chunk)


def renewed(battle: Battle, name: SideName) -> Battle:
    """The battle with a new id and without one side's answer, whose seed is the next one unless it is pinned."""
    side = battle.side(name)
    config = side.config
    if config and config.seed is not None and "seed" not in side.model.pinned:
        config = replace(config, seed=(config.seed + 1) % SEED_LIMIT)
    return replace(battle, id=new_battle_id()).with_side(name, replace(side, config=config, answer=Answer()))


def _added(before: Usage, now: Usage | None) -> Usage | None:
    """What an answer cost in two runs; None if the second one has not reported any usage."""
    if now is None or before == Usage():
        return now
    names = ("new_tokens", "seconds", "thinking_tokens", "joules")
    known = {name: (getattr(before, name), getattr(now, name)) for name in names}
    return replace(before, **{name: None if None in both else sum(both) for name, both in known.items()})


class _Worker:
    """The thread of one side. While it is `open`, its chunks count."""

    def __init__(self, name: SideName, backend: Backend, out: queue.SimpleQueue[_Item]) -> None:
        self.name = name
        self.open = True
        # 0 before.
        self.started_at = self.stopped_at = self._seen_at = 0.0
        self._backend = backend
        self._out = out
        self._done = False
        self._before = Usage()

    def start(self, side: Side) -> None:
        self._before = side.answer.usage
        self.started_at = self._seen_at = time.monotonic()
        threading.Thread(target=self._run, args=(side,), name=f"side-{self.name}", daemon=True).start()

    def stop(self) -> None:
        self.stopped_at = self.stopped_at or time.monotonic()

    def overdue(self) -> Chunk | None:
        """The chunk that ends a side whose time is up, None before."""
        if not self.started_at or self._done:
            return None  # its last chunk is in the queue, however late that is read
        now = time.monotonic()
        if self.stopped_at and now - self.stopped_at > GRACE_SECONDS:
            return Chunk(finish_reason="cancelled")
        if now - self.started_at > TOTAL_SECONDS:
            return _error_chunk("time_limit", f"Stopped after {TOTAL_SECONDS:g} s.", seconds=f"{TOTAL_SECONDS:g}")
        if now - self._seen_at > SILENCE_SECONDS:
            message = f"No response for {SILENCE_SECONDS:g} s; stopped."
            return _error_chunk("silent", message, seconds=f"{SILENCE_SECONDS:g}")
        return None

    def timed(self, answer: Answer) -> Answer:
        """An ended answer with its seconds measured here if the backend gave none; others unchanged."""
        if answer.finish_reason is None or answer.usage.seconds not in (None, self._before.seconds):
            return answer
        seconds = (self._before.seconds or 0.0) + time.monotonic() - self.started_at
        return replace(answer, usage=replace(answer.usage, seconds=seconds))

    def _run(self, side: Side) -> None:
        try:
            last = self._pass_on(side)
        except Exception as error:  # noqa: BLE001 - any exception must end the pane
            last = Chunk(finish_reason="error", error=info_of(error, "backend_failed", type(error).__name__))
        self._done = True
        self._out.put((self, last))

    def _pass_on(self, side: Side) -> Chunk:
        """Puts all chunks but the last into the queue, and returns the last."""
        if self.stopped_at:
            return Chunk(finish_reason="cancelled")
        answer = side.answer
        cut = (Message("assistant", answer.text, answer.reasoning),) if answer.text or answer.reasoning else ()
        stream = self._backend.stream((*side.messages, *cut), side.config or side.model.config())
        try:
            for chunk in stream:
                if not isinstance(chunk, Chunk):
                    kind = type(chunk).__name__
                    raise BackendError("backend_failed", f"The backend yielded {kind} instead of Chunk.", reason=kind)
                chunk = replace(chunk, usage=_added(self._before, chunk.usage))
                if chunk.finish_reason:
                    return chunk
                self._seen_at = time.monotonic()
                if chunk != Chunk():  # a server's signs of life must not fill the queue
                    self._out.put((self, chunk))
                if self.stopped_at:
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
_Item = tuple[_Worker, Chunk] | SideName


def _error_chunk(code: str, message: str, **details: object) -> Chunk:
    return Chunk(finish_reason="error", error=ErrorInfo(code, message, details))
