"""`bench results`: how soon results are there on a log with many votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.bench_options import AsJson, measure, say
from commands.bench_table import gigabytes, seconds
from commands.bench_votes import Place, work

if TYPE_CHECKING:
    from load.results import Results


def results(
    rows: Annotated[int, typer.Option(min=1, help="On so many votes.")] = 1_000_000,
    data_dir: Place = None,
    as_json: AsJson = False,
) -> None:
    """Measure results: the first view of many votes, the next after one more vote, a start with the index, memory."""

    def found() -> Results:
        from load.results import measure_results

        folder: Path
        with work(data_dir) as folder:
            return measure_results(folder, rows, say)

    measure("results", as_json, found, _table)


def _table(found: Results) -> list[str]:
    return [
        f"  {found.rows:,} votes, {gigabytes(found.log_bytes)}",
        f"  first view: {seconds(found.first_seconds)}",
        f"  after one more vote: median {seconds(found.next_median)}, slowest {seconds(found.next_most)}",
        f"  first view after a start that finds the index: {seconds(found.restart_seconds)}",
        f"  most memory: {gigabytes(found.peak_bytes)}",
    ]
