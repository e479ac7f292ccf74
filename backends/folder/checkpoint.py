"""Reads a checkpoint folder without trusting it: names what is missing, truncated or outside the folder."""

import hashlib
import json
import logging
import os
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import BackendError

log = logging.getLogger(__name__)
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WHOLE = ("model.safetensors", "pytorch_model.bin")
ADAPTER_CONFIG = "adapter_config.json"
# Keys of config.json for weights that another tool has quantized.
QUANTIZED = ("quantization_config", "quantization_bit")
# The largest known header is under a megabyte; a longer one is not read.
MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Weights:
    """The weight files, present and complete, and the header entries by tensor (None for PyTorch .bin files)."""

    files: tuple[Path, ...]
    tensors: Mapping[str, Any] | None


def refusal(name: str, reason: str) -> BackendError:
    """The error for a folder that cannot be loaded."""
    return BackendError("load_failed", f"{name or 'This folder'} cannot be loaded: {reason}", reason=reason)


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


def check_size(file: Path, expected: int, remedy: str) -> None:
    """Raises BackendError with the remedy unless the file has `expected` bytes."""
    if (size := file.stat().st_size) != expected:
        raise refusal(file.parent.name, f"{file.name} has {size:,} bytes instead of {expected:,}; {remedy}")


def sha256_of(file: Path, report: Callable[[int], None] = lambda size: None) -> str:
    """The sha256 of the content; `report` gets the bytes read so far."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 24):
            digest.update(block)
            report(opened.tell())
    return digest.hexdigest()


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
    return read_json(folder, name) if os.path.lexists(folder / name) else {}


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises BackendError, also for an adapter."""
    config = read_json(folder, "config.json")
    if not isinstance(config.get("model_type"), str):
        raise refusal(folder.name, "config.json has no model_type")
    if (folder / ADAPTER_CONFIG).exists():
        raise refusal(folder.name, "it holds an adapter, not a whole model")
    return config


def positive(value: Any) -> int:
    """The value if it is a positive integer, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of the text model, which some folders nest."""
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config


def find_weights(folder: Path) -> Weights:
    """The weight files, each compared with the index and with its own header. Raises BackendError.

    They are those that the library loads: beside one whole file an index is a rest of older parts.
    """
    for index, whole in zip(INDEXES, WHOLE, strict=True):
        has_index = (folder / index).exists()
        if os.path.lexists(folder / whole):
            shards: dict[str, set[str]] = {whole: set()}
            if has_index:
                log.warning("%s: %s is not used, since the folder has %s.", folder.name, index, whole)
        elif has_index:
            shards = _by_shard(folder, index)
        elif any(folder.glob(whole.replace(".", "-*-of-*.", 1))):
            raise refusal(folder.name, f"it has parts of the weights, but {index} is missing; copy it as well")
        else:
            continue
        files = tuple(member(folder, name) for name in sorted(shards))
        if whole.endswith(".safetensors"):
            return Weights(files, read_tensors(files, shards))
        for file in files:
            # A zip archive has its table of contents at the end: a truncated file has none.
            if not zipfile.is_zipfile(file):
                size = file.stat().st_size
                reason = f"{file.name} ({size:,} bytes) is truncated or not a PyTorch file; download it again"
                raise refusal(folder.name, reason)
        return Weights(files, None)
    raise refusal(folder.name, "it has no weights: neither .safetensors nor pytorch_model.bin")


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


def read_tensors(files: Iterable[Path], expected: Mapping[str, set[str]] | None = None) -> dict[str, Any]:
    """The header entries of the files by tensor. Raises BackendError.

    Every file must have the size that its header gives and, by its name, the tensors `expected`.
    """
    tensors: dict[str, Any] = {}
    for file in files:
        entries, start = read_header(file)
        try:
            size = start + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        except (TypeError, KeyError, IndexError) as error:
            raise refusal(file.parent.name, f"{file.name} has a damaged header") from error
        check_size(file, size, "copy or download it again")
        if missing := sorted((expected or {}).get(file.name, set()) - set(entries)):
            raise refusal(file.parent.name, f"{file.name} lacks {missing[0]}, which the index lists")
        tensors |= entries
    return tensors


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """The entries in the header of a safetensors file by tensor, and the offset of its data. Raises BackendError."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        if hasattr(os, "posix_fadvise"):
            # Read-ahead would fill the page cache with small pages, which a later mapping could not replace.
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        first = opened.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        text = opened.read(length) if length <= MAX_HEADER else b""
    if size < 8 or (length <= MAX_HEADER and len(text) < length):
        reason = f"{file.name} has {size:,} bytes instead of over {8 + length:,}; download it again"
        raise refusal(file.parent.name, reason)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise refusal(file.parent.name, f"{file.name} is not a safetensors file")
    header.pop("__metadata__", None)
    return header, 8 + length
