"""Whether the disk has room for what is measured. Knows no shape."""

from __future__ import annotations

import shutil
from pathlib import Path

from arena.errors import BackendError, InputError

# What should be left on the disk.
SPARE_BYTES = 512 * 1024**2


def check_disk(work: Path, needed: int) -> None:
    """Makes the folder if need be. Raises InputError if so many bytes do not fit there, with the numbers."""
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError("bench_failed", f"{work} cannot be written: {error.strerror}.") from error
    needed, free = needed + SPARE_BYTES, shutil.disk_usage(work).free
    if free < needed:
        message = f"Not enough room at {work}: {needed:,} bytes are needed, {free:,} are free; take another --work."
        raise InputError("bench_room", message, needed=needed, free=free)
