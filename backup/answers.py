"""Recorded answers that are kept in a dataset on a hub. Knows nothing of what is in them, nor who judges them."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from arena.errors import ArenaError, BackendError, InputError
from hubs import Dataset, named_dataset, status_of

FILE = "answers.jsonl"
_FILE_NAME = re.compile(r"(?!.*\.\.)[\w.-]+(?:/[\w.-]+)*")


@dataclass(frozen=True)
class Fetched:
    """The file here; `problem` tells why it is the copy of an earlier time, if it is."""

    path: Path
    problem: ArenaError | None = None


def in_dataset(named: str) -> bool:
    """Whether a dataset is meant and no file."""
    return named.startswith(("hf:", "modelscope:"))


def fetch_answers(named: str, folder: Path) -> Fetched:
    """Bring `hf:OWNER/NAME#FILE` or `modelscope:OWNER/NAME#FILE` into `folder`; without `#FILE` it is answers.jsonl.

    Raises InputError for anything else and for a folder that cannot be written; BackendError where the hub does not
    give the file and none is here from before.
    """
    place, _, other = named.partition("#")
    dataset, file = named_dataset(place), other or FILE
    if not _FILE_NAME.fullmatch(file):
        raise InputError("answers_name", f"{file!r} is no name of a file in a dataset.", named=named)
    kept = folder / re.sub("[:/]", "--", f"{place}/{file}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as work:
            problem = _fetch(dataset, file, Path(work), kept)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"Answers cannot be kept in {folder}: {reason}."
        raise InputError("answers_unwritable", message, path=str(folder), reason=reason) from error
    if problem and not kept.exists():
        raise problem
    return Fetched(kept, problem)


def _fetch(dataset: Dataset, file: str, work: Path, kept: Path) -> ArenaError | None:
    """Replaces `kept` by what is in the dataset, whole; the reason if it could not be had."""
    try:
        new = dataset.download(file, work)
    except Exception as error:  # noqa: BLE001 (whatever the hub's library raises)
        return _problem_of(error, dataset, file)
    os.replace(new, kept)
    return None


def _problem_of(error: Exception, dataset: Dataset, file: str) -> ArenaError:
    """The one line for what a hub's library raised. Its own words stay out: they may quote a request."""
    status = status_of(error)
    if status in (401, 403, 404):
        message = (
            f"{dataset.hub} has no {file} in a dataset {dataset.repo_id}, or does not show it to this app ({status}): "
            f"a private one needs {dataset.login}."
        )
    else:
        reason = status or type(error).__name__
        message = f"{dataset.hub} did not give the answers in {dataset.repo_id} ({reason})."
    return BackendError("answers_unfetched", message, hub=dataset.hub)
