"""A published model into its folder: listed, fetched, checked, and only then called by its name.

While it comes it lies in a part folder (parts.py). Knows no terminal: who wants to see progress gives a function.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

import hubs
from arena.errors import ArenaError, BackendError, InputError
from arena.types import ModelSpec
from backends.fetching.partial import PartFolder
from backends.fetching.transfer import Request, StatusRefused, transfer
from backends.folder.checkpoint import find_weights
from backends.folder.manifest import Manifest, read_manifest
from backends.folder.needed_files import needed_files
from backends.models.catalog import Published
from backends.models.folder_models import models_dir
from hubs import Hub, RemoteFile

# Besides the files themselves: votes, logs and the system must still have room.
ROOM = 512 * 1024**2


@dataclass(frozen=True)
class Progress:
    """How far a fetch is: bytes of all files, and what is done with which file."""

    done: int
    total: int
    file: str
    checking: bool = False


@dataclass(frozen=True)
class Fetched:
    """A model that is there: where, from where, and how many bytes came over the network for it now."""

    folder: Path
    manifest: Manifest
    came: int

    @property
    def unhashed_weights(self) -> tuple[str, ...]:
        """Weight files whose size alone could be checked, since the hub's list has no sha256 for them."""
        ends = (".safetensors", ".bin")
        return tuple(file.path for file in self.manifest.files if file.path.endswith(ends) and not file.sha256)


@dataclass(frozen=True)
class Surroundings:
    """What a fetch tells and asks besides the hub: the plan before it begins, its progress, and the disk."""

    begin: Callable[[Manifest, int], None] = lambda manifest, missing: None
    report: Callable[[Progress], None] = lambda progress: None
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    pause: float = 1.0


def fetch(spec: ModelSpec, published: Published, hub: Hub | None, around: Surroundings, anew: bool = False) -> Fetched:
    """Have the model in its folder, whole and checked. Raises InputError or BackendError in one line.

    One that is there already is compared by its sizes, or with `anew` by every hash.
    """
    folder = models_dir() / spec.id
    if hub and hub not in published.repos:
        raise InputError("fetch_unpublished", f"{spec.id} is not published on {hubs.hub_module(hub).NAME}.", hub=hub)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{spec.id}.lock"), timeout=0):
            part = PartFolder(folder)
            part.tidy()
            return _present(folder, published, anew, around) or _fetch(part, published, hub, around)
    except Timeout as error:
        raise InputError("fetch_twice", f"{spec.id} is being fetched by another process.", model=spec.id) from error
    except BrokenPipeError:
        # Nobody reads what is said any more; nothing is wrong with the folder.
        raise
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror or error}."
        raise BackendError("fetch_unwritable", message, path=str(folder)) from error


def _present(folder: Path, published: Published, anew: bool, around: Surroundings) -> Fetched | None:
    """The model if it is there already and has the sizes it should have, and with `anew` the hashes."""
    if not folder.exists():
        return None
    manifest = read_manifest(folder)
    if manifest is None:
        raise _foreign(folder)
    if published.repos.get(manifest.hub) != manifest.repo or manifest.damaged(folder):
        return None
    if anew and not _hashes_fit(folder, manifest, around):
        return None
    return Fetched(folder, manifest, 0)


def _hashes_fit(folder: Path, manifest: Manifest, around: Surroundings) -> bool:
    """Whether every file is the one listed. Nothing is moved for it, and no hub is asked."""
    total = sum(file.size for file in manifest.files)
    done = 0

    def tick(size: int, name: str) -> None:
        nonlocal done
        done += size
        around.report(Progress(done, total, name, True))

    for file in manifest.files:
        if file.sha256 and _sha256(folder / file.path, partial(tick, name=file.path)) != file.sha256:
            return False
    return True


def _foreign(folder: Path) -> InputError:
    """The error for a folder that somebody put there."""
    try:
        find_weights(folder)
    except ArenaError as error:
        message = f"{error}. {folder} was not fetched by this command: move it away, and run this again."
        return InputError("fetch_foreign", message, path=str(folder))
    return InputError("fetch_foreign", f"{folder} is there already, put there by hand; it is left as it is.")


def _fetch(part: PartFolder, published: Published, hub: Hub | None, around: Surroundings) -> Fetched:
    begun = part.manifest or read_manifest(part.target)
    if part.target.exists() and read_manifest(part.target) is None:
        raise _foreign(part.target)
    if begun and hub is None and published.repos.get(begun.hub) == begun.repo:
        hub = begun.hub
    hub = hub or hubs.first_to_answer(published.repos)
    repo = published.repos[hub]
    manifest = Manifest(hub, repo, needed_files(hubs.list_files(hub, repo), repo.id))
    missing = part.missing(manifest)
    _check_room(part.target.parent, missing, around)
    # Only now: a model that is there stays there while no hub answers or the disk is full.
    part.begin(manifest)
    around.begin(manifest, missing)
    _fetch_files(part, manifest, around)
    find_weights(part.path)
    part.put_in_place(manifest)
    return Fetched(part.target, manifest, missing)


def _check_room(place: Path, missing: int, around: Surroundings) -> None:
    free = around.free_bytes(place)
    if missing and free < missing + ROOM:
        message = (
            f"Not enough room at {place}: {missing + ROOM:,} bytes are needed "
            f"({missing:,} to fetch, the rest to spare), {free:,} are free."
        )
        raise InputError("fetch_room", message, needed=missing + ROOM, free=free)


def _fetch_files(part: PartFolder, manifest: Manifest, around: Surroundings) -> None:
    there = {file.path: part.there(file) for file in manifest.files}
    total = sum(file.size for file in manifest.files)
    # A server that begins a file anew throws bytes away; the bar waits instead of going back.
    furthest = 0

    def report(file: RemoteFile, size: int, checking: bool = False) -> None:
        nonlocal furthest
        there[file.path] = size
        furthest = max(furthest, sum(there.values()))
        around.report(Progress(furthest, total, file.path, checking))

    # What is there already is no progress of this run, so it is said before anything comes.
    report(manifest.files[0], there[manifest.files[0].path])
    for file in manifest.files:
        if not part.is_done(file):
            _fetch_file(part, manifest, file, report, around.pause)
        report(file, file.size)


def _fetch_file(
    part: PartFolder,
    manifest: Manifest,
    file: RemoteFile,
    report: Callable[[RemoteFile, int, bool], None],
    pause: float,
) -> None:
    access = hubs.hub_module(manifest.hub)
    request = Request(access.download_url(manifest.repo, file.path), file.size, access.headers())
    incomplete = part.partial(file)
    try:
        transfer(request, incomplete, lambda there: report(file, there, False), pause)
    except StatusRefused as error:
        raise hubs.refused(manifest.hub, manifest.repo, error.status) from error
    report(file, file.size, True)
    if file.sha256 and _sha256(incomplete, lambda _: report(file, file.size, True)) != file.sha256:
        incomplete.unlink()
        message = f"{file.path} has another sha256 than {access.NAME} lists, and was deleted; run this again."
        raise BackendError("fetch_damaged", message, file=file.path)
    part.finish(file)


def _sha256(path: Path, tick: Callable[[int], None]) -> str:
    """Of the file as the disk has it, not as it came; `tick` hears how many bytes were read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()
