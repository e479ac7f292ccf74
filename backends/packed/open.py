"""Opens a packed folder as a model: the library's architecture with packed layers, memory-mapped from the files.

Nothing is read until it is used, so a model of gigabytes opens at once.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn

from backends.families.weights import Architecture, bare_model, heads_of
from backends.folder.checkpoint import read_header, refusal
from backends.folder.packed import GROUPS, PackedInfo, packed_weights
from backends.machine.pages import ask_large, release
from backends.packed.kernels import BF16, Kernels, find_kernels
from backends.packed.layers import UNIT, DecodeAttention, with_quick_layers, with_quick_norms
from backends.packed.linear import Linear4, Linear8
from backends.packed.scheme import BLOCK
from backends.stepping import PREFILL_CHUNK
from backends.stepping.batched import Rows

# Ids that every vocabulary has.
_TEST_IDS = (1, 2, 3, 4)
_TYPES = {"U8": torch.uint8, "I8": torch.int8, "BF16": torch.bfloat16, "F32": torch.float32}
# What every token reads from end to end. Of an embedding a token reads one row, and a large page would hold 250.
_READ_WHOLE = (".packed", ".weight8")


def packed_rows(folder: Path, info: PackedInfo, architecture: Architecture) -> Rows:
    """The model, ready for several conversations at once. Raises BackendError."""
    return quick_rows(load_packed(folder, info, architecture), find_kernels())


def load_packed(folder: Path, info: PackedInfo, architecture: Architecture) -> Any:
    """The model. Raises BackendError where the files do not fit it tensor by tensor."""
    files = packed_weights(folder, info).files
    tensors = {key: value for file in files for key, value in map_tensors(file).items()}
    model = bare_model(architecture, folder.name)
    fill(model, tensors, folder.name, find_kernels())
    model.get_input_embeddings().register_forward_hook(_EmbeddingRelease(files))
    return model.eval()


def check_answers(folder: Path, info: PackedInfo, architecture: Architecture) -> None:
    """Runs the model on a few ids, with only a part of it in memory at a time. Raises BackendError.

    Does nothing without kernels: the whole model would be in memory, repacked for torch.
    """
    if find_kernels() is None:
        return
    files = packed_weights(folder, info).files
    model = load_packed(folder, info, architecture)
    for module in model.modules():
        if isinstance(module, Linear4 | Linear8):
            module.register_forward_hook(partial(_release_weight, files))
    rows = Rows(model, 1)
    if not rows.read(rows.new_cache(len(_TEST_IDS)), _TEST_IDS).isfinite().all():
        raise refusal(folder.name, "it computes values that are not finite")


def quick_rows(model: Any, kernels: Kernels | None) -> Rows:
    """A model of packed layers, with everything else that the kernels compute."""
    _, _, size = heads_of(model.config.get_text_config())
    quick = with_quick_layers(with_quick_norms(model, kernels), kernels)
    # Width 1: the result of a packed layer does not depend on the other rows.
    return Rows(quick, 1, DecodeAttention(kernels) if kernels and size % UNIT == 0 else None)


def _release_weight(files: Sequence[Path], module: Any, arguments: Any, output: torch.Tensor) -> None:
    release(module.weight, files)


class _EmbeddingRelease:
    """Drops an embedding's pages now and then: a token needs one row, but its neighbours are mapped as well."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._tokens = 0

    def __call__(self, module: Any, arguments: tuple[torch.Tensor], output: torch.Tensor) -> None:
        self._tokens += arguments[0].numel()
        if self._tokens >= PREFILL_CHUNK:
            self._tokens = 0
            release(module.weight, self._files)


def fill(model: Any, tensors: dict[str, torch.Tensor], name: str, kernels: Kernels | None) -> None:
    """Gives a bare model its weights; none may be missing or left over. Raises BackendError."""
    left = _Tensors(tensors, name)
    for place, module in list(model.named_modules()):
        if isinstance(module, nn.Linear):
            parent, _, own = place.rpartition(".")
            setattr(model.get_submodule(parent), own, _layer(place, module, left, kernels))
        else:
            for own, old in list(module._parameters.items()):
                if old is not None:
                    value = left.take(f"{place}.{own}", old.shape, BF16)
                    module._parameters[own] = nn.Parameter(value, requires_grad=False)
    if left.tensors:
        raise refusal(name, f"unexpected tensors: {len(left.tensors)}, the first is {sorted(left.tensors)[0]}")


