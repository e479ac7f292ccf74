"""Opens a packed folder as a model: the library's architecture, packed layers in it, all mapped from the files.

Nothing is read until it is used, so that a model of gigabytes is there at once. Knows no text and no sampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backends.families.weights import Architecture, bare_model
from backends.folder.checkpoint import refusal
from backends.folder.packed import PackedInfo, packed_weights
from backends.machine.pages import release
from backends.packed.attention import UNIT, DecodeAttention
from backends.packed.kernels import BF16, Kernels, find_kernels
from backends.packed.layers import with_quick_layers
from backends.packed.linear import Linear4, Linear8
from backends.packed.mapping import map_tensors
from backends.packed.norm import with_quick_norms
from backends.packed.scheme import GROUPS
from backends.packed.weight_layout import BLOCK
from backends.stepping.batched import Rows
from backends.stepping.sizes import PIECE

# Ids that every vocabulary has.
_TRIED = (1, 2, 3, 4)


def packed_rows(folder: Path, info: PackedInfo, architecture: Architecture) -> Rows:
    """The model, ready for several conversations at once. Raises BackendError."""
    return quick_rows(load_packed(folder, info, architecture), find_kernels())


def load_packed(folder: Path, info: PackedInfo, architecture: Architecture) -> Any:
    """The model. Raises BackendError where the files do not fit it tensor by tensor."""
    files = packed_weights(folder, info).files
    tensors = {key: value for file in files for key, value in map_tensors(file).items()}
    model = bare_model(architecture, folder.name)
    fill(model, tensors, folder.name, find_kernels())
    model.get_input_embeddings().register_forward_hook(_Looked(files))
    return model.eval()


def check_answers(folder: Path, info: PackedInfo, architecture: Architecture) -> None:
    """Lets the model of the folder read a few ids, with no more of it in memory than a part. Raises BackendError.

    Not where there are no kernels: there all of it would be in memory, put into another order.
    """
    if find_kernels() is None:
        return
    files = packed_weights(folder, info).files
    model = load_packed(folder, info, architecture)
    for module in model.modules():
        if isinstance(module, Linear4 | Linear8):
            module.register_forward_hook(partial(_drop, files))
    rows = Rows(model, 1)
    if not rows.read(rows.new_cache(len(_TRIED)), _TRIED).isfinite().all():
        raise refusal(folder.name, "what it computes are no numbers")


def _drop(files: Sequence[Path], module: Linear4 | Linear8, arguments: Any, found: torch.Tensor) -> None:
    release(module.weight, files)


class _Looked:
    """Drops an embedding's pages now and then: each token needs one row and gets its neighbours mapped as well."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._tokens = 0

    def __call__(self, module: Any, arguments: tuple[torch.Tensor], found: torch.Tensor) -> None:
        self._tokens += arguments[0].numel()
        if self._tokens >= PIECE:
            self._tokens = 0
            release(module.weight, self._files)


def quick_rows(model: Any, kernels: Kernels | None) -> Rows:
    """A model of packed layers, with all else that the kernels compute."""
    config = model.config.get_text_config()
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    quick = with_quick_layers(with_quick_norms(model, kernels), kernels)
    # Packed layers treat every row alike, so there may be as many as there are.
    return Rows(quick, 1, DecodeAttention(kernels) if kernels and size % UNIT == 0 else None)


def fill(model: Any, tensors: dict[str, torch.Tensor], name: str, kernels: Kernels | None) -> None:
    """Give a bare model its weights; none may be missing or left over. Raises BackendError."""
    left = dict(tensors)
    for place, module in list(model.named_modules()):
        if isinstance(module, nn.Linear):
            parent, _, own = place.rpartition(".")
            setattr(model.get_submodule(parent), own, _layer(place, module, left, name, kernels))
        else:
            for own, old in list(module._parameters.items()):
                if old is not None:
                    value = _taken(left, f"{place}.{own}", old.shape, BF16, name)
                    module._parameters[own] = nn.Parameter(value, requires_grad=False)
    if left:
        raise refusal(name, f"unexpected tensors: {len(left)}, the first is {sorted(left)[0]}")


def _layer(place: str, old: Any, left: dict[str, torch.Tensor], name: str, kernels: Kernels | None) -> Any:
    rows, columns = old.weight.shape
    bias = None if old.bias is None else _taken(left, f"{place}.bias", (rows,), BF16, name)
    if f"{place}.packed" in left:
        blocks, groups = -(-rows // BLOCK), _groups(left, place, columns, name)
        packed = _taken(left, f"{place}.packed", (blocks, columns, BLOCK // 2), torch.uint8, name)
        scales = _taken(left, f"{place}.scales", (blocks, groups, BLOCK, 2), BF16, name)
        return Linear4((packed, scales), rows, bias, kernels)
    weight = _taken(left, f"{place}.weight8", (rows, columns), torch.int8, name)
    scale = _taken(left, f"{place}.scale8", (rows,), torch.float32, name)
    return Linear8((weight, scale), bias, kernels)


def _groups(left: Mapping[str, torch.Tensor], place: str, columns: int, name: str) -> int:
    """Groups along a row, as the scales have them; a group must be one that the kernels know."""
    scales = left.get(f"{place}.scales")
    groups = scales.shape[1] if scales is not None and scales.dim() == 4 else 0
    if not groups or columns % groups or columns // groups not in GROUPS:
        raise refusal(name, f"{place}.scales do not fit {columns} columns")
    return int(groups)


def _taken(
    left: dict[str, torch.Tensor], key: str, shape: Sequence[int], dtype: torch.dtype, name: str
) -> torch.Tensor:
    tensor = left.pop(key, None)
    if tensor is None:
        raise refusal(name, f"missing tensor: {key}")
    if tuple(tensor.shape) != tuple(shape) or tensor.dtype != dtype:
        found = f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
        raise refusal(name, f"{key} is {found} instead of {str(dtype).removeprefix('torch.')} {list(shape)}")
    return tensor
