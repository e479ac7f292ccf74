"""Computes results on demand for the page and scripts, in the background if slow, and caches them."""

import math
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from arena.results.compute import NO_BACKGROUND, NO_FILTERS, Background, compute
from arena.results.figures import Figures
from arena.results.selection import Filters
from arena.votes.store import Votes, VoteStore

_CACHED = 32  # results in the cache, one per combination of filters
# While raters are under way, cached results expire after this time, since some may have finished by then.
_EXPIRY_SECONDS = 30.0


@dataclass(frozen=True)
class ReadingProgress:
    """Bytes of votes read so far, bytes in all, and the seconds since reading began."""

    done: int
    total: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """The estimated remaining time; None if it cannot be estimated yet."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


@dataclass(frozen=True)
class _CachedFigures:
    votes: Votes
    figures: Figures
    expires: float


class ResultsService:
    """The results of the votes in a store. Thread-safe. `progress` is that of reading votes, None if none are read."""

    def __init__(self, store: VoteStore, background: Background = NO_BACKGROUND) -> None:
        self.store = store
        self._background = background
        self._cache: OrderedDict[Filters, _CachedFigures] = OrderedDict()
        self.progress: ReadingProgress | None = None
        self._jobs: dict[Filters, Future[Figures]] = {}
        # One at a time: each job keeps a core busy, and later jobs reuse what earlier ones have read.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="results")
        # Protects _cache and _jobs.
        self._lock = threading.Lock()

    def figures(self, filters: Filters = NO_FILTERS) -> Figures:
        """The current results; the same object until something changes. Raises InputError if votes cannot be read."""
        votes, now = self._read(), time.time()
        with self._lock:
            cached = self._cache.get(filters)
        if cached is None or cached.votes is not votes or now >= cached.expires:
            figures = compute(votes, filters, self._background, now)
            is_settled = not any(pair.verdict.under_way for pair in figures.pairs)
            cached = _CachedFigures(votes, figures, math.inf if is_settled else now + _EXPIRY_SECONDS)
        with self._lock:
            self._cache[filters] = cached
            self._cache.move_to_end(filters)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return cached.figures

    def soon(self, filters: Filters = NO_FILTERS, seconds: float = 0.0) -> Figures | None:
        """The results if they are ready within `seconds`; None while they are still being computed, see `progress`."""
        with self._lock:
            # A finished job may be outdated; the cache makes a new one cheap.
            self._jobs = {of: job for of, job in self._jobs.items() if not job.done()}
            job = self._jobs.get(filters) or self._worker.submit(self.figures, filters)
            self._jobs[filters] = job
        try:
            return job.result(timeout=seconds)
        except TimeoutError:
            return None

    def _read(self) -> Votes:
        began = time.monotonic()

        def report(done: int, total: int) -> None:
            self.progress = ReadingProgress(done, total, time.monotonic() - began)

        try:
            return self.store.refresh(report)
        finally:
            self.progress = None
