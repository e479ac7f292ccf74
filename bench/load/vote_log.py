"""How quickly votes come to the disk, and how soon a host with many of them is ready. Knows no page."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.events import EventLog
from arena.judging.ballots import Ballots
from arena.judging.pairs import Pair, load_pairs
from arena.judging.rooms import Rooms
from arena.votes import FIRST_PART, VoteLog
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from bench.load.samples import RATER_VOTES, sample_answers, sample_events, sample_vote

Progress = Callable[[str], None]
_AT_ONCE = 10_000  # rows or lines written in one go


@dataclass(frozen=True)
class Writing:
    """Votes acknowledged, each on disk: how many by how many threads, and the milliseconds that one took."""

    threads: int
    votes: int
    row_bytes: int
    per_second: float
    median_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Starting:
    """A start on a folder with so many votes: seconds until the log takes votes, and until raters go on where they
    were; the most memory of the process meanwhile."""

    rows: int
    log_bytes: int
    log_seconds: float
    events: int
    judging_seconds: float
    peak_bytes: int


def measure_writing(folder: Path, threads: int, seconds: float, progress: Progress) -> Writing:
    """Votes from so many threads for so many seconds, into a log in `folder`."""
    progress(f"{threads} threads vote for {seconds:g} s ...")
    numbers, end = count(), time.monotonic() + seconds
    took: list[float] = []

    def vote() -> None:
        while (began := time.monotonic()) < end:
            log.append(sample_vote(next(numbers)))
            took.append(time.monotonic() - began)

    with VoteLog(folder / FIRST_PART) as log:
        began = time.monotonic()
        workers = [threading.Thread(target=vote) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        spent = time.monotonic() - began
    row = len(csv_line(list(to_row(sample_vote(0)).values())).encode())
    ordered = sorted(1000 * one for one in took)
    return Writing(
        threads, len(took), row, len(took) / spent, statistics.median(ordered), ordered[int(0.95 * len(ordered))]
    )


def measure_start(folder: Path, rows: int, progress: Progress) -> Starting:
    """A start on so many votes, which are written to `folder` first."""
    pairs = _answers(folder)
    path = write_votes(folder, rows, progress)
    events = (line.encode() + b"\n" for line in sample_events(rows, [pair.key for pair in pairs]))
    _write(folder / EVENTS, events, 2 * rows, "events", progress)
    progress("starting ...")
    began = time.monotonic()
    log = VoteLog(folder / FIRST_PART)
    opened = time.monotonic()
    with log, EventLog(folder) as told:
        rooms = Rooms(pairs, Ballots(log), told)
        rooms.restore(told.read())
        judging = time.monotonic()
        assert rooms.main.progress.votes == rows
    size = path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Starting(rows, size, opened - began, 2 * rows, judging - opened, peak)


def write_votes(folder: Path, rows: int, progress: Progress) -> Path:
    """A log of so many votes; its path."""
    path = folder / FIRST_PART
    lines = (csv_line(list(to_row(sample_vote(number)).values())).encode() for number in range(rows))
    _write(path, lines, rows, "rows", progress, HEAD)
    return path


def _answers(folder: Path) -> tuple[Pair, ...]:
    path = folder / "answers.jsonl"
    path.write_text("\n".join(sample_answers(RATER_VOTES)), encoding="utf-8")
    return load_pairs(path, ())


def _write(path: Path, lines: Iterator[bytes], total: int, what: str, progress: Progress, head: bytes = b"") -> None:
    began, done = time.monotonic(), 0
    with path.open("wb") as file:
        file.write(head)
        while some := list(islice(lines, _AT_ONCE)):
            file.write(b"".join(some))
            done += len(some)
            left = (time.monotonic() - began) / done * (total - done)
            progress(f"{done:,} of {total:,} {what} written, {left:.0f} s left")
