"""The `bench` commands: those of an engine (engine.py), the vote log, and a page under load."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from commands.bench import engine
from commands.bench.output import report, say
from commands.options import AsJson

bench = typer.Typer(help="Measure speed, memory, votes and load.", no_args_is_help=True)
for measured in (engine.engine, engine.users, engine.job, engine.start):
    bench.command()(engine.engine_command(measured))
bench.command()(engine.engine_command(engine.both, without={"shape", "rivals"}))


@bench.command()
def votes(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="Threads that vote at once; one is measured too.")] = 24,
    duration: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds of voting.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Votes in a large log; 0 leaves it out.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure the vote log. Acknowledged votes per second, each on disk; a start and results with many votes.

    It is in a temporary folder; TMPDIR names a folder on another disk.
    """
    with report("votes", as_json) as figures:
        from bench.load.vote_log import measure_results, measure_start, measure_writing

        figures.update(writing=[], starting=None, results=None)
        for number in sorted({1, threads}):
            with TemporaryDirectory() as folder:
                figures["writing"].append(measure_writing(Path(folder), number, duration, say))
        if rows:
            with TemporaryDirectory() as folder:
                figures["starting"] = measure_start(Path(folder), rows, say)
                figures["results"] = measure_results(Path(folder), rows, say)


@bench.command()
def attack(
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="Simulated classes for each truth.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Measure attacks on the verdict. How often invented, copied or careless raters flip it, beside 200 honest ones.

    Simulated through the real limits, logs and results, with honest raters who prefer the other model or neither.
    """
    with report("attack", as_json) as figures:
        from bench.attacks import measure_attacks

        figures.update(measure_attacks(runs, say))


@bench.command()
def load(
    readers: Annotated[int, typer.Option(min=0, max=10_000, help="Readers who open pages and look around.")] = 200,
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters who vote on recorded answers.")] = 40,
    duration: Annotated[float, typer.Option("--seconds", min=1, help="Seconds; 1800 shows a memory leak.")] = 180.0,
    as_json: AsJson = False,
) -> None:
    """Measure a public page. Over loopback: readers and raters at once.

    --readers 0 --raters 200 is a class: 20 votes per second in one room.
    """
    with report("load", as_json) as figures, TemporaryDirectory() as folder:
        from bench.load.crowd import Crowd, measure_crowd

        crowd = Crowd(readers=readers, raters=raters, seconds=duration)
        figures.update(measure_crowd(Path(folder), crowd, say))
