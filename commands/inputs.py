"""Inputs that several commands share: recorded answers, and the note about damaged votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from arena.votes.store import ReadReport

FOLDER = "fetched"
Answers = Annotated[
    str,
    typer.Option(
        "--answers",
        metavar="ANSWERS",
        envvar="ARENA_ANSWERS",
        help="Recorded answers: a JSONL file, or hf:OWNER/NAME or modelscope:OWNER/NAME, a dataset with answers.jsonl "
        "(append #FILE for another file).",
    ),
]


def answers_file(name: str, data_dir: Path) -> Path | None:
    """The file of answers, downloaded first if it is in a dataset; None without a name.

    If the download fails, an older copy is used with a warning. Raises InputError, and BackendError without a copy.
    """
    from backup.answers import download_answers, in_dataset

    if not name:
        return None
    if not in_dataset(name):
        return Path(name)
    typer.echo(f"Downloading the answers {name} ...", err=True)
    download = download_answers(name, data_dir / FOLDER)
    if download.problem:
        typer.echo(f"Warning: {download.problem} Using the copy from last time.", err=True)
    return download.path


def tell_damage(report: ReadReport) -> None:
    """Prints one line on stderr if votes are counted although some of their text is damaged."""
    if not report.damaged:
        return
    first = report.damaged[0]
    typer.echo(
        f"Note: votes counted without their conversations or settings, which are damaged: {len(report.damaged)} "
        f"(the first: {first.part}, line {first.line}, {first.reason}). Spreadsheets cut long cells.",
        err=True,
    )
