"""Downloads a published model into its folder and checks it; only a complete folder gets the model's name."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import fill

from filelock import FileLock, Timeout

import hubs
from arena.errors import ArenaError, BackendError, InputError
from arena.types import ModelSpec
from backends.fetching.partial import PartFolder
from backends.fetching.transfer import Request, StatusRefused, transfer
from backends.folder.checkpoint import find_weights
from backends.folder.manifest import SMALL, Manifest, needed_files, read_manifest
from backends.models.catalog import Published
from backends.models.resolve import models_dir
from hubs import Hub, RemoteFile

# Disk space to leave free for votes, logs and the system.
_SPARE = 512 * 1024**2


@dataclass(frozen=True)
class Progress:
    """The bytes done of all files, and the file that is downloaded or checked."""

    done: int
    total: int
    file: str
    checking: bool = False


@dataclass(frozen=True)
class Fetched:
    """A model on disk; `came` is the bytes downloaded now."""

    folder: Path
    manifest: Manifest
    came: int

    @property
    def unhashed_weights(self) -> tuple[str, ...]:
        """Weight files for which the hub lists no sha256, so that only their size was checked."""
        ends = (".safetensors", ".bin")
        return tuple(file.path for file in self.manifest.files if file.path.endswith(ends) and not file.sha256)


@dataclass(frozen=True)
class Surroundings:
    """What a download uses besides the hub.

    `begin` gets the file list and the bytes missing, `report` the progress. `free_bytes` returns the free space of a
    folder's disk. `pause` is the seconds before the first retry.
    """

    begin: Callable[[Manifest, int], None] = lambda manifest, missing: None
    report: Callable[[Progress], None] = lambda progress: None
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    pause: float = 1.0


def fetch(spec: ModelSpec, published: Published, hub: Hub | None, around: Surroundings, anew: bool = False) -> Fetched:
    """Downloads what is missing of the model and checks it. Raises InputError or BackendError.

    A model that exists is checked by its sizes, or with `anew` by every hash. Without `hub` the fastest is used.
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
        raise InputError("fetch_twice", f"Another process is downloading {spec.id}.", model=spec.id) from error
    except BrokenPipeError:
        # The reader of our output has gone; nothing is wrong with the folder.
        raise
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror or error}."
        raise BackendError("fetch_unwritable", message, path=str(folder)) from error


def _present(folder: Path, published: Published, anew: bool, around: Surroundings) -> Fetched | None:
    """The model if its folder is complete by the sizes, and with `anew` by the hashes; else None."""
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
    """Whether every file has the sha256 that fetched.json lists."""
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
    """The error for a folder that this command did not make."""
    try:
        find_weights(folder)
    except ArenaError as error:
        message = f"{error}. {folder} was not downloaded by this command: move it away and run this again."
        return InputError("fetch_foreign", message, path=str(folder))
    return InputError("fetch_foreign", f"{folder} already exists and was copied by hand; it is left unchanged.")


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
    _check_space(part.target.parent, missing, around)
    # Only now: an existing model stays in place while no hub answers or the disk is full.
    part.begin(manifest)
    around.begin(manifest, missing)
    _fetch_files(part, manifest, around)
    find_weights(part.path)
    part.put_in_place(manifest)
    return Fetched(part.target, manifest, missing)


def _check_space(place: Path, missing: int, around: Surroundings) -> None:
    free = around.free_bytes(place)
    needed = missing + _SPARE
    if missing and free < needed:
        parts = f"{missing:,} to download, the rest to spare"
        message = f"Not enough disk space at {place}: {needed:,} bytes are needed ({parts}), {free:,} are free."
        raise InputError("fetch_room", message, needed=needed, free=free)


def _fetch_files(part: PartFolder, manifest: Manifest, around: Surroundings) -> None:
    there = {file.path: part.there(file) for file in manifest.files}
    total = sum(file.size for file in manifest.files)
    # A server without ranges sends a file from the start again; the progress then waits instead of going back.
    furthest = 0

    def report(file: RemoteFile, size: int, checking: bool = False) -> None:
        nonlocal furthest
        there[file.path] = size
        furthest = max(furthest, sum(there.values()))
        around.report(Progress(furthest, total, file.path, checking))

    # The bytes of earlier runs are reported first.
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
        message = f"{file.path} does not have the sha256 that {access.NAME} lists and was deleted; run this again."
        raise BackendError("fetch_damaged", message, file=file.path)
    part.finish(file)


def _sha256(path: Path, tick: Callable[[int], None]) -> str:
    """The sha256 of the file on disk; `tick` gets the bytes of each block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            digest.update(block)
            tick(len(block))
    return digest.hexdigest()


def by_hand(spec: ModelSpec, published: Published) -> str:
    """Instructions to copy the model by hand, for a machine that reaches no hub."""
    pages = [f"  {hubs.hub_module(hub).page(repo)}" for hub, repo in published.repos.items()]
    names = ", ".join(name for name in SMALL if not name.startswith(("NOTICE", "README")))
    what = (
        "all *.safetensors with model.safetensors.index.json (or, where there are none, all pytorch_model*.bin "
        f"with pytorch_model.bin.index.json), and what there is of {names}"
    )
    where = f"and put them into {(models_dir() / spec.id).absolute()}"
    # The path is not wrapped, so that it can be copied.
    return "\n".join(("To copy it by hand, download on another machine from one of", *pages, fill(what, 100), where))
