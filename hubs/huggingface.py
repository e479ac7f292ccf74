"""Hugging Face, through its library, which reads HF_ENDPOINT (a mirror) and HF_TOKEN (the login)."""

from collections.abc import Mapping
from pathlib import Path

from hubs import ListedFile, Repo

NAME = "Hugging Face"
LOGIN = "HF_TOKEN"


def page(repo: Repo) -> str:
    """The web address of the repository, for people."""
    return f"https://huggingface.co/{repo.id}" + (f"/tree/{repo.revision}" if repo.revision else "")


def switched_off() -> bool:
    """Whether HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def pinned(repo: Repo) -> Repo:
    """The repository at the commit that its revision, "" for the main branch, stands for. Raises as `list_files`."""
    from huggingface_hub import HfApi

    return Repo(repo.id, str(HfApi().model_info(repo.id, revision=repo.revision or None).sha))


def list_files(repo: Repo, recursive: bool = False) -> tuple[ListedFile, ...]:
    """The files at the revision. Raises whatever the library raises."""
    from huggingface_hub import HfApi, RepoFile

    entries = HfApi().list_repo_tree(repo.id, revision=repo.revision, recursive=recursive)
    files = (entry for entry in entries if isinstance(entry, RepoFile))
    return tuple(ListedFile(file.path, file.size, file.lfs.sha256.lower() if file.lfs else None) for file in files)


def download_url(repo: Repo, path: str) -> str:
    """The address of the file's content."""
    from huggingface_hub import hf_hub_url

    return str(hf_hub_url(repo.id, path, revision=repo.revision))


def headers() -> dict[str, str]:
    """The headers for a download, with the login if there is one."""
    from huggingface_hub.utils import build_hf_headers

    return dict(build_hf_headers())


class HubDataset:
    """See `hubs.Dataset`."""

    hub = NAME
    login = LOGIN

    def __init__(self, repo_id: str) -> None:
        from huggingface_hub import HfApi

        self.repo_id = repo_id
        self._api = HfApi()

    def prepare(self, private: bool = True) -> bool:
        """An existing dataset is left as it is."""
        self._api.create_repo(self.repo_id, repo_type="dataset", private=private, exist_ok=True)
        return bool(self._api.dataset_info(self.repo_id).private)

    def sizes(self) -> dict[str, int]:
        """On the main branch."""
        from huggingface_hub import RepoFile

        entries = self._api.list_repo_tree(self.repo_id, repo_type="dataset")
        return {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}

    def download(self, name: str, folder: Path) -> Path:
        """The library checks the size."""
        return Path(self._api.hf_hub_download(self.repo_id, name, repo_type="dataset", local_dir=folder))

    def upload(self, files: Mapping[str, Path]) -> None:
        """In a single commit."""
        from huggingface_hub import CommitOperationAdd

        operations = [CommitOperationAdd(name, path) for name, path in files.items()]
        message = f"Votes: {', '.join(files)}"
        self._api.create_commit(self.repo_id, operations, repo_type="dataset", commit_message=message)
