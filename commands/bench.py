"""`bench`: the commands that measure. Holds their list and no logic."""

from __future__ import annotations

import typer

from commands.bench_both import both
from commands.bench_engine import engine
from commands.bench_job import job
from commands.bench_load import load
from commands.bench_original import original
from commands.bench_quality import quality
from commands.bench_results import results
from commands.bench_start import start
from commands.bench_users import users
from commands.bench_votes import class_, votes

HELP = "Measure: the engine, its rivals, the originals, the vote log, results, a class and a public arena."
bench = typer.Typer(help=HELP, no_args_is_help=True)


@bench.callback(help=HELP)
def group() -> None:
    """The commands that measure."""


for command in (engine, both, users, job, start, quality, original, votes, results, load):
    bench.command()(command)
bench.command("class")(class_)
