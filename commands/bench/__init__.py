"""The `bench` commands."""

from __future__ import annotations

import typer

from commands.bench import engine, load, weights
from commands.bench.options import engine_command

HELP = "Measure: this engine and its rivals, the originals, rounding, the vote log, results, and a page under load."
bench = typer.Typer(help=HELP, no_args_is_help=True)


@bench.callback(help=HELP)
def group() -> None:
    """The `bench` commands."""


bench.command()(engine_command(engine.engine, engine.engine_table))
bench.command()(engine_command(engine.both, engine.figures_table, without={"shape", "rivals", "llama_bin"}))
bench.command()(engine_command(engine.users, engine.engine_table))
bench.command()(engine_command(engine.job, engine.figures_table, without={"llama_bin"}))
bench.command()(engine_command(engine.start, engine.start_table, without={"llama_bin"}))
for command in (weights.quality, weights.original, load.votes, load.results, load.load):
    bench.command()(command)
bench.command("class")(load.class_)
