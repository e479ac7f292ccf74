"""Opens a packed folder as a model: the library's architecture with packed layers, memory-mapped from the files.

Nothing is read until it is used, so a model of gigabytes opens at once.
"""

import math
import mmap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from backends.families.experts import with_experts
from backends.families.lora import Change, read_changes
from backends.families.weights import Architecture, bare_model, heads_of, own_state
from backends.folder.checkpoint import read_header, refusal
from backends.folder.packed import GROUPS
from backends.machine.pages import ask_large, release
from backends.packed.kernels import BF16, Kernels, find_kernels
from backends.packed.layers import UNIT, decode_attention, with_quick_deltas, with_quick_layers, with_quick_norms
from backends.packed.linear import Linear4, Linear8, OutputLayer, width_for_torch
from backends.packed.residual import RESIDUAL, has_residual
from backends.packed.scheme import BLOCK
from backends.stepping import PREFILL_CHUNK, ROWS
from backends.stepping.batched import Rows

_TYPES = {
    "U8": torch.uint8, "I8": torch.int8, "I64": torch.int64, "BF16": torch.bfloat16, "F32": torch.float32,
}  # fmt: skip
# What every token reads from end to end. Of an embedding a token reads one row, and a large page would hold 250.
_READ_WHOLE = (".packed", ".weight8")


def packed_rows(architecture: Architecture, adapter: Path | None = None) -> Rows:
    """The model, with the adapter in a folder beside it, ready for several conversations. Raises BackendError."""
    model = load_packed(architecture)
    if adapter:
        for place, change in read_changes(model, architecture.family, adapter).items():
            model.set_submodule(place, BesideWeight(model.get_submodule(place), change))
    return quick_rows(model, find_kernels())


class BesideWeight(nn.Module):  # type: ignore[misc]
    """A linear layer with an adapter's change computed beside it."""

    def __init__(self, linear: nn.Module, change: Change) -> None:
        super().__init__()
        self.linear = linear
        self.a, self.b = change.a.float().T.contiguous(), (change.scale * change.b.float()).T.contiguous()
        self.in_features, self.out_features = len(self.a), self.b.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in_features] to [..., out_features] in the layer's type."""
        rows = x.reshape(-1, self.in_features).float()
        # The product of a few rows depends on their number; a conversation must not depend on the others.
        padded = pad(rows, (0, 0, 0, max(0, ROWS - len(rows))))
        y: Tensor = self.linear(x)
        change = (padded @ self.a @ self.b)[: len(rows)].view(y.shape)
        return (y.float() + change).to(y.dtype)


def load_packed(architecture: Architecture) -> Any:
    """The model. Raises BackendError where the files do not fit it tensor by tensor."""
    name, files = architecture.checkpoint.folder.name, architecture.checkpoint.weights().files
    tensors = {key: value for file in files for key, value in map_tensors(file).items()}
    model = with_experts(bare_model(architecture))
    fill(model, tensors, name, find_kernels())
    model.get_input_embeddings().register_forward_hook(_embedding_release(files))
    return model.eval()


def quick_rows(model: Any, kernels: Kernels | None) -> Rows:
    """A model of packed layers, with everything else that the kernels compute."""
    if kernels is None:
        return Rows(model, width_for_torch())
    _, _, size = heads_of(model.config.get_text_config())
    quick = with_quick_layers(with_quick_deltas(with_quick_norms(model, kernels), kernels), kernels)
    # Width 1: the result of a packed layer does not depend on the other rows.
    return Rows(quick, 1, partial(decode_attention, kernels) if size % UNIT == 0 else None)


def _embedding_release(files: Sequence[Path]) -> Callable[[Any, tuple[Tensor], Tensor], None]:
    """A hook that drops the pages now and then: a token needs one row, but its neighbours are mapped as well."""
    tokens = 0

    def hook(module: Any, arguments: tuple[Tensor], output: Tensor) -> None:
        nonlocal tokens
        tokens += arguments[0].numel()
        if tokens >= PREFILL_CHUNK:
            tokens = 0
            release(module.weight, files)

    return hook


