"""Downloads a published model into its folder and checks it; only a complete folder gets the model's name."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import fill

import hubs
from arena.errors import ArenaError, BackendError, InputError, os_error_as
from backends.fetching.partial import PartFolder, part_path, tidy
from backends.fetching.precheck import Precheck
from backends.fetching.transfer import Transfer
from backends.folder import check_room, locked
from backends.folder.checkpoint import find_weights, sha256_of
from backends.folder.gguf import GgufHead, read_gguf
from backends.folder.manifest import SMALL, Manifest, gguf_files, needed_files, read_manifest
from backends.folder.verified import remember
from backends.memory.estimate import PACKED_SHARES
from backends.models.downloads import Download
from hubs import Hub, ListedFile

# Takes the current file, the bytes done of all files, and their total.
Report = Callable[[str, int, int], None]
# The first bytes of a GGUF file that are downloaded to read its head; most of it is the vocabulary.
_HEADS = (1 << 20, 1 << 24, 1 << 27)


@dataclass(frozen=True)
class Fetched:
    """A model on disk; `came` is the bytes downloaded now."""

    model: Download
    manifest: Manifest
    came: int

    @property
    def folder(self) -> Path:
        """The folder of the model."""
        return self.model.folder

    @property
    def unhashed_weights(self) -> tuple[str, ...]:
        """Weight files for which the hub lists no sha256, so that only their size was checked."""
        return tuple(file.path for file in self.manifest.weights if not file.sha256)


def fetch(
    model: Download,
    precision: str = "",
    hub: Hub | None = None,
    *,
    anew: bool = False,
    begin: Callable[[Manifest, int], None] = lambda manifest, missing: None,
    weigh: Callable[[Mapping[str, int]], None] = lambda needed: None,
    report: Report = lambda text, done, total: None,
    weights: bool = True,
) -> Fetched:
    """Downloads what is missing of the model and checks it. Raises InputError or BackendError.

    A model that exists is checked by its sizes, or with `anew` by every hash. Without `hub` the fastest is used.
    Without `weights` only what decides whether the model can run here is downloaded; the rest of `came` is to come.
    `precision` is the one that it is quantized to afterwards. `begin` gets the file list and the bytes missing, `weigh`
    the bytes of memory by precision, before any weights.
    """
    if hub and hub not in model.repos:
        name = hubs.hub_module(hub).NAME
        raise InputError("fetch_unpublished", f"{model.id} is not published on {name}.", hub=hub, model=model.id)
    if model.quantization:
        model = model.of_file(_chosen_file(model))
    folder = model.folder
    busy = InputError("fetch_twice", f"Another process is downloading {model.id}.", model=model.id)
    unwritable = os_error_as("fetch_unwritable", f"{folder} cannot be written", BackendError, path=str(folder))
    with unwritable, locked(folder, busy):
        tidy(folder)
        if present := _present(model, report if anew else None):
            return present
        manifest = _listed(model, hub)
        part = PartFolder(folder, manifest)
        missing = part.missing()
        if missing:
            packed = round(PACKED_SHARES.get(precision, 0) * manifest.size)
            hint = f" ({missing:,} to download, the rest to {'quantize and ' if packed else ''}spare)"
            check_room("fetch_room", folder.parent, missing + packed, hint)
        # Only now: an existing model stays in place while no hub answers or the disk is full.
        part.begin()
        begin(manifest, missing)
        try:
            _fetch_files(part, manifest, Precheck(model, precision, manifest, weigh), report, weights)
        except InputError:
            # It cannot run here; what came before this run stays.
            if missing == manifest.size:
                shutil.rmtree(part.path, ignore_errors=True)
            raise
        if weights:
            if not model.is_gguf:
                find_weights(part.path)
            part.put_in_place()
            remember(folder, manifest.files)
        return Fetched(model, manifest, missing)


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


def _present(model: Download, report: Report | None) -> Fetched | None:
    """The model if its folder is complete by the sizes, and with `report` by the hashes; else None."""
    folder = model.folder
    if not folder.exists():
        return None
    manifest = read_manifest(folder)
    if manifest is None:
        raise _foreign(folder)
    if not _is_of(manifest, model) or manifest.damaged(folder):
        return None
    if report:
        meter = _Meter(report, dict.fromkeys(manifest.files, 0))
        if not all(meter.fits(folder / file.path, file) for file in manifest.files):
            return None
        remember(folder, manifest.files)
    return Fetched(model, manifest, 0)


def _is_of(manifest: Manifest, model: Download) -> bool:
    """Whether the files are those of the model; a name without an exact revision keeps the one that it has."""
    repo = model.repos.get(manifest.hub)
    return manifest.repo == repo or (not model.is_pinned and repo is not None and manifest.repo.id == repo.id)


def _foreign(folder: Path) -> InputError:
    """The error for a folder that this command did not make."""
    try:
        find_weights(folder)
    except ArenaError as error:
        message = f"{error}. {folder} was not downloaded by this command: move it away and run this again."
    else:
        message = f"{folder} already exists and was copied by hand; it is left unchanged."
    return InputError("fetch_foreign", message, path=str(folder))


def _chosen_file(model: Download) -> str:
    """The path of the file that has the model's quantization. Raises InputError or BackendError."""
    ((hub, repo),) = model.repos.items()
    repo = hubs.pinned(hub, repo)
    under, files = gguf_files(hubs.list_files(hub, repo, recursive=True), repo.id, "", model.quantization)
    return f"{under}/{files[0].path}".removeprefix("/")


