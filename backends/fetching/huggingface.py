"""Hugging Face through its library: what a repository holds, and where its files are. Downloads nothing.

HF_ENDPOINT names a mirror, HF_TOKEN is a login; both are read by the library alone.
"""

from __future__ import annotations

from backends.folder.manifest import RemoteFile, Repo

NAME = "Hugging Face"
LOGIN = "HF_TOKEN"
SITE = "https://huggingface.co"


def page(repo: Repo) -> str:
    """The repository's web address for a person."""
    return f"{SITE}/{repo.id}/tree/{repo.revision}"


def switched_off() -> bool:
    """Whether the person has said that this hub is not to be asked (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def list_files(repo: Repo) -> tuple[RemoteFile, ...]:
    """The files at the revision. Raises whatever the library raises."""
    from huggingface_hub import HfApi, RepoFile

    entries = HfApi().list_repo_tree(repo.id, revision=repo.revision)
    files = (entry for entry in entries if isinstance(entry, RepoFile))
    return tuple(RemoteFile(file.path, file.size, file.lfs.sha256.lower() if file.lfs else None) for file in files)


def download_url(repo: Repo, path: str) -> str:
    """Where the file's bytes are."""
    from huggingface_hub import hf_hub_url

    return str(hf_hub_url(repo.id, path, revision=repo.revision))


def headers() -> dict[str, str]:
    """What the library sends along: its name, and the login if there is one."""
    from huggingface_hub.utils import build_hf_headers

    return dict(build_hf_headers())
