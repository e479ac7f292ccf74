"""Where the page and scripts ask what the votes come to: reads once for all of them, remembers what it told.

Knows no words, and nothing of who may ask.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from arena.results.compute import ALL, NOTHING, Background, compute
from arena.results.figures import Figures
from arena.results.selection import Filters
from arena.votes.store import Votes, VoteStore

_KEPT = 32  # figures remembered, one for each of the filters asked for last
# As long as raters are under way, figures are looked at again after so many seconds: they may be done by then.
_STALE_SECONDS = 30.0


@dataclass(frozen=True)
class ReadingProgress:
    """How many bytes of votes are read, of how many, in so many seconds."""

    done: int
    total: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """About how long it still takes; None where nothing tells so yet."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


@dataclass(frozen=True)
class _Told:
    votes: Votes
    figures: Figures
    at: float

    def holds(self, votes: Votes, now: float) -> bool:
        is_settled = not any(pair.verdict.under_way for pair in self.figures.pairs)
        return self.votes is votes and (is_settled or now - self.at < _STALE_SECONDS)


class ResultsService:
    """The figures of the votes in a store. Safe from several threads."""

    def __init__(self, store: VoteStore, background: Background = NOTHING) -> None:
        self.store = store
        self._background = background
        self._told: OrderedDict[tuple[Filters, bool], _Told] = OrderedDict()
        self._progress: ReadingProgress | None = None
        self._jobs: dict[Filters, Future[Figures]] = {}
        # One after the other: each keeps a core busy, and most find what the one before has read.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="results")
        # Protects _told and _jobs.
        self._lock = threading.Lock()

    def figures(self, filters: Filters = ALL, is_over: bool = False) -> Figures:
        """The figures now; the same object as long as nothing has changed. If it `is_over`, all raters are done.

        Raises InputError if votes cannot be read.
        """
        votes, now, key = self._read(), time.time(), (filters, is_over)
        with self._lock:
            told = self._told.get(key)
        if told is None or not told.holds(votes, now):
            told = _Told(votes, compute(votes, filters, self._background, math.inf if is_over else now), now)
        with self._lock:
            self._told[key] = told
            self._told.move_to_end(key)
            while len(self._told) > _KEPT:
                self._told.popitem(last=False)
        return told.figures

    def soon(self, filters: Filters = ALL, seconds: float = 0.0) -> Figures | None:
        """The same if it takes no longer than so many seconds; None while it goes on behind, see `progress`."""
        with self._lock:
            job = self._jobs.get(filters)
            if job is None or job.done():  # what it found may be long ago; what has not changed is quickly told again
                job = self._jobs[filters] = self._worker.submit(self.figures, filters)
        try:
            return job.result(timeout=seconds)
        except TimeoutError:
            return None

    @property
    def progress(self) -> ReadingProgress | None:
        """How far the reading is that somebody waits for; None if nobody does."""
        return self._progress

    def _read(self) -> Votes:
        began = time.monotonic()

        def tell(done: int, total: int) -> None:
            self._progress = ReadingProgress(done, total, time.monotonic() - began)

        try:
            return self.store.refresh(tell)
        finally:
            self._progress = None
