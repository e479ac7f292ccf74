"""A dataset on ModelScope through its library's hub half. MODELSCOPE_API_TOKEN and MODELSCOPE_ENDPOINT are read by the
library alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from arena.errors import InputError


class ModelScopeDataset:
    """See `backup.hubs.Dataset`."""

    hub = "ModelScope"
    login = "MODELSCOPE_API_TOKEN"

    def __init__(self, repo_id: str) -> None:
        try:
            from modelscope_hub.api import HubApi
            from modelscope_hub.config import HubConfig
        except ImportError as error:
            message = "A dataset on ModelScope needs its library: pip install -r requirements-modelscope.txt"
            raise InputError("dataset_library", message) from error
        self.repo_id = repo_id
        # A configuration of its own: the library's shared one keeps the environment it saw first.
        self._api = HubApi(HubConfig())

    def prepare(self) -> bool:
        """One that is there already stays as it is."""
        from modelscope_hub.errors import AlreadyExistsError
        from modelscope_hub.types import Visibility

        if not self._api.repo_exists(self.repo_id, "dataset"):
            with suppress(AlreadyExistsError):
                self._api.create_repo(self.repo_id, "dataset", visibility="private")
        return bool(self._api.get_repo(self.repo_id, "dataset").visibility == Visibility.PRIVATE)

    def sizes(self) -> dict[str, int]:
        """Of the master branch."""
        files = self._api.list_repo_files(self.repo_id, "dataset")
        return {file.path: file.size for file in files if file.type != "tree"}

    def fetch(self, name: str, folder: Path) -> Path:
        """Past the library's cache, which would give an older one."""
        return Path(self._api.download_file(self.repo_id, "dataset", name, local_dir=folder, force=True))

    def push(self, files: Mapping[str, Path]) -> None:
        """One commit a file."""
        for name, path in files.items():
            self._api.upload_file(
                self.repo_id, "dataset", path, name, commit_message=f"Votes: {name}", disable_tqdm=True
            )
