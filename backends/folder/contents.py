"""Reads what a model's folder or GGUF file holds, and verifies its files against their list."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import BackendError, InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import (
    Weights,
    member,
    read_config,
    read_json,
    read_optional_json,
    read_tensors,
    refusal,
)
from backends.folder.gguf import gguf_parts, model_file, read_gguf
from backends.folder.manifest import MANIFEST, matches
from backends.folder.packed import PACKED, PackedInfo, is_packed, read_packed, weights_of

_STORED = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_ELEMENT_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_MODEL_FILES = ("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "*.safetensors", "*.bin")
# The lists of files, and how to replace a damaged file.
_LISTS = {PACKED: "quantize it again", MANIFEST: "run fetch with --verify"}


@dataclass(frozen=True)
class Contents:
    """Files with their bytes, and the elements of each tensor type; None where a file does not list them."""

    files: tuple[tuple[str, int], ...]
    tensors: int | None
    elements: Mapping[str, int] | None

    @property
    def parameters(self) -> int | None:
        """The elements of all types."""
        return sum(self.elements.values()) if self.elements is not None else None

    @property
    def total_bytes(self) -> int:
        """The bytes of all files."""
        return sum(size for _, size in self.files)


@dataclass(frozen=True)
class Checkpoint:
    """The small files of a checkpoint folder: config.json, generation_config.json ({} without one) and packed.json."""

    folder: Path
    config: Mapping[str, Any]
    generation: Mapping[str, Any]
    packed: PackedInfo | None
    revision: str


def read_checkpoint(folder: Path) -> Checkpoint:
    """Reads the small files of a folder. Raises BackendError or OSError."""
    config, generation = read_config(folder), read_optional_json(folder, "generation_config.json")
    packed = read_packed(folder) if is_packed(folder) else None
    return Checkpoint(folder, config, generation, packed, packed.own_revision if packed else _fingerprint(folder))


def _fingerprint(folder: Path) -> str:
    """Identifies a folder by its configuration and the sizes of its files; hashing gigabytes would block the page."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in sorted(folder.iterdir()):
        # Other files, such as notes and pictures, are not part of the model.
        if path.is_file() and matches(path.name, _MODEL_FILES):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    return f"sizes-sha256:{digest.hexdigest()[:32]}"


def contents_of(spec: ModelSpec) -> Contents:
    """What the model's folder or file holds. Raises BackendError or InputError if it is damaged or missing."""
    match spec.runtime:
        case "llama.cpp":
            return _of_gguf(model_file(spec))
        case "transformers":
            return _of_folder(Path(spec.source))
    raise InputError("nothing_to_check", f"{spec.id} has no weights to check.", model=spec.id)


def stored_elements(folder: Path, weights: Weights) -> dict[str, int]:
    """Elements by dtype. For .bin files all bytes count as the dtype in config.json, or as 16 bits without one."""
    tensors = read_tensors(weights)
    if tensors is not None:
        return _elements_by_type(folder.name, tensors)
    config = read_config(folder)
    stored = _STORED.get(str(config.get("torch_dtype", config.get("dtype"))), "F16")
    return {stored: sum(file.stat().st_size for file in weights.files) // _ELEMENT_BYTES[stored]}


def _elements_by_type(name: str, tensors: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    elements: Counter[str] = Counter()
    for tensor, entry in tensors.items():
        try:
            elements[str(entry["dtype"])] += math.prod(map(int, entry["shape"]))
        except (KeyError, TypeError, ValueError) as error:
            raise refusal(name, f"the header of its weights is damaged at {tensor}") from error
    return dict(elements)


def _of_folder(folder: Path) -> Contents:
    names = sorted(path for path in folder.iterdir() if path.is_file())
    files = tuple((path.name, path.stat().st_size) for path in names)
    tensors = read_tensors(weights_of(folder))
    if tensors is None:
        return Contents(files, None, None)
    return Contents(files, len(tensors), _elements_by_type(folder.name, tensors))


def _of_gguf(path: Path) -> Contents:
    parts = gguf_parts(path)
    tensors = [tensor for part in parts for tensor in read_gguf(part).tensors]
    elements: Counter[str] = Counter()
    for _, kind, count in tensors:
        elements[kind] += count
    return Contents(tuple((part.name, part.stat().st_size) for part in parts), len(tensors), dict(elements))


def verify_listed(spec: ModelSpec, on_file: Callable[[str, int], None]) -> tuple[str, int] | None:
    """Compares the files with fetched.json or packed.json: the list's name and the number of files; None without one.

    Raises BackendError for the first file with another size or sha256. `on_file(name, bytes)` is called before each
    file is read, since gigabytes take a minute.
    """
    if spec.source.startswith("package:"):
        return None  # loading compares it with the catalogue
    is_folder = spec.runtime == "transformers"
    path = Path(spec.source) if is_folder else model_file(spec)
    folder = path if is_folder else path.parent
    name = next((name for name in _LISTS if (folder / name).is_file()), None)
    if name is None:
        return None
    listed = read_json(folder, name).get("files")
    if not isinstance(listed, list):
        raise refusal(folder.name, f"{name} lists no files")
    # A GGUF file may lie beside the files of other models.
    entries = [entry for entry in listed if is_folder or not isinstance(entry, dict) or entry.get("path") == path.name]
    for entry in entries:
        _verify(folder, name, entry, on_file)
    return name, len(entries)


def _verify(folder: Path, listing: str, entry: Any, on_file: Callable[[str, int], None]) -> None:
    try:
        name, size, expected = str(entry["path"]), int(entry["size"]), str(entry["sha256"] or "")
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise refusal(folder.name, f"{listing} is damaged") from error
    file = member(folder, name)
    actual_size = file.stat().st_size
    if actual_size != size:
        reason = f"{name} has {actual_size:,} bytes instead of {size:,}; {_LISTS[listing]}"
        raise refusal(folder.name, reason)
    # A hub may list no sha256 for a small file.
    if expected:
        on_file(name, size)
        check_sha256(file, expected, _LISTS[listing])


def check_sha256(file: Path, expected: str, remedy: str) -> None:
    """Raises BackendError with the remedy unless the file has the sha256 `expected`."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != expected:
        message = f"{file.name} is damaged: its sha256 is {digest[:12]}..., not {expected[:12]}...; {remedy}."
        raise BackendError("model_damaged", message, path=file.name)
