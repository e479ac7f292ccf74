"""Maps a safetensors file as tensors, in pages of 2 MB where the system has them. Knows types and places, no model.

The library's own mapping has pages of 4 kB, with which a product of one row, which reads every weight once, takes a
third longer. Linux gives large ones to a file that is not in memory yet, if it is asked before the first access.
"""

from __future__ import annotations

import math
import mmap
from pathlib import Path
from typing import Any, TypeGuard

import torch

from backends.folder.checkpoint import read_header, refusal
from backends.machine.pages import ask_large

_TYPES = {"U8": torch.uint8, "I8": torch.int8, "BF16": torch.bfloat16, "F32": torch.float32}
# What every token reads from end to end. Of an embedding it needs one row, and a large page would hold 250.
_READ_WHOLE = (".packed", ".weight8")


def map_tensors(file: Path) -> dict[str, torch.Tensor]:
    """Every tensor of the file, by name; nothing is read yet. Raises BackendError if the header is not believed."""
    header, start = read_header(file.parent, file, file.stat().st_size)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        with file.open("rb") as opened:
            # A copy on write: torch asks for memory that may be written, and nothing of it reaches the file.
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise refusal(file.parent.name, f"{file.name} cannot be mapped: {error.strerror}") from error
    if any(name.endswith(_READ_WHOLE) for name in entries):
        ask_large(mapped)
    return {name: _tensor(mapped, start, entry, file, name) for name, entry in entries.items()}


def _tensor(mapped: mmap.mmap, start: int, entry: Any, file: Path, name: str) -> torch.Tensor:
    if not isinstance(entry, dict):
        raise _damaged(file, name)
    dtype, shape, places = _TYPES.get(str(entry.get("dtype"))), entry.get("shape"), entry.get("data_offsets")
    if dtype is None or not _are_counts(shape) or not _are_counts(places) or len(places) != 2:
        raise _damaged(file, name)
    begin, end = places
    count = math.prod(shape)
    if not count or end - begin != count * dtype.itemsize or start + end > len(mapped):
        raise _damaged(file, name)
    return torch.frombuffer(mapped, dtype=dtype, count=count, offset=start + begin).view(shape)


def _are_counts(numbers: Any) -> TypeGuard[list[int]]:
    # JSON's true is an int in Python.
    return isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)


def _damaged(file: Path, name: str) -> Exception:
    reason = f"{file.name} is damaged: the header does not fit {name[:100]!r}; quantize it again"
    return refusal(file.parent.name, reason)