def _listed(model: Download, hub: Hub | None) -> Manifest:
    """The files to download; without `hub` from where the download has begun, or from the fastest."""
    begun = read_manifest(part_path(model.folder)) or read_manifest(model.folder)
    if hub is None and begun and _is_of(begun, model):
        hub = begun.hub
    hub = hub or hubs.first_to_answer(model.repos)
    repo = model.repos[hub] if model.is_pinned else hubs.pinned(hub, model.repos[hub])
    if model.is_gguf:
        under, files = gguf_files(hubs.list_files(hub, repo, recursive=True), repo.id, model.file, "")
        return Manifest(hub, repo, tuple(files), under)
    return Manifest(hub, repo, needed_files(hubs.list_files(hub, repo), repo.id, pickled=model.is_pinned))


def _fetch_files(part: PartFolder, manifest: Manifest, check: Precheck, report: Report, weights: bool) -> None:
    there = {file: part.there(file) for file in manifest.files}
    meter = _Meter(report, there)
    # The bytes of earlier runs are reported first.
    meter.show(manifest.files[0], there[manifest.files[0]])
    access, repo = hubs.hub_module(manifest.hub), manifest.repo
    headers, refused = access.headers(), partial(hubs.refused, manifest.hub, repo)
    for file in manifest.files:
        path = part.partial(file)
        url = access.download_url(repo, f"{manifest.under}/{file.path}".removeprefix("/"))
        transfer = Transfer(url, file.size, path, partial(meter.show, file), refused, headers)
        if check.model.is_gguf and file == manifest.files[0]:
            check.head(read_gguf(part.path / file.path) if part.is_done(file) else _head(transfer))
            if not weights:
                return
        if not part.is_done(file):
            transfer.run()
            meter.show(file, file.size, checking=True)
            if not meter.fits(path, file):
                path.unlink()
                problem = f"does not have the sha256 that {access.NAME} lists and was deleted; run this again."
                raise BackendError("fetch_damaged", f"{file.path} {problem}", file=file.path)
            part.finish(file)
        meter.show(file, file.size)
        if file.path == "config.json":
            # The small files come first: what cannot run is refused before gigabytes are downloaded.
            check.folder(part.path)
            if not weights:
                return


def _head(transfer: Transfer) -> GgufHead:
    """The head of a GGUF file, of which only the first bytes are downloaded. Raises BackendError."""
    for end in _HEADS:
        replace(transfer, end=min(end, transfer.size)).run()
        with suppress(BackendError):
            return read_gguf(transfer.path)
    return read_gguf(transfer.path)


def by_hand(model: Download) -> str:
    """Instructions to copy the model by hand, for a machine that reaches no hub."""
    pages = [f"  {hubs.hub_module(hub).page(repo)}" for hub, repo in model.repos.items()]
    names = ", ".join(name for name in SMALL if not name.startswith(("NOTICE", "README")))
    what = (
        "all *.safetensors with model.safetensors.index.json (or, where there are none, all pytorch_model*.bin "
        f"with pytorch_model.bin.index.json), and what there is of {names}"
    )
    if model.is_gguf:
        what = f"the file {model.file or model.quantization}, if it is split all of its parts"
    where = f"and put them into {model.folder.absolute()}"
    # The path is not wrapped, so that it can be copied.
    return "\n".join(("To copy it by hand, download on another machine from one of", *pages, fill(what, 100), where))
