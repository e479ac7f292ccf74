"""Quantizes a checkpoint folder into a packed folder beside it, slice by slice.

Until it is complete it lies in `TARGET.part`, where finished files are listed with their hashes and reused by the next
run. The folder gets its name when everything is in it and has been compared with the original.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from arena.errors import ArenaError, BackendError, InputError, os_error_as
from backends.folder import check_room, locked
from backends.folder.checkpoint import INDEXES, find_weights, first_line, sha256_of
from backends.folder.manifest import MANIFEST
from backends.folder.packed import (
    PackedInfo,
    is_outdated,
    is_packed,
    packed_weights,
    read_packed,
    stamp_of,
    write_packed,
)
from backends.folder.verified import remember
from hubs import ListedFile

# The packed model's size as a share of a model of 16 bits, with room for a large embedding.
SHARE = {"int4": 0.5, "int8": 0.7}


@dataclass(frozen=True)
class Job:
    """What to quantize, and how: `info` does not list files yet."""

    source: Path
    target: Path
    info: PackedInfo

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    def is_done(self) -> bool:
        """Whether the target exists, in today's format.

        Raises InputError if it was made differently, BackendError if it is damaged.
        """
        if not self.target.exists() or is_outdated(self.target):
            return False
        if is_packed(self.target):
            info = read_packed(self.target)
            packed_weights(self.target, info)
            if replace(info, files=()) == self.info:
                return True
        message = f"{self.target} exists already, made with other settings or from other files; move it away first."
        raise InputError("quantize_there", message, path=str(self.target))


def pack(job: Job, report: Callable[[int, int, str], None]) -> PackedInfo:
    """Makes the folder, or continues an interrupted run. `report` gets bytes done, total bytes, and the current file.

    Raises InputError or BackendError.
    """
    message = f"Another process is making {job.target.name}."
    busy = InputError("quantize_twice", message, path=str(job.target))
    unwritable = f"{job.target} cannot be written"
    with os_error_as("quantize_unwritable", unwritable, BackendError, path=str(job.target)), locked(job.target, busy):
        if job.is_done():
            return read_packed(job.target)
        info = _begun(job)
        stored = sum(path.stat().st_size for path in find_weights(job.source).files)
        new = int(stored * SHARE[info.precision]) - sum(file.size for file in info.files)
        check_room("quantize_room", job.target.parent, new, " (an estimate)")
        try:
            from backends.packed.packing import pack_files

            info = pack_files(job.source, job.part, info, report)
        except (ArenaError, OSError):
            raise
        except Exception as error:  # the libraries raise many kinds
            line = first_line(error)
            message = f"{job.source.name} cannot be quantized: {line}"
            raise BackendError("quantize_failed", message, reason=line) from error
        # What is there is of an older format.
        shutil.rmtree(job.target, ignore_errors=True)
        job.part.rename(job.target)
        remember(job.target, info.files)
        return info


def drop_weights(job: Job) -> int:
    """Deletes the original's weight files, or its whole folder if it was downloaded; returns the bytes of the weights.

    Raises InputError if they are not the weights that were packed, and BackendError if they cannot be deleted.
    """
    source = job.source
    if stamp_of(source) != read_packed(job.target).stamp:
        message = f"The weights in {source} have changed since they were packed; nothing was deleted."
        raise InputError("quantize_changed", message, path=str(source))
    with os_error_as("quantize_unwritable", f"{source} cannot be deleted", BackendError, path=str(source)):
        files = [*find_weights(source).files, *(source / name for name in INDEXES if (source / name).exists())]
        size = sum(file.stat().st_size for file in files)
        if (source / MANIFEST).exists() and not source.is_symlink():
            shutil.rmtree(source)
        else:
            for file in files:
                file.unlink()
    return size


def _begun(job: Job) -> PackedInfo:
    """The finished files of an earlier run of the same job; or none, in an empty folder."""
    with suppress(BackendError):
        info = read_packed(job.part)
        if replace(info, files=()) == job.info:
            return replace(info, files=tuple(file for file in info.files if _is_whole(job.part / file.path, file)))
    shutil.rmtree(job.part, ignore_errors=True)
    job.part.mkdir(parents=True)
    write_packed(job.part, job.info)
    return job.info


def _is_whole(path: Path, file: ListedFile) -> bool:
    # After a power failure a file may have the right size and no content.
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256
