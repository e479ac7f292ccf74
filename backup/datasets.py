"""Downloads recorded answers from a dataset on a hub, and uploads a publication of votes to one."""

import os
import re
import tempfile
from pathlib import Path

from arena.answers import FILE_NAME
from arena.errors import ArenaError, BackendError, InputError, os_error_as
from hubs import Dataset, named_dataset, status_of

_FILE_NAME = re.compile(r"(?!.*\.\.)[\w.-]+(?:/[\w.-]+)*")


def in_dataset(name: str) -> bool:
    """Whether the name means a dataset and not a file."""
    return name.startswith(("hf:", "modelscope:"))


def download_answers(name: str, folder: Path) -> tuple[Path, ArenaError | None]:
    """Downloads `hf:OWNER/NAME#FILE` or `modelscope:OWNER/NAME#FILE` into `folder`; FILE is answers.jsonl by default.

    Returns the path, and why the file there is an older copy, None if it is not. Raises InputError for any other name
    and for a folder that cannot be written; BackendError if the download fails and there is no older copy.
    """
    place, _, other = name.partition("#")
    dataset, file = named_dataset(place), other or FILE_NAME
    if not _FILE_NAME.fullmatch(file):
        raise InputError("answers_name", f"{file!r} is not a file name in a dataset.", named=name)
    target = folder / re.sub("[:/]", "--", f"{place}/{file}")
    problem: ArenaError | None = None
    with os_error_as("answers_unwritable", f"Answers cannot be saved in {folder}", path=str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as work:
            try:
                new = dataset.download(file, Path(work))
            except Exception as error:  # noqa: BLE001 (the hub's library raises anything)
                problem = _not_downloaded(error, dataset, file)
            else:
                os.replace(new, target)
    if problem and not target.exists():
        raise problem
    return target, problem


def _not_downloaded(error: Exception, dataset: Dataset, file: str) -> ArenaError:
    # Without the library's own message: it may quote a request.
    status = status_of(error)
    if status in (401, 403, 404):
        message = (
            f"{dataset.hub} has no {file} in a dataset {dataset.repo_id}, or does not show it to this app ({status}): "
            f"a private one needs {dataset.login}."
        )
    else:
        reason = status or type(error).__name__
        message = f"{dataset.hub} did not send the answers in {dataset.repo_id} ({reason})."
    return BackendError("answers_unfetched", message, hub=dataset.hub)


def upload_publication(dataset: Dataset, folder: Path) -> None:
    """Replaces the files of the same names in the dataset, which is created as a public one if it is missing.

    Raises InputError for a private dataset, which may be a backup, and BackendError if the hub refuses.
    """
    try:
        if dataset.prepare(private=False):
            message = f"{dataset.repo_id} on {dataset.hub} is private: name another dataset, or make it public."
            raise InputError("publish_private", message, hub=dataset.hub, repo=dataset.repo_id)
        dataset.upload({path.name: path for path in sorted(folder.iterdir())})
    except ArenaError:
        raise
    except Exception as error:  # the hub's library raises anything
        raise _not_uploaded(error, dataset) from error


def _not_uploaded(error: Exception, dataset: Dataset) -> BackendError:
    # Without the library's own message: it may quote a request.
    status = status_of(error)
    details = {"hub": dataset.hub, "repo": dataset.repo_id, "login": dataset.login}
    if status in (401, 403):
        message = (
            f"{dataset.hub} does not let you write to {dataset.repo_id} ({status}): "
            f"set {dataset.login} to a token that may."
        )
        return BackendError("publish_denied", message, **details, status=status)
    reason = str(status or type(error).__name__)
    message = f"{dataset.hub} did not accept the votes ({reason}). Nothing may have been published; try again."
    return BackendError("publish_failed", message, **details, reason=reason)
