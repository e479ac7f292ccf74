"""Recorded answers that a command works with: the option, and where the file is. Reads none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FOLDER = "fetched"
Answers = Annotated[
    str,
    typer.Option(
        "--answers",
        metavar="ANSWERS",
        envvar="ARENA_ANSWERS",
        help="Recorded answers: a JSONL file, or hf:OWNER/NAME or modelscope:OWNER/NAME, a dataset with answers.jsonl "
        "(#FILE after it names another).",
    ),
]


def answers_file(named: str, data_dir: Path) -> Path | None:
    """The file, fetched from its dataset first; None where none is named. Raises InputError and BackendError.

    Where the hub does not give it, the copy of the last time is used, and a warning says so.
    """
    from backup.answers import fetch_answers, in_dataset

    if not named:
        return None
    if not in_dataset(named):
        return Path(named)
    typer.echo(f"Fetching the answers {named} ...", err=True)
    found = fetch_answers(named, data_dir / FOLDER)
    if found.problem:
        typer.echo(f"Warning: {found.problem} The copy of the last time is used.", err=True)
    return found.path
