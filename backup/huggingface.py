"""A dataset on Hugging Face through its library. HF_TOKEN and HF_ENDPOINT are read by the library alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class HuggingFaceDataset:
    """See `backup.hubs.Dataset`."""

    hub = "Hugging Face"
    login = "HF_TOKEN"

    def __init__(self, repo_id: str) -> None:
        from huggingface_hub import HfApi

        self.repo_id = repo_id
        self._api = HfApi()

    def prepare(self) -> bool:
        """One that is there already stays as it is."""
        self._api.create_repo(self.repo_id, repo_type="dataset", private=True, exist_ok=True)
        return bool(self._api.dataset_info(self.repo_id).private)

    def sizes(self) -> dict[str, int]:
        """Of the main branch."""
        from huggingface_hub import RepoFile

        entries = self._api.list_repo_tree(self.repo_id, repo_type="dataset")
        return {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}

    def fetch(self, name: str, folder: Path) -> Path:
        """The library checks the size."""
        return Path(self._api.hf_hub_download(self.repo_id, name, repo_type="dataset", local_dir=folder))

    def push(self, files: Mapping[str, Path]) -> None:
        """All of them in one commit."""
        from huggingface_hub import CommitOperationAdd

        operations = [CommitOperationAdd(name, path) for name, path in files.items()]
        self._api.create_commit(
            self.repo_id, operations, repo_type="dataset", commit_message=f"Votes: {', '.join(files)}"
        )
