"""A float model as slices that are packed one after the other: embedding, every layer, head. Knows no files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backends.machine.pages import release
from backends.packed.scheme import Rounded4, Rounded8, fitting_group, round4, round8
from backends.packed.weight_layout import pack4

_LAYER = re.compile(r"\.layers\.(\d+)\.")
# Rows that are rounded at one time: few enough to stay in the caches (half as fast in thousands).
_ROWS = 256


@dataclass(frozen=True)
class Slice:
    """Modules of a model whose weights go into one file; `bytes` is what they have in the model."""

    name: str
    modules: tuple[tuple[str, Any], ...]
    bytes: int
    layer: int | None = None


def slices_of(model: Any) -> tuple[Slice, ...]:
    """All modules with weights of their own: what is outside of the layers each by itself, then layer by layer."""
    parts: dict[str, list[tuple[str, Any]]] = {}
    layers: dict[str, int] = {}
    for place, module in model.named_modules():
        if any(parameter is not None for parameter in module._parameters.values()):
            name = slice_name(place)
            if layer := _LAYER.search(f"{place}."):
                layers[name] = int(layer[1])
            parts.setdefault(name, []).append((place, module))
    return tuple(
        Slice(name, tuple(modules), _bytes(modules), layers.get(name)) for name, modules in sorted(parts.items())
    )


def slice_name(place: str) -> str:
    """Of the slice that a module belongs to, so that the layers come in order."""
    layer = _LAYER.search(f"{place}.")
    return f"layer-{int(layer[1]):03}" if layer else place.replace(".", "-")


def _bytes(modules: Sequence[tuple[str, Any]]) -> int:
    return sum(
        value.numel() * value.element_size()
        for _, module in modules
        for value in module._parameters.values()
        if value is not None
    )


def packed_tensors(
    part: Slice,
    bits: int,
    group: int,
    files: Sequence[Path],
    better: Mapping[str, Rounded4],
    tick: Callable[[int], None],
) -> dict[str, torch.Tensor]:
    """The tensors of one slice's file. `better` has what was rounded in another way; `tick` hears bytes read.

    The head (by its name) always has 8 bits, and so has what does not come in whole groups. Raises ValueError.
    """
    tensors: dict[str, torch.Tensor] = {}
    for place, module in part.modules:
        _check_numbers(place, module)
        if isinstance(module, nn.Linear):
            few = 8 if place == "lm_head" else bits
            tensors.update({f"{place}.{key}": value for key, value in _linear(module, few, group, better.get(place))})
        else:
            for own, value in module._parameters.items():
                if value is not None:
                    tensors[f"{place}.{own}"] = value.data.to(torch.bfloat16)
        for value in module._parameters.values():
            if value is not None:
                if isinstance(module, nn.Linear):
                    release(value.data, files)
                tick(value.numel() * value.element_size())
    return tensors


def _check_numbers(place: str, module: Any) -> None:
    """What is no number would be rounded to one, and nobody would see it again."""
    for own, value in module._parameters.items():
        if value is not None and not all(end.isfinite() for end in value.data.aminmax()):
            raise ValueError(f"{place}.{own} has values that are no numbers")


def _linear(module: Any, bits: int, group: int, better: Rounded4 | None) -> Iterator[tuple[str, torch.Tensor]]:
    weight = module.weight.data
    if module.bias is not None:
        yield "bias", module.bias.data.to(torch.bfloat16)
    own = fitting_group(weight.shape[1], group)
    if bits == 4 and own:
        packed, scales = pack4(better or _all4([round4(rows, own) for rows in weight.split(_ROWS)]))
        yield "packed", packed
        yield "scales", scales
        return
    rounded = _all8([round8(rows) for rows in weight.split(_ROWS)])
    yield "weight8", rounded.q
    yield "scale8", rounded.scale


def _all4(parts: Sequence[Rounded4]) -> Rounded4:
    return Rounded4(*(torch.cat([getattr(part, name) for part in parts]) for name in ("q", "scale", "zero")))


def _all8(parts: Sequence[Rounded8]) -> Rounded8:
    return Rounded8(*(torch.cat([getattr(part, name) for part in parts]) for name in ("q", "scale")))
