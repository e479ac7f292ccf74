"""Turns a checkpoint folder into a packed one beside it, slice by slice. Knows no hub and no terminal.

While it is made it lies in `TARGET.part`; what is done there is listed with its hash, and is not done again by the
next run. The folder gets its name when everything is in it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from filelock import FileLock, Timeout

from arena.errors import ArenaError, BackendError, InputError
from backends.folder.checkpoint import INDEXES, find_weights, first_line
from backends.folder.manifest import MANIFEST
from backends.folder.needed_files import SMALL
from backends.folder.packed import (
    WEIGHTS,
    PackedFile,
    PackedInfo,
    is_packed,
    packed_weights,
    read_packed,
    stamp_of,
    write_packed,
)
from backends.machine.pages import forget

ROOM = 512 * 1024**2
# Bytes of the packed model for one of 16 bits, with room for a large embedding.
_SHARE = {"int4": 0.5, "int8": 0.7}
Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """What to make: `info` without files; `free_bytes` asks the disk."""

    source: Path
    target: Path
    info: PackedInfo
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    @property
    def part(self) -> Path:
        """Where it lies until it is whole."""
        return self.target.with_name(f"{self.target.name}.part")

    def is_done(self) -> bool:
        """Whether it is there already. Raises InputError if something else is, or BackendError if it is damaged."""
        if not self.target.exists():
            return False
        if is_packed(self.target):
            found = read_packed(self.target)
            packed_weights(self.target, found)
            if replace(found, files=()) == self.info:
                return True
        message = f"{self.target} is there already, made in another way or from other files; move it away first."
        raise InputError("quantize_there", message, path=str(self.target))


def pack(job: Job, report: Report) -> PackedInfo:
    """Make the folder, or go on with it. `report` hears bytes done, bytes in all, and with what.

    Raises InputError or BackendError in one line.
    """
    with _alone(job.target):
        if job.is_done():
            return read_packed(job.target)
        info = _begun(job)
        _check_room(job, info)
        with _one_line(job):
            info = _packed_slices(job, info, report)
            info = _copy_small(job, info)
            _check(job, info)
        job.part.rename(job.target)
        return info


def drop_weights(job: Job) -> int:
    """Delete the original's weight files and their index; what was fetched goes as a whole. How many bytes.

    Raises InputError if they are not those that were packed, and BackendError if they cannot be deleted.
    """
    source = job.source
    if stamp_of(source) != read_packed(job.target).stamp:
        message = f"The weights in {source} have changed since they were packed; nothing was deleted."
        raise InputError("quantize_changed", message, path=str(source))
    try:
        return _deleted(source)
    except OSError as error:
        message = f"{source} cannot be deleted: {error.strerror or error}."
        raise BackendError("quantize_unwritable", message, path=str(source)) from error


def _deleted(source: Path) -> int:
    files = [*find_weights(source).files, *(source / name for name in INDEXES if (source / name).exists())]
    size = sum(file.stat().st_size for file in files)
    if (source / MANIFEST).exists() and not source.is_symlink():
        shutil.rmtree(source)
    else:
        for file in files:
            file.unlink()
    return size


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        message = f"{target.name} is being made by another process."
        raise InputError("quantize_twice", message, path=str(target)) from error
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror or error}."
        raise BackendError("quantize_unwritable", message, path=str(target)) from error


def _begun(job: Job) -> PackedInfo:
    """What an earlier run has finished of the very same, or nothing."""
    if job.part.exists() and is_packed(job.part):
        try:
            found = read_packed(job.part)
            whole = tuple(file for file in found.files if _is_whole(job.part / file.path, file))
            if replace(found, files=()) == job.info:
                return replace(found, files=whole)
        except BackendError:
            pass
    shutil.rmtree(job.part, ignore_errors=True)
    job.part.mkdir(parents=True)
    write_packed(job.part, job.info)
    return job.info


def _is_whole(path: Path, file: PackedFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    # A machine that lost its power may have left the right size and nothing in it.
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256


def _check_room(job: Job, info: PackedInfo) -> None:
    stored = sum(path.stat().st_size for path in find_weights(job.source).files)
    needed = int(stored * _SHARE[info.precision]) - sum(file.size for file in info.files) + ROOM
    free = job.free_bytes(job.target.parent)
    if free < needed:
        message = f"Not enough room at {job.target.parent}: about {needed:,} bytes are needed, {free:,} are free."
        raise InputError("quantize_room", message, needed=needed, free=free)


@contextmanager
def _one_line(job: Job) -> Iterator[None]:
    """What the libraries below raise, of many kinds, is one line."""
    try:
        yield
    except (ArenaError, OSError):
        raise
    except Exception as error:
        reason = first_line(error)
        message = f"{job.source.name} cannot be quantized: {reason}"
        raise BackendError("quantize_failed", message, reason=reason) from error


def _packed_slices(job: Job, info: PackedInfo, report: Report) -> PackedInfo:
    import torch
    from safetensors.torch import save_file

    from backends.families.weights import architecture_of, map_weights
    from backends.packed.rounding import rounding_for
    from backends.packed.slices import packed_tensors, slices_of

    model, files = map_weights(job.source, architecture_of(job.source))
    parts = slices_of(model)
    total = sum(part.bytes for part in parts)
    done = 0
    finished = {file.path for file in info.files}
    bits = 4 if info.precision == "int4" else 8
    # The first layer's rounding may take minutes.
    report(done, total, "reading the original")
    with torch.inference_mode():
        better = rounding_for(job.source, job.part, info, model, files)
        for part in parts:
            name = f"{WEIGHTS}{part.name}.safetensors"

            def tick(size: int, name: str = name) -> None:
                nonlocal done
                done += size
                report(done, total, name)

            if name in finished:
                tick(part.bytes)
                continue
            tensors = packed_tensors(part, bits, info.group, files, better.of(part), tick)
            incomplete = job.part / f"{name}.incomplete"
            save_file(tensors, incomplete)
            info = _listed(job.part, info, incomplete, name)
    # What is left takes no time but for that.
    report(total, total, "trying it out")
    return info


def _check(job: Job, info: PackedInfo) -> None:
    """Open it as the page will. Raises BackendError."""
    from backends.families.weights import architecture_of
    from backends.packed.open import check_answers

    check_answers(job.part, info, architecture_of(job.part))


def _copy_small(job: Job, info: PackedInfo) -> PackedInfo:
    """Configuration, tokenizer and licence; never code. config.json last, as its absence says that it is no model."""
    names = sorted(
        (path.name for path in job.source.iterdir() if path.is_file() and _is_small(path.name)),
        key=lambda name: (name == "config.json", name),
    )
    for name in names:
        incomplete = job.part / f"{name}.incomplete"
        shutil.copyfile(job.source / name, incomplete)
        info = _listed(job.part, info, incomplete, name)
    return info


def _is_small(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in SMALL)


def _listed(folder: Path, info: PackedInfo, incomplete: Path, name: str) -> PackedInfo:
    """Write down a file that has been written, and give it its name."""
    with incomplete.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        forget(file)
    # The library makes files that only their owner can read.
    incomplete.chmod(0o644)
    entry = PackedFile(name, incomplete.stat().st_size, digest)
    incomplete.replace(folder / name)
    info = replace(info, files=(*(file for file in info.files if file.path != name), entry))
    write_packed(folder, info)
    return info