def fill(model: Any, tensors: dict[str, Tensor], name: str, kernels: Kernels | None) -> None:
    """Gives a bare model its weights and other state; nothing may be missing or left over. Raises BackendError."""
    left = _Tensors(tensors, name)
    for place, module in list(model.named_modules()):
        if type(module) is nn.Linear:
            model.set_submodule(place, _layer(place, module, left, kernels))
        else:
            for own, old in own_state(module).items():
                value = left.take(f"{place}.{own}", old.shape, old.dtype)
                if own in module._parameters:
                    module._parameters[own] = nn.Parameter(value, requires_grad=False)
                else:
                    module._buffers[own] = value
    if left.tensors:
        raise refusal(name, f"unexpected tensors: {len(left.tensors)}, the first is {sorted(left.tensors)[0]}")


class _Tensors:
    """The tensors of the folder `name` that no module has taken yet."""

    def __init__(self, tensors: dict[str, Tensor], name: str) -> None:
        self.tensors = dict(tensors)
        self._name = name

    def take(self, key: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
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


def _layer(place: str, old: Any, left: _Tensors, kernels: Kernels | None) -> nn.Module:
    rows, columns = old.weight.shape
    bias = None if old.bias is None else left.take(f"{place}.bias", (rows,), BF16)
    if f"{place}.packed" in left.tensors:
        blocks, groups = -(-rows // BLOCK), left.groups(place, columns)
        packed = left.take(f"{place}.packed", (blocks, columns, BLOCK // 2), torch.uint8)
        scales = left.take(f"{place}.scales", (blocks, groups, BLOCK, 2), torch.uint8)
        units = left.take(f"{place}.units", (blocks, BLOCK), torch.float32)
        residual, residual_scale = (f"{place}.{name}" for name in RESIDUAL)
        # The kernel trusts the sizes. What does not fit is left over, and refused.
        if residual not in left.tensors or not has_residual((rows, columns)):
            return Linear4((packed, scales, units), rows, bias, kernels)
        rest = left.take(residual, (rows, columns // 2), torch.uint8)
        rest_scale = left.take(residual_scale, (rows,), torch.float32)
        return OutputLayer((packed, scales, units), (rest, rest_scale), rows, bias, kernels)
    weight = left.take(f"{place}.weight8", (rows, columns), torch.int8)
    scale = left.take(f"{place}.scale8", (rows,), torch.float32)
    return Linear8((weight, scale), bias, kernels)


def map_tensors(file: Path) -> dict[str, Tensor]:
    """Memory-maps every tensor of a safetensors file, by name. Raises BackendError for a damaged header.

    The library's own mapping has 4 kB pages, with which a product of one row takes a third longer, since it reads
    every weight once. Linux gives 2 MB pages to a file that is not in memory yet, if asked before the first access.
    """
    header, start = read_header(file)
    try:
        with file.open("rb") as opened:
            # Copy on write: torch needs writable memory, and nothing of it reaches the file.
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise refusal(file.parent.name, f"{file.name} cannot be mapped: {error.strerror}") from error
    if any(name.endswith(_READ_WHOLE) for name in header):
        ask_large(mapped)
    tensors = {}
    for name, entry in header.items():
        try:
            tensors[name] = _tensor(mapped, start, entry)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"{file.name} is damaged: the header does not fit {name[:100]!r}; quantize it again"
            raise refusal(file.parent.name, reason) from error
    return tensors


def _tensor(mapped: mmap.mmap, start: int, entry: Any) -> Tensor:
    """The tensor of a header's entry. Raises KeyError, TypeError or ValueError for an entry that is not valid."""
    dtype, shape, (begin, end) = _TYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    count = math.prod(shape)
    # JSON's true is an int in Python.
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise ValueError("not a count")
    if not count or end - begin != count * dtype.itemsize or start + end > len(mapped):
        raise ValueError("the size differs")
    return torch.frombuffer(mapped, dtype=dtype, count=count, offset=start + begin).view(shape)
