"""`bench`: the commands that measure. Holds their list and no logic."""

from __future__ import annotations

import typer

from commands.bench_both import both
from commands.bench_engine import engine
from commands.bench_job import job
from commands.bench_original import original
from commands.bench_quality import quality
from commands.bench_results import results
from commands.bench_start import start
from commands.bench_users import users
from commands.bench_votes import class_, votes

bench = typer.Typer(
    help="Measure: the engine, its rivals, the originals, the vote log, results and a class.", no_args_is_help=True
)


@bench.callback()
def group() -> None:
    """Measure: the engine, its rivals, the originals, the vote log, results and a class."""


for command in (engine, both, users, job, start, quality, original, votes, results):
    bench.command()(command)
bench.command("class")(class_)
