"""Compares a model's files with the list that fetching or packing left beside them. Knows no hub, loads nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from arena.types import ModelSpec
from backends.folder.checkpoint import member, read_json, refusal
from backends.folder.manifest import MANIFEST
from backends.folder.packed import PACKED
from backends.models.resolve import model_file

# The lists, and how a damaged file is had anew.
_LISTS = {PACKED: "quantize it again", MANIFEST: "run fetch with --verify"}


def verify_listed(spec: ModelSpec, on_file: Callable[[str, int], None]) -> tuple[str, int] | None:
    """The list's name, and how many files have the size and sha256 that it says; None without one.

    Raises BackendError for the first that differs. `on_file` hears each name and its bytes before it is read:
    gigabytes take a minute.
    """
    if spec.source.startswith("package:"):
        return None  # loading compares it with the catalog itself
    whole = spec.runtime == "transformers"
    place = Path(spec.source) if whole else model_file(spec)
    folder = place if whole else place.parent
    name = next((name for name in _LISTS if (folder / name).is_file()), None)
    if name is None:
        return None
    listed = read_json(folder, name).get("files")
    if not isinstance(listed, list):
        raise refusal(folder.name, f"{name} lists no files")
    # Beside a GGUF file there may be others.
    wanted = [entry for entry in listed if whole or not isinstance(entry, dict) or entry.get("path") == place.name]
    for entry in wanted:
        _verify(folder, name, entry, on_file)
    return name, len(wanted)


def _verify(folder: Path, listing: str, entry: Any, on_file: Callable[[str, int], None]) -> None:
    try:
        name, size, expected = str(entry["path"]), int(entry["size"]), str(entry["sha256"] or "")
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise refusal(folder.name, f"{listing} is damaged") from error
    file = member(folder, name)
    found = file.stat().st_size
    if found != size:
        raise refusal(folder.name, f"{name} has {found:,} bytes instead of {size:,}; {_LISTS[listing]}")
    # A hub may know no sha256 of a small file.
    if not expected:
        return
    on_file(name, size)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != expected:
        message = f"{name} is damaged: its sha256 is {digest[:12]}..., not {expected[:12]}...; {_LISTS[listing]}."
        raise BackendError("model_damaged", message, path=name)
