"""`export`: all votes of a data folder as one file to take away."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.damage import tell_damage
from commands.models import DataDir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.votes.store import ReadReport


def export(
    target: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to write: FILE.zip with all forms, or FILE.csv.")
    ],
    votes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VOTES.csv ...]", help="Files of votes, or patterns; else the data folder's."),
    ] = None,
    data_dir: DataDir = Path("data"),
    excel: Annotated[bool, typer.Option("--excel", help="A CSV made safe for spreadsheets.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Write all votes to FILE: a zip for pandas, FastChat, TRL, evalica and spreadsheets, or one CSV.

    A file of votes brings its further parts along (votes-2.csv, ...). Withdrawn votes and second votes of one rater on
    one battle are left out and counted. It may run while the page is up.
    """
    with errors_in_one_line(as_json, file=str(target)):
        report = _written(target, votes, data_dir, excel)
    tell_damage(report)
    if as_json:
        typer.echo(json.dumps({"file": str(target), **asdict(report)}))
        return
    left_out = {"second votes": report.duplicates, "withdrawn": report.withdrawn, "unreadable": len(report.unreadable)}
    words = ", ".join(f"{name} {count}" for name, count in left_out.items() if count)
    typer.echo(f"{target}: {report.rows} votes" + (f"; left out: {words}" if words else ""))


def _written(target: Path, votes: Sequence[str] | None, data_dir: Path, excel: bool) -> ReadReport:
    from arena.votes.brought import BroughtFiles
    from arena.votes.bundle import export_bundle
    from arena.votes.export import export_csv, export_excel
    from arena.votes.parts import list_parts
    from arena.votes.withdrawn import withdrawn_votes
    from backends.catalog import EMBEDDED, FETCHED

    if not votes and not data_dir.is_dir():
        raise InputError("export_nothing", f"There is no data folder {data_dir}.", folder=str(data_dir))
    if votes:
        brought = BroughtFiles(map(Path, votes))
        if target.resolve() in brought.files:
            raise InputError("export_into_log", f"{target} holds the votes: choose another file.", path=str(target))
        parts, withdrawn = brought.parts, brought.withdrawn()
    else:
        parts, withdrawn = list_parts(data_dir), withdrawn_votes(data_dir)
    match target.suffix.lower():
        case ".zip":
            return export_bundle(parts, target, (*FETCHED.values(), *EMBEDDED.values()), withdrawn)
        case ".csv":
            return (export_excel if excel else export_csv)(parts, target, withdrawn)
    raise InputError("export_kind", f"{target} must end in .zip or .csv.", path=str(target))