class _Tensors:
    """The tensors of the folder `name` that no module has taken yet."""

    def __init__(self, tensors: dict[str, torch.Tensor], name: str) -> None:
        self.tensors = dict(tensors)
        self._name = name

    def take(self, key: str, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Removes and returns a tensor. Raises BackendError if it is missing or does not fit."""
        tensor = self.tensors.pop(key, None)
        if tensor is None:
            raise refusal(self._name, f"missing tensor: {key}")
        if tuple(tensor.shape) != tuple(shape) or tensor.dtype != dtype:
            actual, expected = (str(kind).removeprefix("torch.") for kind in (tensor.dtype, dtype))
            reason = f"{key} is {actual} {list(tensor.shape)} instead of {expected} {list(shape)}"
            raise refusal(self._name, reason)
        return tensor

    def groups(self, place: str, columns: int) -> int:
        """The number of groups along a row, from the shape of the scales. Raises BackendError."""
        scales = self.tensors.get(f"{place}.scales")
        groups = scales.shape[1] if scales is not None and scales.dim() == 4 else 0
        if not groups or columns % groups or columns // groups not in GROUPS:
            raise refusal(self._name, f"{place}.scales do not fit {columns} columns")
        return int(groups)


def _layer(place: str, old: Any, left: _Tensors, kernels: Kernels | None) -> Linear4 | Linear8:
    rows, columns = old.weight.shape
    bias = None if old.bias is None else left.take(f"{place}.bias", (rows,), BF16)
    if f"{place}.packed" in left.tensors:
        blocks, groups = -(-rows // BLOCK), left.groups(place, columns)
        packed = left.take(f"{place}.packed", (blocks, columns, BLOCK // 2), torch.uint8)
        scales = left.take(f"{place}.scales", (blocks, groups, BLOCK, 2), BF16)
        return Linear4((packed, scales), rows, bias, kernels)
    weight = left.take(f"{place}.weight8", (rows, columns), torch.int8)
    scale = left.take(f"{place}.scale8", (rows,), torch.float32)
    return Linear8((weight, scale), bias, kernels)


def map_tensors(file: Path) -> dict[str, torch.Tensor]:
    """Memory-maps every tensor of a safetensors file, by name. Raises BackendError for a damaged header.

    The library's own mapping has 4 kB pages, with which a product of one row takes a third longer, since it reads
    every weight once. Linux gives 2 MB pages to a file that is not in memory yet, if asked before the first access.
    """
    header, start = read_header(file.parent, file, file.stat().st_size)
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    try:
        with file.open("rb") as opened:
            # Copy on write: torch needs writable memory, and nothing of it reaches the file.
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise refusal(file.parent.name, f"{file.name} cannot be mapped: {error.strerror}") from error
    if any(name.endswith(_READ_WHOLE) for name in entries):
        ask_large(mapped)
    tensors = {}
    for name, entry in entries.items():
        tensor = _tensor(mapped, start, entry)
        if tensor is None:
            reason = f"{file.name} is damaged: the header does not fit {name[:100]!r}; quantize it again"
            raise refusal(file.parent.name, reason)
        tensors[name] = tensor
    return tensors


def _tensor(mapped: mmap.mmap, start: int, entry: Any) -> torch.Tensor | None:
    """The tensor of a header's entry; None if the entry is not valid."""
    if not isinstance(entry, dict):
        return None
    dtype, shape, offsets = _TYPES.get(str(entry.get("dtype"))), entry.get("shape"), entry.get("data_offsets")
    if dtype is None or not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        return None
    begin, end = offsets
    count = math.prod(shape)
    if not count or end - begin != count * dtype.itemsize or start + end > len(mapped):
        return None
    return torch.frombuffer(mapped, dtype=dtype, count=count, offset=start + begin).view(shape)


def _are_counts(numbers: Any) -> TypeGuard[list[int]]:
    # JSON's true is an int in Python.
    return isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)
