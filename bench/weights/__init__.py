"""Random weights with the shapes of real models, one module per file format, and the room for them on the disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arena.errors import BackendError, os_error_as
from backends.folder import check_room


def check_disk(folder: Path, needed: int) -> None:
    """Creates the folder. Raises InputError if `needed` bytes do not fit there, BackendError if it is not writable."""
    with os_error_as("bench_failed", f"{folder} cannot be written", BackendError):
        folder.mkdir(parents=True, exist_ok=True)
    check_room("bench_room", folder, needed, " (--work names another folder)")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to; what is there gets the name `path` at the end of the block, and is deleted after an error.

    An OSError in the block becomes a BackendError.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with os_error_as("bench_failed", f"{path} cannot be written", BackendError):
            yield part
            part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)
