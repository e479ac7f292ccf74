"""How soon results are there, and what they take, on a log with many votes. Knows no page."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import store_of
from bench.load.samples import sample_vote
from bench.load.vote_log import write_votes

Progress = Callable[[str], None]
_LOOKS = 9


@dataclass(frozen=True)
class Results:
    """Seconds until the results of so many votes are there: at first, after each of some more votes (the median and the
    slowest), and first after a start that finds the index; the most memory of the process."""

    rows: int
    log_bytes: int
    first_seconds: float
    next_median: float
    next_most: float
    restart_seconds: float
    peak_bytes: int


def measure_results(folder: Path, rows: int, progress: Progress) -> Results:
    """The results of so many votes, which are written to `folder` first."""
    path = write_votes(folder, rows, progress)
    size = path.stat().st_size
    progress("reading them ...")
    desk = ResultsService(store_of(folder))
    first = _seconds(desk, rows)
    nexts = []
    with VoteLog(path) as log:
        for number in range(rows, rows + _LOOKS):
            log.append(sample_vote(number))
            nexts.append(_seconds(desk, number + 1))
    restart = _seconds(ResultsService(store_of(folder)), rows + _LOOKS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Results(rows, size, first, statistics.median(nexts), max(nexts), restart, peak)


def _seconds(desk: ResultsService, votes: int) -> float:
    """How long a look takes that finds so many votes."""
    began = time.monotonic()
    found = desk.figures().votes
    spent = time.monotonic() - began
    assert found == votes
    return spent
