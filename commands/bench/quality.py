"""`bench quality`: what each rounding of the weights costs, measured on real weights."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from backends.machine import share_cores
from commands import errors_in_one_line

if TYPE_CHECKING:
    from bench.quality.rows import QualityRow


def quality(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Compare the roundings of weights: this project's, and llama.cpp's own, each against the float model.

    On the embedded model, by language, and on a small encoder. Takes some minutes. The needs of it stand in
    requirements-bench.txt.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    share_cores()
    with errors_in_one_line(as_json):
        from backends.folder.gguf import model_file
        from backends.models.catalog import EMBEDDED
        from bench.quality.needs import check_installed

        check_installed()
        path = model_file(EMBEDDED["smollm2-135m"])

        from bench.quality.rows import quality_rows

        rows = quality_rows(path, _progress)
    if sys.stderr.isatty():
        typer.echo(f"\r{'':<70}\r", err=True, nl=False)
    typer.echo(json.dumps({"rows": [asdict(row) for row in rows]}) if as_json else _table(rows))


def _progress(row: str, done: int, of: int) -> None:
    """A line that changes for someone who watches, plain lines for a log."""
    text = row if of == 1 else f"{row}: layer {done} of {of}"
    if sys.stderr.isatty():
        typer.echo(f"\r{text:<70}", err=True, nl=False)
    elif done % 10 == 0:
        typer.echo(text, err=True)


def _table(rows: list[QualityRow]) -> str:
    heads = f"{'':<28}{'bits':>5}" + "".join(f"{name:>26}" for name in ("all", "zh", "en")) + f"{'encoder':>10}"
    units = f"{'':<33}" + f"{'KL  same top  perplexity':>26}" * 3 + f"{'error':>10}"
    return "\n".join([heads, units, *(_line(row) for row in rows)])


def _line(row: QualityRow) -> str:
    error = "" if row.encoder_error is None else f"{row.encoder_error:.4f}"
    parts = [f"{q.kl:>9.4f}{q.agreement:>7.1%}{q.perplexity:>10.2f}" for q in (row.all, row.zh, row.en)]
    return f"{row.scheme:<28}{row.bits:>5.2f}{''.join(parts)}{error:>10}"
