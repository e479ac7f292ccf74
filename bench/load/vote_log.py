"""How fast sample votes reach the disk, and how soon the app and its results are ready with many of them."""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.events import EventLog
from arena.generation_config import GenerationConfig
from arena.judging.ballots import Ballots
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.results.service import ResultsService
from arena.types import Answer, Battle, Message, ModelSpec, Side, Usage, Vote, Winner
from arena.votes import FIRST_PART, VoteLog
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row
from arena.votes.store import VoteStore
from backends.machine.memory import process_bytes
from bench.probe import Figures, Progress

_BATCH = 10_000  # lines in one write
_LOOKS = 9
# As long as the average reference answer; a row then has 2.6 kB, since it holds each answer twice.
ANSWER = '这句话有歧义：“他背着小王\n做了这件事”，既可以是 "背负"，也可以是, "瞒着"。' * 4
MODELS = ("model-one", "model-two")
RATER_VOTES = 8
_OUTCOMES = (*[Winner.MODEL_A] * 5, *[Winner.MODEL_B] * 4, Winner.TIE, Winner.BOTH_BAD)
_SWAPPED = {Winner.MODEL_A: Winner.MODEL_B, Winner.MODEL_B: Winner.MODEL_A}


def measure_writing(folder: Path, threads: int, seconds: float, progress: Progress) -> Figures:
    """Votes acknowledged, each on disk, by `threads` threads, and how long one takes."""
    progress(f"{threads} threads vote for {seconds:g} s ...")
    numbers, end = count(), time.monotonic() + seconds
    took: list[float] = []

    def vote(_: int) -> None:
        while (began := time.monotonic()) < end:
            log.append(sample_vote(next(numbers)))
            took.append(1000 * (time.monotonic() - began))

    with VoteLog(folder / FIRST_PART) as log:
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(vote, range(threads)))
        spent = time.monotonic() - began
    return {"threads": threads, "row_bytes": len(_row(0)), "per_second": len(took) / spent, **times(took)}


def times(milliseconds: Sequence[float]) -> Figures:
    """At least one time, summarised."""
    ordered = sorted(milliseconds)
    late = ordered[int(0.95 * (len(ordered) - 1))]
    return {"count": len(ordered), "median_ms": statistics.median(ordered), "p95_ms": late, "most_ms": ordered[-1]}


def measure_start(folder: Path, rows: int, progress: Progress) -> Figures:
    """A start with many votes: seconds until the log takes votes, and until raters can continue where they were."""
    answers = folder / "answers.jsonl"
    answers.write_text("\n".join(sample_answers(RATER_VOTES)), encoding="utf-8")
    pairs, path = load_pairs(answers, ()), folder / FIRST_PART
    _write(path, map(_row, range(rows)), rows, progress, HEAD)
    events = (line.encode() + b"\n" for line in sample_events(rows, [pair.id for pair in pairs]))
    _write(folder / EVENTS, events, 2 * rows, progress)
    progress("Starting ...")
    began = time.monotonic()
    log = VoteLog(path)
    opened = time.monotonic()
    with log, EventLog(folder) as event_log:
        rooms = Rooms(pairs, Ballots(log), event_log)
        event_log.follow(rooms.replay)
        ready = time.monotonic()
        assert rooms.main.progress.votes == rows
    return {
        "rows": rows,
        "log_bytes": path.stat().st_size,
        "log_seconds": opened - began,
        "events": 2 * rows,
        "judging_seconds": ready - opened,
        "peak_bytes": process_bytes("VmHWM"),
    }


def measure_results(folder: Path, rows: int, progress: Progress) -> Figures:
    """Seconds until the results of a folder with `rows` votes are there: at first, and after one more vote."""
    progress("Reading the votes ...")
    service = ResultsService(VoteStore(folder))
    first = _look_seconds(service, rows)
    looks = []
    with VoteLog(folder / FIRST_PART) as log:
        for number in range(rows, rows + _LOOKS):
            log.append(sample_vote(number))
            looks.append(_look_seconds(service, number + 1))
    return {
        "first_seconds": first,
        "next_median": statistics.median(looks),
        "next_most": max(looks),
        "peak_bytes": process_bytes("VmHWM"),
    }


def _look_seconds(service: ResultsService, votes: int) -> float:
    began = time.monotonic()
    counted = service.figures().votes
    spent = time.monotonic() - began
    assert counted == votes
    return spent


def _row(number: int) -> bytes:
    return csv_line(list(to_row(sample_vote(number)).values())).encode()


def _write(path: Path, lines: Iterator[bytes], total: int, progress: Progress, head: bytes = b"") -> None:
    began, done = time.monotonic(), 0
    with path.open("wb") as file:
        file.write(head)
        while batch := list(islice(lines, _BATCH)):
            file.write(b"".join(batch))
            done += len(batch)
            left = (time.monotonic() - began) / done * (total - done)
            progress(f"{path.name}: {done:,} of {total:,} lines written, {left:.0f} s left")


def sample_vote(number: int) -> Vote:
    """A vote on a battle of its own; RATER_VOTES in a row are one rater's. The first model wins slightly more often."""
    drawn = number * 2654435761 % 2**32
    is_swapped, outcome = drawn >> 31, _OUTCOMES[(drawn >> 8) % len(_OUTCOMES)]
    a, b = (_side(model) for model in (reversed(MODELS) if is_swapped else MODELS))
    place = number % RATER_VOTES
    battle = Battle(
        id=f"{number:032x}",
        prompt="这句话是什么意思？",
        a=a,
        b=b,
        prompt_id=f"q{place}",
        dimension="reasoning",
        blind=True,
        source="recorded",
    )
    judge = f"{number // RATER_VOTES:024x}"
    winner = _SWAPPED.get(outcome, outcome) if is_swapped else outcome
    return Vote(f"{number:032x}", battle, winner, judge=judge, time=time.time(), language="Chinese", leaked=False)


def _side(model: str) -> Side:
    spec = ModelSpec(id=model, name=model, family="", source="", runtime="", precision="int4", revision="0" * 40)
    answer = Answer(ANSWER, finish_reason="stop", usage=Usage(new_tokens=180, first_token_seconds=1.25, seconds=40.5))
    return Side(spec, (Message("user", "这句话是什么意思？"),), GenerationConfig(seed=7), answer)


def sample_answers(prompts: int) -> Iterator[str]:
    """Lines of an answers file with two models."""
    for number in range(prompts):
        for model in MODELS:
            entry = {"prompt_id": f"q{number}", "prompt": f"第 {number} 题：这句话是什么意思？", "model": model}
            yield json.dumps({**entry, "response": f"{model} {number}: {ANSWER}", "seconds": 40.5}, ensure_ascii=False)


def sample_events(votes: int, pairs: list[str]) -> Iterator[str]:
    """Lines of an event log in which raters have cast `votes` votes, RATER_VOTES each, on pairs with these keys."""
    now = time.time()
    for number in range(votes):
        rater, place = divmod(number, RATER_VOTES)
        about = {"judge": f"{rater:024x}", "battle": f"{number:032x}", "room": ""}
        shown = {"pair": pairs[place % len(pairs)], "swapped": number % 2 == 0, "repeat_of": ""}
        yield json.dumps({"kind": "shown", "time": now, **about, **shown})
        yield json.dumps({"kind": "voted", "time": now, **about})
