"""The `bench` commands."""

import typer

from commands.bench import engine, others

HELP = "Measure speed, memory, quality, votes and load."
bench = typer.Typer(help=HELP, no_args_is_help=True)
for measured in (engine.engine, engine.users, engine.job, engine.start):
    bench.command()(engine.engine_command(measured))
bench.command()(engine.engine_command(engine.both, without={"shape", "rivals"}))
for command in (others.quality, others.families, others.votes, others.results, others.load):
    bench.command()(command)
bench.command("class")(others.class_)
