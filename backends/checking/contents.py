"""What a model's folder or GGUF file holds, counted from its heads. Reads no weights and loads nothing."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import Weights, read_config, read_tensors, refusal
from backends.folder.gguf import read_gguf
from backends.folder.packed import weights_of
from backends.models.resolve import model_file

_STORED = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_ELEMENT_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


@dataclass(frozen=True)
class Contents:
    """Files with their bytes, and how many elements there are of each type of tensor; None where a file hides them."""

    files: tuple[tuple[str, int], ...]
    tensors: int | None
    elements: Mapping[str, int] | None

    @property
    def parameters(self) -> int | None:
        """All elements together."""
        return sum(self.elements.values()) if self.elements is not None else None

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(size for _, size in self.files)


def gguf_parts(path: Path) -> tuple[Path, ...]:
    """The file, or all parts of one that was split, as far as they are there."""
    if not (part := _PART.search(path.name)):
        return (path,)
    stem = path.name[: part.start()]
    names = (f"{stem}-{number:05}-of-{part[2]}.gguf" for number in range(1, int(part[2]) + 1))
    return tuple(path.with_name(name) for name in names if path.with_name(name).is_file())


def contents_of(spec: ModelSpec) -> Contents:
    """What the model's folder or file holds. Raises BackendError or InputError for one that is damaged or gone."""
    match spec.runtime:
        case "llama.cpp":
            return _of_gguf(model_file(spec))
        case "transformers":
            return _of_folder(Path(spec.source))
    raise InputError("nothing_to_check", f"{spec.id} has no weights that could be checked.", model=spec.id)


def elements_by_type(name: str, tensors: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """How many elements a safetensors header has of each dtype. Raises BackendError if it says something else."""
    found: Counter[str] = Counter()
    for tensor, entry in tensors.items():
        try:
            found[str(entry["dtype"])] += math.prod(map(int, entry["shape"]))
        except (KeyError, TypeError, ValueError) as error:
            raise refusal(name, f"the header of its weights is damaged at {tensor}") from error
    return dict(found)


def stored_elements(folder: Path, weights: Weights) -> dict[str, int]:
    """The same for any folder: .bin files are taken for tensors of the dtype that config.json names, or of 16 bits."""
    tensors = read_tensors(weights)
    if tensors is not None:
        return elements_by_type(folder.name, tensors)
    config = read_config(folder)
    stored = _STORED.get(str(config.get("torch_dtype", config.get("dtype"))), "F16")
    return {stored: sum(file.stat().st_size for file in weights.files) // _ELEMENT_BYTES[stored]}


def _of_folder(folder: Path) -> Contents:
    names = sorted(path for path in folder.iterdir() if path.is_file())
    files = tuple((path.name, path.stat().st_size) for path in names)
    tensors = read_tensors(weights_of(folder))
    if tensors is None:
        return Contents(files, None, None)
    return Contents(files, len(tensors), elements_by_type(folder.name, tensors))


def _of_gguf(path: Path) -> Contents:
    parts = gguf_parts(path)
    heads = [read_gguf(part) for part in parts]
    elements: Counter[str] = Counter()
    for head in heads:
        for _, kind, count in head.tensors:
            elements[kind] += count
    files = tuple((part.name, part.stat().st_size) for part in parts)
    return Contents(files, sum(len(head.tensors) for head in heads), dict(elements))
