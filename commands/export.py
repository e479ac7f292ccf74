"""`export`: writes all votes into one file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.inputs import tell_damage
from commands.models import DataDir
from commands.progress import StatusLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.exports.export import Progress
    from arena.votes.store import ReadReport

_STEPS = {
    "reading": "reading votes",
    "votes": "writing votes",
    "parquet": "writing votes.parquet",
    "zip": "compressing",
}


def export(
    target: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The file to write: FILE.zip with every format, FILE.csv or FILE.xlsx."),
    ],
    votes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VOTES.csv ...]", help="Files of votes, or patterns; by default those of the data folder."
        ),
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Writes all votes to FILE: one CSV, one Excel workbook, or a zip with every format: also Parquet, and files for
    FastChat, evalica, TRL and LLaMA-Factory.

    Further parts of a file of votes (votes-2.csv, ...) are included. Withdrawn votes and second votes of one rater on
    one battle are left out and counted. Safe to run while the page is up.
    """
    progress = _StepProgress()
    with errors_in_one_line(as_json, file=str(target)):
        try:
            report = _written(target, votes, data_dir, progress.show)
        finally:
            progress.finish()
    tell_damage(report)
    if as_json:
        typer.echo(json.dumps({"file": str(target), **asdict(report)}))
        return
    left_out = {"second votes": report.duplicates, "withdrawn": report.withdrawn, "unreadable": len(report.unreadable)}
    words = ", ".join(f"{name} {count}" for name, count in left_out.items() if count)
    typer.echo(f"{target}: {report.rows} votes" + (f"; left out: {words}" if words else ""))


def _written(target: Path, votes: Sequence[str] | None, data_dir: Path, progress: Progress) -> ReadReport:
    from arena.exports.export import export_bundle, export_csv, export_xlsx
    from arena.votes.store import store_of, store_of_files
    from backends.models.catalog import EMBEDDED, FETCHED

    if not votes and not data_dir.is_dir():
        raise InputError("export_nothing", f"There is no data folder {data_dir}.", folder=str(data_dir))
    store = store_of_files(map(Path, votes)) if votes else store_of(data_dir)
    match target.suffix.lower():
        case ".zip":
            return export_bundle(store, target, (*FETCHED.values(), *EMBEDDED.values()), progress)
        case ".xlsx":
            return export_xlsx(store, target, progress)
        case ".csv":
            return export_csv(store, target, progress)
    raise InputError("export_kind", f"{target} must end in .zip, .csv or .xlsx.", path=str(target))


class _StepProgress:
    """Shows the progress of consecutive steps on stderr."""

    def __init__(self) -> None:
        self._step = ""
        self._bar = StatusLine(in_bytes=True)

    def show(self, step: str, done: int, total: int) -> None:
        """Updates the line, or begins one for a new step."""
        if step != self._step:
            self._bar.finish()
            self._step, self._bar = step, StatusLine(in_bytes=True)
        self._bar.show(_STEPS[step], done, total)

    def finish(self) -> None:
        """Ends the line."""
        self._bar.finish()
