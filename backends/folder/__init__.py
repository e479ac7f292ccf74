"""Reads the small files of a model's folder or GGUF file: configuration, adapter, manifest, tensor names and sizes."""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from arena.errors import BackendError, InputError, os_error_as

# Tokens, for a model that does not say.
DEFAULT_CONTEXT = 4096
# To be left free on a disk, for votes, logs and the system.
SPARE_BYTES = 512 * 1024**2


def check_room(code: str, place: Path, new: int, hint: str = "") -> None:
    """Raises InputError `code` with the hint if `new` bytes, and some to spare, do not fit on the disk at `place`."""
    needed, free = new + SPARE_BYTES, shutil.disk_usage(place).free
    if free < needed:
        message = f"Not enough disk space at {place}: {needed:,} bytes are needed{hint}, {free:,} are free."
        raise InputError(code, message, needed=needed, free=free)


@contextmanager
def locked(target: Path, busy: InputError) -> Iterator[None]:
    """Holds the lock of a folder that is being made. Raises `busy` if another process holds it, or OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise busy from error


def reading(path: Path) -> AbstractContextManager[None]:
    """Turns an OSError in the block into InputError."""
    return os_error_as("file_unreadable", f"{path} cannot be read", path=str(path))


@contextmanager
def as_input(folder: Path) -> Iterator[None]:
    """Turns an OSError or BackendError in the block into InputError, for a folder that a person has named."""
    try:
        with reading(folder):
            yield
    except BackendError as error:
        raise InputError("folder_unfit", str(error), path=str(folder)) from error
