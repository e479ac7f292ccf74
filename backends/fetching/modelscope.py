"""ModelScope through its library's hub half: what a repository holds, and where its files are. Downloads nothing.

`modelscope` itself hands all of this on to `modelscope_hub`, drops the sha256 from the list on the way, and imports
torch; so the half is used alone. MODELSCOPE_ENDPOINT names a mirror, MODELSCOPE_API_TOKEN is a login; both are read
by the library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.errors import BackendError
from backends.folder.manifest import RemoteFile, Repo

if TYPE_CHECKING:
    from modelscope_hub.api import HubApi

NAME = "ModelScope"
LOGIN = "MODELSCOPE_API_TOKEN"
SITE = "https://modelscope.cn"


def page(repo: Repo) -> str:
    """The repository's web address for a person."""
    return f"{SITE}/models/{repo.id}/files?version={repo.revision}"


def switched_off() -> bool:
    """Whether the person has said that this hub is not to be asked; it knows no such setting."""
    return False


def list_files(repo: Repo) -> tuple[RemoteFile, ...]:
    """The files at the revision. Raises whatever the library raises."""
    entries = _api().list_repo_files(repo.id, "model", revision=repo.revision, recursive=False)
    files = (entry for entry in entries if entry.type != "tree")
    return tuple(RemoteFile(file.path, file.size, file.sha256.lower() if file.sha256 else None) for file in files)


def download_url(repo: Repo, path: str) -> str:
    """Where the file's bytes are."""
    return str(_api().legacy.get_download_url(repo.id, "model", path, repo.revision))


def headers() -> dict[str, str]:
    """The login, if there is one."""
    token = _api().legacy.token
    return {"Authorization": f"Bearer {token}"} if token else {}


def _api() -> HubApi:
    try:
        from modelscope_hub.api import HubApi
        from modelscope_hub.config import HubConfig
    except ImportError as error:
        message = "ModelScope's library is not installed: pip install -r requirements-hf.txt"
        raise BackendError("fetch_library", message) from error
    # A configuration of its own each time: the library's shared one keeps the environment it saw first.
    return HubApi(HubConfig())
