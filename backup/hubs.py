"""What is asked of a dataset on a hub, and which hubs there are. Knows nothing of votes and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from arena.errors import InputError


class Dataset(Protocol):
    """One private dataset on a hub. All methods raise whatever the hub's library raises."""

    hub: str
    """The hub's name for a person."""
    login: str
    """The environment variable that holds the token, which the library reads by itself."""
    repo_id: str

    def prepare(self) -> bool:
        """Make it if it is not there, private; whether it is private."""
        ...

    def sizes(self) -> dict[str, int]:
        """Its files by name, in bytes."""
        ...

    def fetch(self, name: str, folder: Path) -> Path:
        """Bring one file into a folder; where it is."""
        ...

    def push(self, files: Mapping[str, Path]) -> None:
        """Add or replace files by name; each appears whole or not at all."""
        ...


_NAME = re.compile(r"(hf|modelscope):([\w.-]+/[\w.-]+)", re.ASCII)


def dataset_named(named: str) -> Dataset:
    """`hf:OWNER/NAME` or `modelscope:OWNER/NAME`. Raises InputError for anything else and for a missing library."""
    match = _NAME.fullmatch(named)
    if not match:
        message = f"{named!r} is no dataset; write hf:OWNER/NAME or modelscope:OWNER/NAME."
        raise InputError("dataset_name", message, named=named)
    kind, repo_id = match.groups()
    if kind == "hf":
        from backup.huggingface import HuggingFaceDataset

        return HuggingFaceDataset(repo_id)
    from backup.modelscope import ModelScopeDataset

    return ModelScopeDataset(repo_id)


def status_of(error: Exception) -> int | None:
    """The HTTP status in what a hub's library raised, if there was an answer at all."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    if isinstance(status, int):
        return status
    # Hugging Face's library wraps a refused download in an error about its own cache.
    return status_of(error.__cause__) if isinstance(error.__cause__, Exception) else None
