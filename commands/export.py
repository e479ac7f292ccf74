"""`export`: writes all votes into one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from backends.models.catalog import EMBEDDED, FETCHED
from commands import errors_in_one_line
from commands.options import AsJson, DataDir, Votes, vote_store, warn_of_damage
from commands.progress import StatusLine

if TYPE_CHECKING:
    from arena.exports.export import Progress
    from arena.votes.store import ReadReport

_STEPS = {
    "reading": "reading votes",
    "votes": "writing votes",
    "parquet": "writing votes.parquet",
    "zip": "compressing",
}


def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    votes: Votes = None,
    data_dir: DataDir = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Write all votes to one file.

    FILE.csv is a table, FILE.xlsx an Excel workbook, FILE.zip has every format: also Parquet, and files for FastChat,
    evalica, TRL and LLaMA-Factory. Further parts of a vote file (votes-2.csv, ...) are included. Withdrawn votes and a
    rater's second vote on a battle are left out and counted. Safe to run while the page is up.
    """
    with errors_in_one_line(as_json, file=str(target)), StatusLine(in_bytes=True) as line:
        report = _written(target, votes, data_dir, lambda step, done, total: line.show(_STEPS[step], done, total))
    warn_of_damage(report)
    if as_json:
        typer.echo(json.dumps({"file": str(target), **asdict(report)}))
        return
    left_out = {"second votes": report.duplicates, "withdrawn": report.withdrawn, "unreadable": len(report.unreadable)}
    words = ", ".join(f"{name} {count}" for name, count in left_out.items() if count)
    typer.echo(f"{target}: {report.rows} votes" + (f"; left out: {words}" if words else ""))


def _written(target: Path, votes: Sequence[str] | None, data_dir: Path, progress: Progress) -> ReadReport:
    from arena.exports.export import export_bundle, export_table

    store = vote_store(votes, data_dir)
    match target.suffix.lower():
        case ".zip":
            return export_bundle(store, target, (*FETCHED.values(), *EMBEDDED.values()), progress)
        case ".xlsx" | ".csv":
            return export_table(store, target, progress)
    raise InputError("export_kind", f"{target} must end in .zip, .csv or .xlsx.", path=str(target))
