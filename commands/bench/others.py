"""`bench quality`, `families`, `votes`, `class`, `results` and `load`: all without an engine."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from arena.errors import InputError
from backends.machine import share_cores
from commands.bench.output import Figures, report, say
from commands.options import AsJson, ModelA, ModelB


def quality(as_json: AsJson = False) -> None:
    """Compare quantized weights with the original. This project's and llama.cpp's, each against the float model.

    On the embedded model, by language. Takes some minutes. Needs requirements-bench.txt.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    share_cores()
    with report("quality", as_json) as figures:
        from backends.folder.gguf import model_file
        from backends.models.catalog import EMBEDDED

        try:
            from bench.quality import quality_rows
        except ImportError as error:
            install = "pip install -r requirements-hf.txt and pip install --no-deps -r requirements-bench.txt"
            raise InputError("bench_missing", f"bench quality needs {error.name}: {install}") from error
        figures["rows"] = quality_rows(model_file(EMBEDDED["smollm2-135m"]), say)


def families(
    types: Annotated[
        list[str] | None, typer.Argument(metavar="TYPE", help="Model types of config.json; by default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare model families with the library's own code. Tiny folders with random weights, in float, int8 and int4.

    Prints the table in docs/models.md. Takes some minutes; the exit code is 2 if a family is not computed correctly.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with report("families", as_json, _table_of_families) as figures:
        from backends.families.support import COMPARED, REFUSED
        from bench.families import family_rows

        if unknown := sorted(set(types or ()) - {*COMPARED, *REFUSED}):
            known = ", ".join(COMPARED)
            message = f"{unknown[0]} was never compared. Known: {known}."
            raise InputError("bench_family", message, name=unknown[0], known=known)
        figures["families"] = [vars(row) for row in family_rows(types or (), say)]
    if any(row["wrong"] for row in figures["families"]):
        raise typer.Exit(2)


def _table_of_families(figures: Figures) -> list[str]:
    from bench.families import FamilyRow, table_of

    return table_of([FamilyRow(**row) for row in figures["families"]])


def votes(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="Threads that vote at once; one is measured too.")] = 24,
    duration: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds of voting.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Votes in the log at a start; 0 leaves it out.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure the vote log. Acknowledged votes per second, each on disk, and the start with many votes.

    It is in a temporary folder; TMPDIR names a folder on another disk.
    """
    with report("votes", as_json) as figures:
        from bench.load.vote_log import measure_start, measure_writing

        figures.update(writing=[], starting=None)
        for number in sorted({1, threads}):
            with TemporaryDirectory() as folder:
                figures["writing"].append(measure_writing(Path(folder), number, duration, say))
        if rows:
            with TemporaryDirectory() as folder:
                figures["starting"] = measure_start(Path(folder), rows, say)


def class_(
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters in one room.")] = 200,
    rate: Annotated[float, typer.Option(min=0.1, help="Votes per second of all raters.")] = 20.0,
    duration: Annotated[float, typer.Option("--seconds", min=1, help="Seconds of voting.")] = 180.0,
    as_json: AsJson = False,
) -> None:
    """Measure a class that votes. Raters in one room of a served page; lost and duplicate votes are counted."""
    with report("class", as_json) as figures, TemporaryDirectory() as folder:
        from bench.load.crowd import Crowd, measure_crowd

        crowd = Crowd(readers=0, raters=raters, seconds=duration, rater_pause=raters / rate)
        figures.update(measure_crowd(Path(folder), crowd, say))


def results(
    rows: Annotated[int, typer.Option(min=1, help="Votes in the log.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure results on many votes. The first view, the next after one more vote, a start with the index, memory."""
    with report("results", as_json) as figures, TemporaryDirectory() as folder:
        from bench.load.vote_log import measure_results

        figures.update(measure_results(Path(folder), rows, say))


def load(
    readers: Annotated[int, typer.Option(min=0, max=10_000, help="Readers who open pages and look around.")] = 200,
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters who vote on recorded answers.")] = 40,
    duration: Annotated[
        float, typer.Option("--seconds", min=0, help="Seconds; 1800 shows a memory leak, 0 leaves the crowd out.")
    ] = 180.0,
    chats: Annotated[int, typer.Option(min=0, max=100, help="Live chats at once after that; 0 leaves them out.")] = 8,
    a: ModelA = "",
    b: ModelB = "",
    as_json: AsJson = False,
) -> None:
    """Measure a public page. Over loopback: readers and raters at once, then live chats that queue."""
    with report("load", as_json) as figures:
        from bench.load.crowd import Crowd, measure_chats, measure_crowd

        figures.update(crowd=None, chats=None)
        if duration:
            with TemporaryDirectory() as folder:
                crowd = Crowd(readers=readers, raters=raters, seconds=duration)
                figures["crowd"] = measure_crowd(Path(folder), crowd, say)
        if chats:
            with TemporaryDirectory() as folder:
                figures["chats"] = measure_chats(Path(folder), (a, b), chats, say)
