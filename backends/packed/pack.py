"""Quantizes a checkpoint folder into a packed folder beside it, slice by slice.

Until it is complete it lies in `TARGET.part`, where finished files are listed with their hashes and reused by the next
run. The folder gets its name when everything is in it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from arena.errors import ArenaError, BackendError, InputError, os_error_as
from backends.folder import check_room
from backends.folder.checkpoint import INDEXES, find_weights, first_line, sha256_of
from backends.folder.manifest import MANIFEST, SMALL, matches
from backends.folder.packed import WEIGHTS, PackedInfo, is_packed, packed_weights, read_packed, stamp_of, write_packed
from backends.machine.pages import forget
from hubs import ListedFile

# The packed model's size as a share of a model of 16 bits, with room for a large embedding.
_SHARE = {"int4": 0.5, "int8": 0.7}
# Gets bytes done, total bytes, and the current file.
Report = Callable[[int, int, str], None]


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
        """Whether the target exists. Raises InputError if it was made differently, BackendError if it is damaged."""
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
    """Makes the folder, or continues an interrupted run. Raises InputError or BackendError."""
    with _locked(job.target):
        if job.is_done():
            return read_packed(job.target)
        info = _begun(job)
        _check_space(job, info)
        try:
            info = _copy_small(job, _pack_slices(job, info, report))
        except (ArenaError, OSError):
            raise
        except Exception as error:  # the libraries raise many kinds
            line = first_line(error)
            message = f"{job.source.name} cannot be quantized: {line}"
            raise BackendError("quantize_failed", message, reason=line) from error
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
    with os_error_as("quantize_unwritable", f"{source} cannot be deleted", BackendError, path=str(source)):
        files = [*find_weights(source).files, *(source / name for name in INDEXES if (source / name).exists())]
        size = sum(file.stat().st_size for file in files)
        if (source / MANIFEST).exists() and not source.is_symlink():
            shutil.rmtree(source)
        else:
            for file in files:
                file.unlink()
    return size


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    with os_error_as("quantize_unwritable", f"{target} cannot be written", BackendError, path=str(target)):
        try:
            with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
                yield
        except Timeout as error:
            message = f"Another process is making {target.name}."
            raise InputError("quantize_twice", message, path=str(target)) from error


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


def _check_space(job: Job, info: PackedInfo) -> None:
    stored = sum(path.stat().st_size for path in find_weights(job.source).files)
    new = int(stored * _SHARE[info.precision]) - sum(file.size for file in info.files)
    check_room("quantize_room", job.target.parent, new, " (an estimate)")


def _pack_slices(job: Job, info: PackedInfo, report: Report) -> PackedInfo:
    """Packs what is missing and compares the result with the original: one layer of each kind before the others."""
    import torch
    from safetensors.torch import save_file

    from backends.families.weights import architecture_of, bare_model, map_weights
    from backends.packed.compare import Packed, divergence
    from backends.packed.open import map_tensors
    from backends.packed.slices import packed_tensors, rounding_for, slices_of

    architecture = architecture_of(job.source)
    dtypes = {name: value.dtype for name, value in bare_model(architecture).state_dict(keep_vars=True).items()}
    model, files = map_weights(architecture, experts=True)
    parts = slices_of(model)
    total, done = sum(part.bytes for part in parts), 0
    finished = {file.path for file in info.files}

    def mapped() -> Packed:
        paths = [job.part / file.path for file in info.files if file.path.startswith(WEIGHTS)]
        return Packed(architecture, {name: value for path in paths for name, value in map_tensors(path).items()}, paths)

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
            save_file(packed_tensors(part, job.info, dtypes, files, rounding(part), tick), incomplete)
            info = _listed(job.part, info, incomplete, name)
    report(total, total, "comparing with the original")
    divergence(mapped())
    return info


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
    digest = sha256_of(incomplete)
    with incomplete.open("rb") as file:
        forget(file)
    # The library makes files that only their owner can read.
    incomplete.chmod(0o644)
    entry = ListedFile(name, incomplete.stat().st_size, digest)
    incomplete.replace(folder / name)
    info = replace(info, files=(*(file for file in info.files if file.path != name), entry))
    write_packed(folder, info)
    return info
