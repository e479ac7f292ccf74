"""`bench votes` and `bench class`: the vote log under load, and a class of raters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.bench.options import AsJson, measure, say
from commands.bench.table import gigabytes, seconds

if TYPE_CHECKING:
    from bench.load.raters import ClassLoad, Times
    from bench.load.vote_log import Starting, Writing

DataFolder = Annotated[
    Path | None, typer.Option("--data-dir", metavar="FOLDER", help="On whose disk; a temporary folder if none.")
]


@dataclass(frozen=True)
class VotesReport:
    """The log by threads that vote, and a start on many votes."""

    writing: tuple[Writing, ...]
    starting: Starting | None


def votes(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="Threads that vote at once; one is measured too.")] = 24,
    duration: Annotated[float, typer.Option("--seconds", min=0.1, help="For so long.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Start on a log of so many votes; 0 leaves it out.")] = 1_000_000,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure the vote log: acknowledged votes a second, each on disk, and the start on a log with many votes."""

    def found() -> VotesReport:
        from bench.load.vote_log import measure_start, measure_writing

        writing = []
        for number in sorted({1, threads}):
            with work(data_dir) as folder:
                writing.append(measure_writing(folder, number, duration, say))
        if not rows:
            return VotesReport(tuple(writing), None)
        with work(data_dir) as folder:
            return VotesReport(tuple(writing), measure_start(folder, rows, say))

    measure("votes", as_json, found, _votes_table)


def class_(
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters in one room.")] = 200,
    rate: Annotated[float, typer.Option(min=0.1, help="Votes a second of all together.")] = 20.0,
    duration: Annotated[float, typer.Option("--seconds", min=1, help="For so long.")] = 180.0,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure a class: a served page, raters in one room over loopback, and what the log has of their votes."""

    def found() -> ClassLoad:
        from bench.load.raters import measure_class

        with work(data_dir) as folder:
            return measure_class(folder, raters, rate, duration, say)

    measure("class", as_json, found, _class_table)


@contextmanager
def work(data_dir: Path | None) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    if data_dir:
        data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix="bench-") as folder:
        yield Path(folder)


def _votes_table(report: VotesReport) -> list[str]:
    lines = [
        f"  {one.threads} threads: {one.per_second:,.0f} votes/s on disk, each of {one.row_bytes:,} bytes; "
        f"one takes {one.median_ms:.1f} ms, a slow one (95 %) {one.p95_ms:.1f} ms"
        for one in report.writing
    ]
    if found := report.starting:
        lines += [
            f"  {found.rows:,} votes ({gigabytes(found.log_bytes)}): ready to take votes after "
            f"{seconds(found.log_seconds)}",
            f"  raters go on where they were ({found.events:,} events) after another {seconds(found.judging_seconds)}; "
            f"memory at most {gigabytes(found.peak_bytes)}",
        ]
    return lines


def _class_table(found: ClassLoad) -> list[str]:
    held = "" if found.server_bytes is None else f"; the server holds {gigabytes(found.server_bytes)}"
    return [
        f"  {found.raters} raters, {found.votes_per_second:.1f} votes/s for {found.seconds:.0f} s{held}",
        f"  a vote: {_times(found.vote)}",
        f"  the next battle: {_times(found.battle)}",
        f"  acknowledged {found.acknowledged:,}, lost {found.lost}, doubled {found.doubled}, "
        f"errors {sum(found.errors.values())}",
        *(f"    {number} times {text}" for text, number in found.errors.items()),
    ]


def _times(found: Times) -> str:
    usual, slow = f"{found.median_ms:.0f} ms", f"{found.p95_ms:.0f} ms"
    return f"median {usual}, 95 % {slow}, at most {found.most_ms:.0f} ms ({found.count:,})"
