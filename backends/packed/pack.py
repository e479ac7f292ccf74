"""Quantizes a checkpoint folder into a packed folder beside it, slice by slice.

Until it is complete it lies in `TARGET.part`, where finished files are listed with their hashes and reused by the next
run. The folder gets its name when everything is in it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from arena.errors import ArenaError, BackendError, InputError
from backends.folder.checkpoint import INDEXES, find_weights, first_line
from backends.folder.manifest import MANIFEST, SMALL, matches
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

# Disk space to leave free.
_SPARE = 512 * 1024**2
# The packed model's size as a share of a model of 16 bits, with room for a large embedding.
_SHARE = {"int4": 0.5, "int8": 0.7}
Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """What to make: `info` without files. `free_bytes` returns the free space of a folder's disk."""

    source: Path
    target: Path
    info: PackedInfo
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    @property
    def part(self) -> Path:
        """The folder until it is complete."""
        return self.target.with_name(f"{self.target.name}.part")

    def is_done(self) -> bool:
        """Whether the target exists. Raises InputError if it is something else, or BackendError if it is damaged."""
        if not self.target.exists():
            return False
        if is_packed(self.target):
            info = read_packed(self.target)
            packed_weights(self.target, info)
            if replace(info, files=()) == self.info:
                return True
        message = f"{self.target} exists already, made with other settings or from other files; move it away first."
        raise InputError("quantize_there", message, path=str(self.target))


def pack(job: Job, report: Report) -> PackedInfo:
    """Makes the folder, or continues an interrupted run. `report` gets bytes done, total bytes, and the current file.

    Raises InputError or BackendError.
    """
    with _locked(job.target):
        if job.is_done():
            return read_packed(job.target)
        info = _begun(job)
        _check_space(job, info)
        try:
            info = _pack_slices(job, info, report)
            info = _copy_small(job, info)
            _check(job, info)
        except (ArenaError, OSError):
            raise
        except Exception as error:  # the libraries raise many kinds
            reason = first_line(error)
            message = f"{job.source.name} cannot be quantized: {reason}"
            raise BackendError("quantize_failed", message, reason=reason) from error
        job.part.rename(job.target)
        return info


def drop_weights(job: Job) -> int:
    """Deletes the original's weight files, or its whole folder if it was downloaded; returns the bytes of the weights.

    Raises InputError if they are not the weights that were packed, and BackendError if they cannot be deleted.
    """
    source = job.source
    if stamp_of(source) != read_packed(job.target).stamp:
        message = f"The weights in {source} have changed since they were packed; nothing was deleted."
        raise InputError("quantize_changed", message, path=str(source))
    try:
        files = [*find_weights(source).files, *(source / name for name in INDEXES if (source / name).exists())]
        size = sum(file.stat().st_size for file in files)
        if (source / MANIFEST).exists() and not source.is_symlink():
            shutil.rmtree(source)
        else:
            for file in files:
                file.unlink()
    except OSError as error:
        message = f"{source} cannot be deleted: {error.strerror or error}."
        raise BackendError("quantize_unwritable", message, path=str(source)) from error
    return size


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        message = f"Another process is making {target.name}."
        raise InputError("quantize_twice", message, path=str(target)) from error
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror or error}."
        raise BackendError("quantize_unwritable", message, path=str(target)) from error


def _begun(job: Job) -> PackedInfo:
    """The finished files of an earlier run of the same job; or none, in an empty folder."""
    if job.part.exists() and is_packed(job.part):
        try:
            info = read_packed(job.part)
            whole = tuple(file for file in info.files if _is_whole(job.part / file.path, file))
            if replace(info, files=()) == job.info:
                return replace(info, files=whole)
        except BackendError:
            pass
    shutil.rmtree(job.part, ignore_errors=True)
    job.part.mkdir(parents=True)
    write_packed(job.part, job.info)
    return job.info


def _is_whole(path: Path, file: PackedFile) -> bool:
    # After a power failure a file may have the right size and no content.
    return path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_space(job: Job, info: PackedInfo) -> None:
    stored = sum(path.stat().st_size for path in find_weights(job.source).files)
    needed = int(stored * _SHARE[info.precision]) - sum(file.size for file in info.files) + _SPARE
    free = job.free_bytes(job.target.parent)
    if free < needed:
        message = f"Not enough disk space at {job.target.parent}: about {needed:,} bytes are needed, {free:,} are free."
        raise InputError("quantize_room", message, needed=needed, free=free)


def _pack_slices(job: Job, info: PackedInfo, report: Report) -> PackedInfo:
    import torch
    from safetensors.torch import save_file

    from backends.families.weights import architecture_of, map_weights
    from backends.packed.slices import packed_tensors, rounding_for, slices_of

    model, files = map_weights(job.source, architecture_of(job.source))
    parts = slices_of(model)
    total = sum(part.bytes for part in parts)
    done = 0
    finished = {file.path for file in info.files}
    # Rounding the first layer may take minutes.
    report(done, total, "reading the original")
    with torch.inference_mode():
        rounding = rounding_for(job.source, job.part, info, model, files)
        for part in parts:
            name = f"{WEIGHTS}{part.name}.safetensors"

            def tick(size: int, name: str = name) -> None:
                nonlocal done
                done += size
                report(done, total, name)

            if name in finished:
                tick(part.bytes)
                continue
            incomplete = job.part / f"{name}.incomplete"
            save_file(packed_tensors(part, job.info, files, rounding(part), tick), incomplete)
            info = _listed(job.part, info, incomplete, name)
    report(total, total, "testing the model")
    return info


def _check(job: Job, info: PackedInfo) -> None:
    """Opens it like the page does. Raises BackendError."""
    from backends.families.weights import architecture_of
    from backends.packed.open import check_answers

    check_answers(job.part, info, architecture_of(job.part))


def _copy_small(job: Job, info: PackedInfo) -> PackedInfo:
    """Copies configuration, tokenizer and licence, but no code; config.json last: without it there is no model."""
    names = [path.name for path in job.source.iterdir() if path.is_file() and matches(path.name, SMALL)]
    for name in sorted(names, key=lambda name: (name == "config.json", name)):
        incomplete = job.part / f"{name}.incomplete"
        shutil.copyfile(job.source / name, incomplete)
        info = _listed(job.part, info, incomplete, name)
    return info


def _listed(folder: Path, info: PackedInfo, incomplete: Path, name: str) -> PackedInfo:
    """Gives a finished file its name and adds it to packed.json."""
    digest = _sha256(incomplete)
    with incomplete.open("rb") as file:
        forget(file)
    # The library makes files that only their owner can read.
    incomplete.chmod(0o644)
    entry = PackedFile(name, incomplete.stat().st_size, digest)
    incomplete.replace(folder / name)
    info = replace(info, files=(*(file for file in info.files if file.path != name), entry))
    write_packed(folder, info)
    return info
