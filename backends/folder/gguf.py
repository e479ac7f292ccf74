"""The head of a GGUF file: what it says of the model, and its tensors. Knows no weights and no engine."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from arena.errors import BackendError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Longer lists (vocabularies) are counted, not kept.
_LONGEST_LIST = 4096
# No honest head has more; one that claims more would hold up, or fill, the machine before anything is known of it.
MOST_ENTRIES, MOST_STRINGS, LONGEST_STRING = 65_536, 4_000_000, 16_000_000
_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K",
    13: "Q5_K", 14: "Q6_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 29: "IQ1_M", 30: "BF16",
}  # fmt: skip


@dataclass(frozen=True)
class GgufHead:
    """Metadata (of long lists only the length) and the elements of each tensor with the name of their type."""

    metadata: Mapping[str, Any]
    tensors: tuple[tuple[str, str, int], ...]

    def of_model(self, key: str, default: Any = None) -> Any:
        """The metadata under the architecture's own prefix, such as `llama.block_count`."""
        return self.metadata.get(f"{self.metadata.get('general.architecture')}.{key}", default)


def read_gguf(path: Path) -> GgufHead:
    """The head of the file. Raises BackendError if it is cut short or is none."""
    try:
        with path.open("rb") as file:
            return _Reader(file, path.stat().st_size).head()
    except (OSError, struct.error, ValueError, KeyError, MemoryError, OverflowError, RecursionError) as error:
        message = f"{path.name} cannot be read: its head is damaged or of a kind that is not known."
        raise BackendError("model_damaged", message, path=path.name) from error


class _Reader:
    """Little-endian values one after the other. Counts are compared with the file's size before they are believed."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def head(self) -> GgufHead:
        magic, version = self._file.read(4), self._one("I")
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError(version)
        tensors, pairs = self._count(MOST_ENTRIES), self._count(MOST_ENTRIES)
        metadata = {self._string(): self._value(self._one("I")) for _ in range(pairs)}
        return GgufHead(metadata, tuple(self._tensor() for _ in range(tensors)))

    def _tensor(self) -> tuple[str, str, int]:
        name, dimensions = self._string(), self._one("I")
        if dimensions > 8:
            raise ValueError(dimensions)
        elements = math.prod(self._one("Q") for _ in range(dimensions))
        kind, _offset = self._one("I"), self._one("Q")
        return name, _TYPES.get(kind, f"type {kind}"), elements

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._one(_SCALARS[kind])
        inner, count = self._one("I"), self._count()
        if count <= _LONGEST_LIST:
            return [self._value(inner) for _ in range(count)]
        if inner == _STRING:
            self._skip_strings(count)
            return count
        self._file.seek(count * struct.calcsize(_SCALARS[inner]), 1)
        return count

    def _string(self) -> str:
        length = self._count(LONGEST_STRING)
        text = self._file.read(length)
        if len(text) < length:
            raise ValueError(length)
        return text.decode("utf-8", "replace")

    def _skip_strings(self, count: int) -> None:
        if count > MOST_STRINGS:
            raise ValueError(count)
        for _ in range(count):
            self._file.seek(self._count(), 1)

    def _count(self, most: int | None = None) -> int:
        count = int(self._one("Q"))
        if count > (self._size if most is None else most):
            raise ValueError(count)
        return count

    def _one(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self._file.read(struct.calcsize(f"<{form}")))[0]
