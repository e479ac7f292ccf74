"""`bench`: the commands that measure. Holds their list and no logic."""

from __future__ import annotations

import typer

from commands.bench import both, engine, job, load, original, quality, results, start, users, votes

HELP = "Measure: the engine, its rivals, the originals, the vote log, results, a class and a public arena."
bench = typer.Typer(help=HELP, no_args_is_help=True)


@bench.callback(help=HELP)
def group() -> None:
    """The commands that measure."""


COMMANDS = (
    engine.engine,
    both.both,
    users.users,
    job.job,
    start.start,
    quality.quality,
    original.original,
    votes.votes,
    results.results,
    load.load,
)
for command in COMMANDS:
    bench.command()(command)
bench.command("class")(votes.class_)
