"""Says what a model takes before it can answer: bytes to download, to write and of memory, from its small files."""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import hubs
from arena.errors import InputError
from arena.needs import Needs, Room
from arena.types import ModelSpec
from backends.fetching.fetch import fetch
from backends.fetching.precheck import Precheck
from backends.folder import SPARE_BYTES
from backends.folder.packed import is_here, packed_folder
from backends.machine.memory import available_bytes, limit_bytes
from backends.memory.estimate import need_of
from backends.models.catalog import EMBEDDED, PUBLISHED
from backends.models.downloads import PACKED, Download, download_of, models_dir, split_precision
from backends.models.resolve import misspelt, resolve
from backends.models.variants import variant_of
from backends.packed.pack import SHARE
from hubs import Hub

# The errors of `resolve` that a download mends.
TO_FETCH = ("not_fetched", "model_missing", "packed_format")
_LIBRARIES = ("torch", "transformers", "safetensors", "tiktoken", "sentencepiece")
_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license: *(\S+)")


def needs_of(name: str, hub: Hub | None = None) -> Needs:
    """What the model takes. Downloads its small files if it is not here. Raises ArenaError if it cannot run here."""
    try:
        spec = resolve(name)
    except InputError as error:
        if error.code not in TO_FETCH:
            raise
        return _to_fetch(name, *to_download(as_fetched(name)), hub)
    need = need_of(spec)
    return Needs(name, spec.name, 0, 0, 0, need.total if need else 0, spec.licence, spec.licence_url, _missing(spec))


def room_here() -> Room:
    """What this machine has left for models."""
    place = next(folder for folder in (models_dir().absolute(), *models_dir().absolute().parents) if folder.is_dir())
    return Room(max(0, shutil.disk_usage(place).free - SPARE_BYTES), available_bytes(), limit_bytes())


def as_fetched(name: str) -> str:
    """The name without label and settings; only a precision that has a folder of its own stays in it."""
    name = variant_of(name).model
    base, precision = split_precision(name)
    return name if precision in PACKED else base


def to_download(name: str) -> tuple[Download, str]:
    """The model and the precision to quantize it to, if any. Raises InputError if it needs none or is unknown."""
    base, precision = split_precision(name)
    if download := download_of(base):
        if precision and download.is_gguf:
            message = f"{download.id} has one precision only; leave out @{precision}."
            raise InputError("precision_unavailable", message, model=download.id, precision=precision)
        return download, precision if precision in PACKED else ""
    if name in EMBEDDED or name.lower().endswith(".gguf") or name.startswith("scripted:") or Path(name).is_dir():
        raise InputError("fetch_needless", f"{name} needs no download: it runs from files on this machine.", model=name)
    known = ", ".join(PUBLISHED)
    message = f"There is no model {name!r} to download. Known: {known}; or hf:OWNER/NAME, modelscope:OWNER/NAME."
    raise misspelt(base, PUBLISHED) or InputError("fetch_unknown", message, model=name, known=known)


def _to_fetch(name: str, model: Download, precision: str, hub: Hub | None) -> Needs:
    memory: dict[str, int] = {}
    small = fetch(model, precision, hub, weigh=memory.update, weights=False)
    manifest, model = small.manifest, small.model
    folder = model.folder if model.folder.is_dir() else model.folder.with_name(f"{model.folder.name}.part")
    if not memory:  # nothing is missing but the quantized copy
        Precheck(model, precision, manifest, memory.update).folder(folder)
    weights = sum(file.size for file in manifest.weights)
    quantize = weights if precision and not is_here(packed_folder(model.folder, precision)) else 0
    disk = small.came + round(quantize * SHARE.get(precision, 0))
    licence = model.licence or _licence(folder)
    url = model.licence_url or hubs.hub_module(manifest.hub).page(manifest.repo)
    missing = () if model.is_gguf else _missing()
    title = variant_of(name).label or (f"{model.name} ({precision})" if precision else model.name)
    return Needs(name, title, small.came, quantize, disk, next(iter(memory.values())), licence, url, missing)


def _licence(folder: Path) -> str:
    """The licence that the repository's README names; "" if it names none."""
    readme = folder / "README.md"
    match = _LICENCE.match(readme.read_text("utf-8", "replace").replace("\r\n", "\n")) if readme.is_file() else None
    return match[1] if match else ""


def _missing(spec: ModelSpec | None = None) -> tuple[str, ...]:
    """The packages that the model runs on and that are not installed; without `spec` those of a checkpoint folder."""
    is_folder = spec is None or spec.runtime == "transformers"
    return tuple(name for name in _LIBRARIES if find_spec(name) is None) if is_folder else ()
