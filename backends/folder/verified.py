"""Compares a model's files with the hashes in their list, and remembers those that have been compared."""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from arena.errors import BackendError
from arena.types import ModelSpec
from backends.folder.checkpoint import check_size, member, refusal
from backends.folder.contents import check_sha256
from backends.folder.gguf import gguf_parts, model_file
from backends.folder.manifest import MANIFEST, read_manifest
from backends.folder.packed import PACKED, is_packed, read_packed
from hubs import ListedFile

# Beside the list: by the name of each file that had its hash, its size, time and hash then. No part of the model.
_VERIFIED = ".verified"
OnFile = Callable[[str, int], None]


@dataclass(frozen=True)
class _List:
    """The files of a model that `name` lists in the folder, and what to do if one is damaged."""

    folder: Path
    name: str
    files: tuple[ListedFile, ...]
    remedy: str

    def verify(self, files: Iterable[ListedFile], on_file: OnFile) -> None:
        for file in files:
            path = member(self.folder, file.path)
            check_size(path, file.size, self.remedy)
            # A hub may list no sha256 for a small file.
            if file.sha256:
                on_file(file.path, file.size)
                check_sha256(path, file.sha256, self.remedy)
                remember(self.folder, (file,))


def verify_listed(spec: ModelSpec, on_file: OnFile) -> tuple[str, int] | None:
    """Compares the files with fetched.json or packed.json: the list's name and the number of files; None without one.

    Raises BackendError for the first file with another size or sha256. `on_file(name, bytes)` is called before each
    file is read, since gigabytes take a minute.
    """
    listed = _list_of(spec)
    if listed:
        listed.verify(listed.files, on_file)
    return (listed.name, len(listed.files)) if listed else None


def verify_changed(spec: ModelSpec) -> None:
    """Compares the files that have changed since they were last compared, so that loading takes longer once at most.

    Files that nobody can change here, and those of a damaged list, are left to `check`. Raises BackendError for the
    first file that is damaged.
    """
    listed = None
    with suppress(BackendError):
        listed = _list_of(spec)
    if listed and os.access(listed.folder, os.W_OK):
        known = _remembered(listed.folder)
        changed = [file for file in listed.files if file.sha256 and known.get(file.path) != _state(listed.folder, file)]
        listed.verify(changed, lambda name, size: None)
        for file in changed if hasattr(os, "posix_fadvise") else ():
            with (listed.folder / file.path).open("rb") as opened:
                # Loading maps it in larger pages than those that reading has left in the cache.
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def remember(folder: Path, files: Iterable[ListedFile]) -> None:
    """Notes that these files have the hashes that are listed. What cannot be written is compared again."""
    with suppress(OSError):
        known = _remembered(folder) | {file.path: _state(folder, file) for file in files if file.sha256}
        fresh = folder / f"{_VERIFIED}.{os.getpid()}"
        fresh.write_text(json.dumps(known), encoding="utf-8")
        fresh.replace(folder / _VERIFIED)


def _list_of(spec: ModelSpec) -> _List | None:
    """The model's list; None if it has none. Raises BackendError if it is damaged."""
    if spec.source.startswith("package:"):
        return None  # loading compares it with the catalogue
    path = Path(spec.source) if spec.runtime == "transformers" else model_file(spec)
    folder = path if spec.runtime == "transformers" else path.parent
    if is_packed(folder):
        return _List(folder, PACKED, read_packed(folder).files, "quantize it again")
    if manifest := read_manifest(folder):
        # A GGUF file may lie beside the files of other models.
        files = (file for file in manifest.files if path == folder or folder / file.path in gguf_parts(path))
        return _List(folder, MANIFEST, tuple(files), "run fetch with --verify")
    if (folder / MANIFEST).exists():
        raise refusal(folder.name, f"{MANIFEST} is damaged")
    return None


def _state(folder: Path, file: ListedFile) -> list[object]:
    """What changes when the file or its listed hash does."""
    about = (folder / file.path).stat()
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns, file.sha256]


def _remembered(folder: Path) -> dict[str, list[object]]:
    with suppress(OSError, ValueError):
        known = json.loads((folder / _VERIFIED).read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return known
    return {}
