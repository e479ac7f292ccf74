"""`export`: all votes of a data folder as one file to take away."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.models import DataDir
from commands.progress import ByteProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.votes import ReadReport
    from arena.votes.export import Progress

_STEPS = {"votes": "reading and writing votes", "parquet": "writing votes.parquet", "zip": "compressing"}


def export(
    target: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="What to write: FILE.zip with every format, FILE.csv or FILE.xlsx."),
    ],
    votes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VOTES.csv ...]", help="Files of votes, or patterns; else the data folder's."),
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Write all votes to FILE: one CSV, one Excel workbook, or a zip that also holds Parquet, and files for FastChat,
    evalica, TRL and LLaMA-Factory.

    A file of votes brings its further parts along (votes-2.csv, ...). Withdrawn votes and second votes of one rater on
    one battle are left out and counted. It may run while the page is up.
    """
    progress = _StepProgress()
    with errors_in_one_line(as_json, file=str(target)):
        try:
            report = _written(target, votes, data_dir, progress.show)
        finally:
            progress.finish()
    if as_json:
        typer.echo(json.dumps({"file": str(target), **asdict(report)}))
        return
    left_out = {"second votes": report.duplicates, "withdrawn": report.withdrawn, "unreadable": len(report.unreadable)}
    words = ", ".join(f"{name} {count}" for name, count in left_out.items() if count)
    typer.echo(f"{target}: {report.rows} votes" + (f"; left out: {words}" if words else ""))


def _written(target: Path, votes: Sequence[str] | None, data_dir: Path, progress: Progress) -> ReadReport:
    from arena.votes.bundle import export_bundle
    from arena.votes.export import export_csv, export_xlsx
    from backends.catalog import EMBEDDED, FETCHED

    parts, withdrawn = _named(votes, data_dir)
    match target.suffix.lower():
        case ".zip":
            known = (*FETCHED.values(), *EMBEDDED.values())
            return export_bundle(parts, target, known, withdrawn, progress)
        case ".xlsx":
            return export_xlsx(parts, target, withdrawn, progress)
        case ".csv":
            return export_csv(parts, target, withdrawn, progress)
    raise InputError("export_kind", f"{target} must end in .zip, .csv or .xlsx.", path=str(target))


def _named(votes: Sequence[str] | None, data_dir: Path) -> tuple[list[Path], frozenset[str]]:
    """The files to read, and the ids of withdrawn votes."""
    from arena.votes.named import named_logs, parts_of_logs
    from arena.votes.parts import list_parts
    from arena.votes.withdrawn import withdrawn_beside, withdrawn_votes

    if votes:
        logs = named_logs(map(Path, votes))
        return parts_of_logs(logs), withdrawn_beside(logs)
    if not data_dir.is_dir():
        raise InputError("export_nothing", f"There is no data folder {data_dir}.", folder=str(data_dir))
    return list_parts(data_dir), withdrawn_votes(data_dir)


class _StepProgress:
    """Progress of one step after the other on stderr."""

    def __init__(self) -> None:
        self._step = ""
        self._bar = ByteProgress()

    def show(self, step: str, done: int, total: int) -> None:
        """Write the line if it is time for one."""
        if step != self._step:
            self._bar.finish()
            self._step, self._bar = step, ByteProgress()
        self._bar.show(done, total, _STEPS[step])

    def finish(self) -> None:
        """Leave the terminal at the beginning of an empty line."""
        self._bar.finish()
