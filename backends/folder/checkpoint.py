"""Reads a checkpoint folder without trusting it: names what is missing, truncated or outside the folder."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import BackendError, InputError

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WHOLE = ("model.safetensors", "pytorch_model.bin")
ADAPTER_CONFIG = "adapter_config.json"
# The largest known header is under a megabyte; a longer one is not read.
MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Weights:
    """The weight files, present and complete, and whether they are safetensors (else PyTorch .bin)."""

    files: tuple[Path, ...]
    safetensors: bool


def refusal(name: str, reason: str) -> BackendError:
    """The error for a folder that cannot be loaded."""
    return BackendError("load_failed", f"{name or 'This folder'} cannot be loaded: {reason}", reason=reason)


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file or folder that the system does not let us read."""
    return InputError("file_unreadable", f"{path} cannot be read: {error.strerror}.", path=str(path))


def first_line(error: Exception) -> str:
    """A library's error message as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    # A first line that ends with a colon only announces the reason.
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def member(folder: Path, name: str) -> Path:
    """The file `name` in the folder. Raises BackendError if it is missing or links to a place outside."""
    path = folder / name
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise refusal(folder.name, f"{name} is missing") from error
    if not real.is_relative_to(folder.resolve()):
        raise refusal(folder.name, f"{name} leads out of the folder; copy the file itself there")
    if not real.is_file():
        raise refusal(folder.name, f"{name} is not a file")
    return path


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in the file `name`. Raises BackendError."""
    try:
        value = json.loads(member(folder, name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise refusal(folder.name, f"{name} is damaged: it is not JSON; copy it again") from error
    if not isinstance(value, dict):
        raise refusal(folder.name, f"{name} is not a JSON object")
    return value


def read_optional_json(folder: Path, name: str) -> dict[str, Any]:
    """Like `read_json`, but {} if there is no such file."""
    return read_json(folder, name) if (folder / name).exists() or (folder / name).is_symlink() else {}


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises BackendError, also for an adapter or for weights quantized by another tool."""
    config = read_json(folder, "config.json")
    if not isinstance(config.get("model_type"), str):
        raise refusal(folder.name, "config.json has no model_type")
    for key in ("quantization_config", "quantization_bit"):
        if config.get(key):
            raise refusal(folder.name, f"the weights are quantized ({key}); use the original folder or a GGUF file")
    if (folder / ADAPTER_CONFIG).exists():
        raise refusal(folder.name, "it holds an adapter, not a whole model")
    return config


def check_links(folder: Path) -> None:
    """Checks every file at the folder's top, since a library may read any of them. Raises BackendError."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.is_file():
            member(folder, path.name)


def find_weights(folder: Path) -> Weights:
    """The weight files, each compared with the index and with its own header. Raises BackendError."""
    for index, whole in zip(INDEXES, WHOLE, strict=True):
        names: dict[str, set[str]] = {}
        if (folder / index).exists():
            names = _by_shard(folder, index)
        elif (folder / whole).exists() or (folder / whole).is_symlink():
            names = {whole: set()}
        if names:
            safetensors = index == INDEXES[0]
            files = tuple(member(folder, name) for name in sorted(names))
            for file in files:
                if safetensors:
                    check_safetensors(folder, file, names[file.name])
                else:
                    _check_zip(folder, file)
            return Weights(files, safetensors)
    raise refusal(folder.name, "it has no weights: neither .safetensors nor pytorch_model.bin")


def read_tensors(weights: Weights) -> dict[str, dict[str, Any]] | None:
    """`dtype`, `shape` and `data_offsets` of every tensor by name; None for .bin files, which do not list them."""
    if not weights.safetensors:
        return None
    headers = (read_header(file.parent, file, file.stat().st_size)[0] for file in weights.files)
    return {name: entry for header in headers for name, entry in header.items() if name != "__metadata__"}


def _by_shard(folder: Path, index: str) -> dict[str, set[str]]:
    """The tensors of each shard according to the index."""
    weight_map = read_json(folder, index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise refusal(folder.name, f"{index} has no weight_map")
    ending = ".safetensors" if index == INDEXES[0] else ".bin"
    shards: dict[str, set[str]] = {}
    for tensor, name in weight_map.items():
        # Only plain names: the index must not lead out of the folder.
        if not isinstance(name, str) or Path(name).name != name or "\\" in name or not name.endswith(ending):
            raise refusal(folder.name, f"{index} names {name!r}, which is not a {ending} file of the folder")
        shards.setdefault(name, set()).add(tensor)
    return shards


def check_safetensors(folder: Path, file: Path, expected: set[str]) -> None:
    """Compares a file with its own header, which must have the tensors `expected`. Raises BackendError."""
    size = file.stat().st_size
    header, start = read_header(folder, file, size)
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        whole = start + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except (TypeError, KeyError, IndexError) as error:
        raise refusal(folder.name, f"{file.name} has a damaged header") from error
    if size != whole:
        raise refusal(folder.name, f"{file.name} has {size:,} bytes instead of {whole:,}; copy or download it again")
    if missing := sorted(expected - set(tensors)):
        raise refusal(folder.name, f"{file.name} lacks {missing[0]}, which the index lists")


def read_header(folder: Path, file: Path, size: int) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file of `size` bytes, and the offset of its data. Raises BackendError."""
    with file.open("rb") as opened:
        if hasattr(os, "posix_fadvise"):
            # Read-ahead would fill the page cache with small pages, which a later mapping could not replace.
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        first = opened.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        text = opened.read(length) if length <= MAX_HEADER else b""
    if size < 8 or (length <= MAX_HEADER and len(text) < length):
        reason = f"{file.name} has {size:,} bytes instead of over {8 + length:,}; download it again"
        raise refusal(folder.name, reason)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise refusal(folder.name, f"{file.name} is not a safetensors file")
    return header, 8 + length


def _check_zip(folder: Path, file: Path) -> None:
    """A .bin file is a zip archive with its table of contents at the end: a truncated file has none."""
    if not zipfile.is_zipfile(file):
        size = file.stat().st_size
        reason = f"{file.name} ({size:,} bytes) is truncated or not a PyTorch file; download it again"
        raise refusal(folder.name, reason)
