"""`bench results`: how soon results are there on a log with many votes, and how often they are right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.bench.options import AsJson, measure, say
from commands.bench.table import gigabytes, seconds
from commands.bench.votes import DataFolder, work

if TYPE_CHECKING:
    from bench.load.results import Results
    from bench.load.sim_ratings import RatingCoverage
    from bench.load.sim_verdicts import Rate
    from bench.load.sim_votes import Coverage


@dataclass(frozen=True)
class Statistics:
    """The verdict, the adjusted share and the ratings on simulated classes, `runs` of each kind."""

    runs: int
    verdicts: tuple[Rate, ...]
    adjusted: tuple[Coverage, ...]
    ratings: tuple[RatingCoverage, ...]


def results(
    rows: Annotated[int, typer.Option(min=1, help="On so many votes.")] = 1_000_000,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="How often results are right on simulated classes, instead.")
    ] = False,
    runs: Annotated[int, typer.Option(min=100, help="Classes of each kind.")] = 1000,
    data_dir: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure results: the first view of many votes, the next after one more vote, a start with the index, memory. With
    --statistics: false winners, power and coverage on simulated classes."""
    if statistics:
        measure("results", as_json, lambda: _simulated(runs), _statistics_table)
        return

    def found() -> Results:
        from bench.load.results import measure_results

        folder: Path
        with work(data_dir) as folder:
            return measure_results(folder, rows, say)

    measure("results", as_json, found, _table)


def _simulated(runs: int) -> Statistics:
    from bench.load.sim_ratings import rating_table
    from bench.load.sim_verdicts import verdict_table
    from bench.load.sim_votes import coverage_table

    say("the verdict ...")
    verdicts = tuple(verdict_table(runs))
    say("the adjusted share ...")
    adjusted = tuple(coverage_table(runs))
    say("ratings ...")
    return Statistics(runs, verdicts, adjusted, tuple(rating_table(max(50, runs // 4))))


def _table(found: Results) -> list[str]:
    return [
        f"  {found.rows:,} votes, {gigabytes(found.log_bytes)}",
        f"  first view: {seconds(found.first_seconds)}",
        f"  after one more vote: median {seconds(found.next_median)}, slowest {seconds(found.next_most)}",
        f"  first view after a start that finds the index: {seconds(found.restart_seconds)}",
        f"  most memory: {gigabytes(found.peak_bytes)}",
    ]


def _statistics_table(found: Statistics) -> list[str]:
    lines = [f"  {found.runs:,} classes of each kind, 8 votes a rater"]
    for rate in found.verdicts:
        lines.append(f"  {rate.case}: {rate.what} {rate.share:.1%}" + (f" ({rate.promise})" if rate.promise else ""))
    lines.append("  reasons | raters | spread | raw share calls | adjusted calls | covers | says length | says side")
    for row in found.adjusted:
        shares = (row.raw_called, row.called, row.covered, row.length, row.side)
        lines.append(
            " | ".join([f"  {row.reasons}", str(row.raters), f"{row.spread:g}", *map("{:.1%}".format, shares)])
        )
    lines.append("  models | votes a rater | gap | spread | raters | rating intervals cover | without an interval")
    for one in found.ratings:
        setting = (one.setting.models, one.setting.votes, one.setting.gap, one.setting.spread, one.raters)
        lines.append("  " + " | ".join([*map("{:g}".format, setting), f"{one.covered:.1%}", f"{one.without:.1%}"]))
    return lines
