"""ModelScope, through its library, which reads MODELSCOPE_ENDPOINT (a mirror) and MODELSCOPE_API_TOKEN (the login).

The package `modelscope` wraps the same library, `modelscope_hub`, but drops the sha256 of each file and imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import BackendError
from hubs import ListedFile, Repo

if TYPE_CHECKING:
    from modelscope_hub.api import HubApi

NAME = "ModelScope"
LOGIN = "MODELSCOPE_API_TOKEN"


def page(repo: Repo) -> str:
    """The web address of the repository, for people."""
    version = f"/files?version={repo.revision}" if repo.revision else ""
    return f"https://modelscope.cn/models/{repo.id}{version}"


def switched_off() -> bool:
    """False: the library has no setting for this."""
    return False


def pinned(repo: Repo) -> Repo:
    """The repository at its revision, by default the main branch: the hub names no commit."""
    return Repo(repo.id, repo.revision or "master")


def list_files(repo: Repo, recursive: bool = False) -> tuple[ListedFile, ...]:
    """The files at the revision. Raises whatever the library raises."""
    entries = _api().list_repo_files(repo.id, "model", revision=repo.revision, recursive=recursive)
    files = (entry for entry in entries if entry.type != "tree")
    return tuple(ListedFile(file.path, file.size, file.sha256.lower() if file.sha256 else None) for file in files)


def download_url(repo: Repo, path: str) -> str:
    """The address of the file's content."""
    return str(_api().legacy.get_download_url(repo.id, "model", path, repo.revision))


def headers() -> dict[str, str]:
    """The headers for a download, with the login if there is one."""
    token = _api().legacy.token
    return {"Authorization": f"Bearer {token}"} if token else {}


class HubDataset:
    """See `hubs.Dataset`."""

    hub = NAME
    login = LOGIN

    def __init__(self, repo_id: str) -> None:
        self.repo_id = repo_id
        self._api = _api()

    def prepare(self, private: bool = True) -> bool:
        """An existing dataset is left as it is."""
        from modelscope_hub.errors import AlreadyExistsError
        from modelscope_hub.types import Visibility

        if not self._api.repo_exists(self.repo_id, "dataset"):
            with suppress(AlreadyExistsError):
                visibility = "private" if private else "public"
                self._api.create_repo(self.repo_id, "dataset", visibility=visibility)
        return bool(self._api.get_repo(self.repo_id, "dataset").visibility == Visibility.PRIVATE)

    def sizes(self) -> dict[str, int]:
        """On the master branch."""
        files = self._api.list_repo_files(self.repo_id, "dataset")
        return {file.path: file.size for file in files if file.type != "tree"}

    def download(self, name: str, folder: Path) -> Path:
        """Bypasses the library's cache, which may hold an older file."""
        return Path(self._api.download_file(self.repo_id, "dataset", name, local_dir=folder, force=True))

    def upload(self, files: Mapping[str, Path]) -> None:
        """One commit per file."""
        for name, path in files.items():
            message = f"Votes: {name}"
            self._api.upload_file(self.repo_id, "dataset", path, name, commit_message=message, disable_tqdm=True)


def _api() -> HubApi:
    try:
        from modelscope_hub.api import HubApi
        from modelscope_hub.config import HubConfig
    except ImportError as error:
        message = "ModelScope's library is not installed: pip install -r requirements-modelscope.txt"
        raise BackendError("hub_library", message) from error
    # A configuration of its own: the library's shared one keeps the environment that it saw first.
    return HubApi(HubConfig())
