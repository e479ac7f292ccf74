"""Uploads a publication of votes to a public dataset on a hub."""

from pathlib import Path

from arena.errors import ArenaError, BackendError, InputError
from hubs import Dataset, status_of


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
        raise _refused(error, dataset) from error


def _refused(error: Exception, dataset: Dataset) -> BackendError:
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
