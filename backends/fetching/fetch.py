"""Downloads a published model into its folder and checks it; only a complete folder gets the model's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import fill

from filelock import FileLock, Timeout

import hubs
from arena.errors import ArenaError, BackendError, InputError, reason
from arena.types import ModelSpec
from backends.families.support import checked_support
from backends.fetching.partial import PartFolder, part_path, tidy
from backends.fetching.transfer import Transfer
from backends.folder import check_room
from backends.folder.checkpoint import find_weights, sha256_of
from backends.folder.contents import read_checkpoint
from backends.folder.manifest import SMALL, Manifest, needed_files, read_manifest
from backends.models.catalog import Published
from backends.models.resolve import models_dir
from hubs import Hub, ListedFile

# Takes the current file, the bytes done of all files, and their total.
Report = Callable[[str, int, int], None]


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


def fetch(
    spec: ModelSpec,
    published: Published,
    hub: Hub | None,
    *,
    anew: bool = False,
    begin: Callable[[Manifest, int], None] = lambda manifest, missing: None,
    report: Report = lambda text, done, total: None,
    pause: float = 1.0,
) -> Fetched:
    """Downloads what is missing of the model and checks it. Raises InputError or BackendError.

    A model that exists is checked by its sizes, or with `anew` by every hash. Without `hub` the fastest is used.
    `begin` gets the file list and the bytes missing; `pause` is the seconds before the first retry.
    """
    folder = models_dir() / spec.id
    if hub and hub not in published.repos:
        raise InputError(
            "fetch_unpublished", f"{spec.id} is not published on {hubs.hub_module(hub).NAME}.", hub=hub, model=spec.id
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{spec.id}.lock"), timeout=0):
            tidy(folder)
            if present := _present(folder, published, report if anew else None):
                return present
            manifest = _listed(folder, published, hub)
            part = PartFolder(folder, manifest)
            missing = part.missing()
            if missing:
                check_room("fetch_room", folder.parent, missing, f" ({missing:,} to download, the rest to spare)")
            # Only now: an existing model stays in place while no hub answers or the disk is full.
            part.begin()
            begin(manifest, missing)
            _fetch_files(part, manifest, report, pause)
            find_weights(part.path)
            part.put_in_place()
            return Fetched(folder, manifest, missing)
    except Timeout as error:
        raise InputError("fetch_twice", f"Another process is downloading {spec.id}.", model=spec.id) from error
    except BrokenPipeError:
        # The reader of our output has gone; nothing is wrong with the folder.
        raise
    except OSError as error:
        message = f"{folder} cannot be written: {reason(error)}."
        raise BackendError("fetch_unwritable", message, path=str(folder)) from error


class _Meter:
    """Reports the bytes done of all files, starting with those that are already `there`.

    The figure never falls: a server without ranges sends a file from the start again.
    """

    def __init__(self, report: Report, there: Mapping[ListedFile, int]) -> None:
        self._report = report
        self._there = dict(there)
        self._total = sum(file.size for file in there)
        self._furthest = 0

    def show(self, file: ListedFile, size: int, checking: bool = False) -> None:
        """Reports that `size` bytes of the file are done."""
        self._there[file] = size
        self._furthest = max(self._furthest, sum(self._there.values()))
        self._report(f"checking {file.path}" if checking else file.path, self._furthest, self._total)

    def fits(self, path: Path, file: ListedFile) -> bool:
        """Whether the content has the hash that is listed, if one is."""
        return not file.sha256 or sha256_of(path, lambda size: self.show(file, size, True)) == file.sha256


def _present(folder: Path, published: Published, report: Report | None) -> Fetched | None:
    """The model if its folder is complete by the sizes, and with `report` by the hashes; else None."""
    if not folder.exists():
        return None
    manifest = read_manifest(folder)
    if manifest is None:
        raise _foreign(folder)
    if published.repos.get(manifest.hub) != manifest.repo or manifest.damaged(folder):
        return None
    if report:
        meter = _Meter(report, dict.fromkeys(manifest.files, 0))
        if not all(meter.fits(folder / file.path, file) for file in manifest.files):
            return None
    return Fetched(folder, manifest, 0)


def _foreign(folder: Path) -> InputError:
    """The error for a folder that this command did not make."""
    try:
        find_weights(folder)
    except ArenaError as error:
        message = f"{error}. {folder} was not downloaded by this command: move it away and run this again."
    else:
        message = f"{folder} already exists and was copied by hand; it is left unchanged."
    return InputError("fetch_foreign", message, path=str(folder))


def _listed(folder: Path, published: Published, hub: Hub | None) -> Manifest:
    """The files to download; without `hub` from where the download has begun, or from the fastest."""
    begun = read_manifest(part_path(folder)) or read_manifest(folder)
    if hub is None and begun and published.repos.get(begun.hub) == begun.repo:
        hub = begun.hub
    hub = hub or hubs.first_to_answer(published.repos)
    repo = published.repos[hub]
    return Manifest(hub, repo, needed_files(hubs.list_files(hub, repo), repo.id))


def _fetch_files(part: PartFolder, manifest: Manifest, report: Report, pause: float) -> None:
    there = {file: part.there(file) for file in manifest.files}
    meter = _Meter(report, there)
    # The bytes of earlier runs are reported first.
    meter.show(manifest.files[0], there[manifest.files[0]])
    access, repo = hubs.hub_module(manifest.hub), manifest.repo
    refused = partial(hubs.refused, manifest.hub, repo)
    for file in manifest.files:
        if not part.is_done(file):
            path, url = part.partial(file), access.download_url(repo, file.path)
            Transfer(url, file.size, path, partial(meter.show, file), refused, access.headers()).run(pause)
            meter.show(file, file.size, checking=True)
            if not meter.fits(path, file):
                path.unlink()
                problem = f"does not have the sha256 that {access.NAME} lists and was deleted; run this again."
                raise BackendError("fetch_damaged", f"{file.path} {problem}", file=file.path)
            part.finish(file)
        meter.show(file, file.size)
        if file.path == "config.json":
            # The small files come first: what cannot run is refused before gigabytes are downloaded.
            checked_support(read_checkpoint(part.path), "")


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
