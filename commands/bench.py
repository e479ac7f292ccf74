"""`bench`: the commands that measure. Holds their list and no logic."""

from __future__ import annotations

import typer

from commands.bench_original import original
from commands.bench_quality import bench_quality

bench = typer.Typer(help="Measure: the engine, its rivals, and the originals.", no_args_is_help=True)


@bench.callback()
def group() -> None:
    """Measure: the engine, its rivals, and the originals."""


bench.command()(original)
bench.command("quality")(bench_quality)
