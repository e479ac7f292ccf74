"""How fast votes reach the disk, and how soon the app and its results are ready with many of them."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.events import EventLog
from arena.judging.ballots import Ballots
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.results.service import ResultsService
from arena.votes import FIRST_PART, VoteLog
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from arena.votes.store import store_of
from bench.load.samples import RATER_VOTES, sample_answers, sample_events, sample_vote
from bench.probe import Figures, Progress

_BATCH = 10_000  # lines in one write
_LOOKS = 9


def measure_writing(folder: Path, threads: int, seconds: float, progress: Progress) -> Figures:
    """Votes acknowledged, each on disk, by `threads` threads, and how long one takes."""
    progress(f"{threads} threads vote for {seconds:g} s ...")
    numbers, end = count(), time.monotonic() + seconds
    took: list[float] = []

    def vote() -> None:
        while (began := time.monotonic()) < end:
            log.append(sample_vote(next(numbers)))
            took.append(1000 * (time.monotonic() - began))

    with VoteLog(folder / FIRST_PART) as log:
        began = time.monotonic()
        workers = [threading.Thread(target=vote) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        spent = time.monotonic() - began
    return {
        "threads": threads,
        "votes": len(took),
        "row_bytes": len(_row(0)),
        "per_second": len(took) / spent,
        "median_ms": statistics.median(took),
        "p95_ms": sorted(took)[int(0.95 * len(took))],
    }


def measure_start(folder: Path, rows: int, progress: Progress) -> Figures:
    """A start with many votes: seconds until the log takes votes, and until raters can continue where they were."""
    answers = folder / "answers.jsonl"
    answers.write_text("\n".join(sample_answers(RATER_VOTES)), encoding="utf-8")
    pairs, path = load_pairs(answers, ()), _write_votes(folder, rows, progress)
    events = (line.encode() + b"\n" for line in sample_events(rows, [pair.key for pair in pairs]))
    _write(folder / EVENTS, events, 2 * rows, progress)
    progress("Starting ...")
    began = time.monotonic()
    log = VoteLog(path)
    opened = time.monotonic()
    with log, EventLog(folder) as event_log:
        rooms = Rooms(pairs, Ballots(log), event_log)
        rooms.restore(event_log.read())
        ready = time.monotonic()
        assert rooms.main.progress.votes == rows
    return {
        "rows": rows,
        "log_bytes": path.stat().st_size,
        "log_seconds": opened - began,
        "events": 2 * rows,
        "judging_seconds": ready - opened,
        "peak_bytes": _peak_bytes(),
    }


def measure_results(folder: Path, rows: int, progress: Progress) -> Figures:
    """Seconds until results of many votes are there: at first, after one more vote, after a start with the index."""
    path = _write_votes(folder, rows, progress)
    size = path.stat().st_size
    progress("Reading the votes ...")
    service = ResultsService(store_of(folder))
    first = _look_seconds(service, rows)
    looks = []
    with VoteLog(path) as log:
        for number in range(rows, rows + _LOOKS):
            log.append(sample_vote(number))
            looks.append(_look_seconds(service, number + 1))
    return {
        "rows": rows,
        "log_bytes": size,
        "first_seconds": first,
        "next_median": statistics.median(looks),
        "next_most": max(looks),
        "restart_seconds": _look_seconds(ResultsService(store_of(folder)), rows + _LOOKS),
        "peak_bytes": _peak_bytes(),
    }


def _look_seconds(service: ResultsService, votes: int) -> float:
    began = time.monotonic()
    counted = service.figures().votes
    spent = time.monotonic() - began
    assert counted == votes
    return spent


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _row(number: int) -> bytes:
    return csv_line(list(to_row(sample_vote(number)).values())).encode()


def _write_votes(folder: Path, rows: int, progress: Progress) -> Path:
    path = folder / FIRST_PART
    _write(path, map(_row, range(rows)), rows, progress, HEAD)
    return path


def _write(path: Path, lines: Iterator[bytes], total: int, progress: Progress, head: bytes = b"") -> None:
    began, done = time.monotonic(), 0
    with path.open("wb") as file:
        file.write(head)
        while batch := list(islice(lines, _BATCH)):
            file.write(b"".join(batch))
            done += len(batch)
            left = (time.monotonic() - began) / done * (total - done)
            progress(f"{path.name}: {done:,} of {total:,} lines written, {left:.0f} s left")
