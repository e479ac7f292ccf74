"""Reads what a model's folder or GGUF file holds."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.errors import BackendError, InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import (
    Weights,
    find_weights,
    member,
    read_config,
    read_optional_json,
    refusal,
    sha256_of,
)
from backends.folder.gguf import gguf_parts, model_file, read_gguf, type_name
from backends.folder.manifest import matches
from backends.folder.packed import PACKED, PackedInfo, packed_info, packed_weights

CHAT_TEMPLATE = "chat_template.jinja"
_MODEL_FILES = ("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "*.safetensors", "*.bin")


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


@dataclass(frozen=True)
class Checkpoint:
    """The small files of a checkpoint folder: config.json, generation_config.json and tokenizer_config.json ({} without
    one), and packed.json."""

    folder: Path
    config: Mapping[str, Any]
    generation: Mapping[str, Any]
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    packed: PackedInfo | None = None

    @property
    def model_type(self) -> str:
        """The model_type of config.json."""
        return str(self.config["model_type"])

    @property
    def may_chat(self) -> bool:
        """Whether there is a chat template; also if there is no tokenizer_config.json, which could lack one."""
        has_file = (self.folder / CHAT_TEMPLATE).is_file()
        return has_file or not self.tokenizer or bool(self.tokenizer.get("chat_template"))

    @property
    def revision(self) -> str:
        """Identifies the bytes by their hashes, or by the configuration and the sizes, which take no time to read."""
        if self.packed:
            return self.packed.own_revision
        digest = hashlib.sha256((self.folder / "config.json").read_bytes())
        for path in sorted(self.folder.iterdir()):
            # Other files, such as notes and pictures, are not part of the model.
            if path.is_file() and matches(path.name, _MODEL_FILES):
                digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        return f"sizes-sha256:{digest.hexdigest()[:32]}"

    def weights(self) -> Weights:
        """The weight files, present and complete. Raises BackendError."""
        return packed_weights(self.folder, self.packed) if self.packed else find_weights(self.folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Reads the small files of a folder, after a check that no file leads out of it. Raises BackendError or OSError."""
    config = read_config(folder)
    # A library may read any file at the folder's top.
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.is_file():
            member(folder, path.name)
    names = ("generation_config.json", "tokenizer_config.json", PACKED)
    generation, tokenizer, packed = (read_optional_json(folder, name) for name in names)
    return Checkpoint(folder, config, generation, tokenizer, packed_info(folder, packed) if packed else None)


def contents_of(spec: ModelSpec) -> Contents:
    """What the model's folder or file holds. Raises BackendError or InputError if it is damaged or missing."""
    tensors: list[tuple[str, int]] | None
    match spec.runtime:
        case "llama.cpp":
            files = gguf_parts(model_file(spec))
            tensors = [(type_name(kind), count) for file in files for _, kind, count in read_gguf(file).tensors]
        case "transformers":
            folder = Path(spec.source)
            files = tuple(sorted(path for path in folder.iterdir() if path.is_file()))
            weights = read_checkpoint(folder).weights()
            tensors = None if weights.tensors is None else elements_of(folder, weights.tensors)
        case _:
            raise InputError("nothing_to_check", f"{spec.id} has no weights to check.", model=spec.id)
    sizes = tuple((file.name, file.stat().st_size) for file in files)
    if tensors is None:
        return Contents(sizes, None, None)
    elements: Counter[str] = Counter()
    for kind, count in tensors:
        elements[kind] += count
    return Contents(sizes, len(tensors), elements)


def elements_of(folder: Path, tensors: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The dtype and the number of elements of each tensor by its header entry. Raises BackendError."""
    elements = []
    for name, entry in tensors.items():
        try:
            elements.append((str(entry["dtype"]), math.prod(map(int, entry["shape"]))))
        except (KeyError, TypeError, ValueError) as error:
            raise refusal(folder.name, f"the header of its weights is damaged at {name}") from error
    return elements


def check_sha256(file: Path, expected: str, remedy: str) -> None:
    """Raises BackendError with the remedy unless the file has the sha256 `expected`."""
    if (digest := sha256_of(file)) != expected:
        message = f"{file.name} is damaged: its sha256 is {digest[:12]}..., not {expected[:12]}...; {remedy}."
        raise BackendError("model_damaged", message, path=file.name)
