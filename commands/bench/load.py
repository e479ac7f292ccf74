"""`bench votes`, `class`, `results` and `load`: the vote log, a class, the results, and a public page under load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from commands.bench.options import AsJson, Figures, measure, say
from commands.bench.table import figure_lines
from commands.models import ModelA, ModelB

DataFolder = Annotated[
    Path | None, typer.Option("--data-dir", metavar="FOLDER", help="Where to write; a temporary folder by default.")
]


def votes(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="Threads that vote at once; one is measured too.")] = 24,
    duration: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds of voting.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Votes in the log at a start; 0 leaves it out.")] = 1_000_000,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure the vote log: acknowledged votes per second, each on disk, and the start with many votes."""

    def measured() -> Figures:
        from bench.load.vote_log import measure_start, measure_writing

        writing, starting = [], None
        for number in sorted({1, threads}):
            with _folder(data_dir) as folder:
                writing.append(measure_writing(folder, number, duration, say))
        if rows:
            with _folder(data_dir) as folder:
                starting = measure_start(folder, rows, say)
        return {"writing": writing, "starting": starting}

    measure("votes", as_json, measured, figure_lines)


def class_(
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters in one room.")] = 200,
    rate: Annotated[float, typer.Option(min=0.1, help="Votes per second of all raters.")] = 20.0,
    duration: Annotated[float, typer.Option("--seconds", min=1, help="Seconds of voting.")] = 180.0,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure a class: raters in one room vote on a served page over loopback; lost and duplicate votes are counted."""

    def measured() -> Figures:
        from bench.load.crowd import measure_class

        with _folder(data_dir) as folder:
            return measure_class(folder, raters, rate, duration, say)

    measure("class", as_json, measured, figure_lines)


def results(
    rows: Annotated[int, typer.Option(min=1, help="Votes in the log.")] = 1_000_000,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="How often results are right on simulated classes, instead.")
    ] = False,
    runs: Annotated[int, typer.Option(min=100, help="Simulated classes of each kind.")] = 1000,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure results on many votes: the first view, the next after one more vote, a start with the index, memory.

    With --statistics: false winners, power and coverage on simulated classes.
    """

    def timed() -> Figures:
        from bench.load.vote_log import measure_results

        with _folder(data_dir) as folder:
            return measure_results(folder, rows, say)

    def simulated() -> Figures:
        from bench.simulations import coverage_table, rating_table
        from bench.verdict_simulations import verdict_table

        say("Simulating the verdict ...")
        verdicts = list(map(asdict, verdict_table(runs)))
        say("Simulating the adjusted share ...")
        adjusted = list(map(asdict, coverage_table(runs)))
        say("Simulating ratings ...")
        ratings = list(map(asdict, rating_table(max(50, runs // 4))))
        return {"runs": runs, "verdicts": verdicts, "adjusted": adjusted, "ratings": ratings}

    measure("results", as_json, simulated if statistics else timed, figure_lines)


def load(
    readers: Annotated[int, typer.Option(min=0, max=10_000, help="Readers who open pages and look around.")] = 200,
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters who vote on recorded answers.")] = 40,
    duration: Annotated[
        float, typer.Option("--seconds", min=0, help="Seconds; 1800 shows a memory leak, 0 leaves the crowd out.")
    ] = 180.0,
    chats: Annotated[int, typer.Option(min=0, max=100, help="Live chats at once after that; 0 leaves them out.")] = 8,
    a: ModelA = "",
    b: ModelB = "",
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure a public page over loopback: readers and raters at once, then live chats that queue."""

    def measured() -> Figures:
        from bench.load.crowd import measure_chats, measure_crowd

        figures: Figures = {"crowd": None, "chats": None}
        if duration:
            with _folder(data_dir) as folder:
                figures["crowd"] = measure_crowd(folder, readers, raters, duration, say)
        if chats:
            with _folder(data_dir) as folder:
                figures["chats"] = measure_chats(folder, [name for name in (a, b) if name], chats, say)
        return figures

    measure("load", as_json, measured, figure_lines)


@contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    """A folder that is deleted afterwards."""
    if data_dir:
        data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix="bench-") as folder:
        yield Path(folder)
