"""Quantizes a float model in slices that go into one file each: the embedding, every layer, and the output layer."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from backends.families import open_chat
from backends.families.experts import is_expert
from backends.families.weights import own_state
from backends.folder.contents import read_checkpoint
from backends.folder.packed import WEIGHTS, PackedInfo
from backends.machine.pages import release
from backends.packed.calibrate import calibrated, calibration_ids
from backends.packed.residual import RESIDUAL, has_residual, round_output
from backends.packed.scheme import PARTS4, Rounded4, Rounded8, fitting_group, pack4, packed_of, round4, round8, unpack4

_LAYER = re.compile(r"\.layers\.(\d+)\.")
# Rows rounded at a time: few enough to stay in the processor's caches (thousands take twice as long).
_ROWS = 256


@dataclass(frozen=True)
class Slice:
    """Modules of a model whose state goes into one file; `bytes` is their size in the model.

    `layer` is the number of the layer that they are; None outside the layers.
    """

    name: str
    modules: tuple[tuple[str, Any], ...]
    bytes: int
    layer: int | None


def slices_of(model: Any) -> tuple[Slice, ...]:
    """All modules with state of their own: those outside the layers one by one, then layer by layer."""
    parts: dict[str, list[tuple[str, Any]]] = {}
    for place, module in model.named_modules():
        if own_state(module):
            parts.setdefault(slice_name(place), []).append((place, module))
    slices = (Slice(name, tuple(modules), _bytes(modules), _layer(modules[0][0])) for name, modules in parts.items())
    return tuple(sorted(slices, key=lambda part: (part.layer is not None, part.name)))


def slice_name(place: str) -> str:
    """The name of a module's slice; the names of layers sort in their order."""
    layer = _layer(place)
    return place.replace(".", "-") if layer is None else f"layer-{layer:03}"


def first_of_each_kind(layers: Sequence[Slice]) -> list[Slice]:
    """The first of the layers with the same modules of the same sizes."""
    kinds: dict[object, Slice] = {}
    for part in layers:
        modules = [
            (_LAYER.sub(".", f"{place}."), type(module), [value.shape for value in own_state(module).values()])
            for place, module in part.modules
        ]
        kinds.setdefault(str(modules), part)
    return list(kinds.values())


def _layer(place: str) -> int | None:
    layer = _LAYER.search(f"{place}.")
    return int(layer[1]) if layer else None


def _bytes(modules: Sequence[tuple[str, Any]]) -> int:
    return sum(value.nbytes for _, module in modules for value in own_state(module).values())


def packed_tensors(
    part: Slice,
    info: PackedInfo,
    dtypes: Mapping[str, torch.dtype],
    files: Sequence[Path],
    better: Mapping[str, Rounded4],
    tick: Callable[[int], None],
) -> dict[str, Tensor]:
    """The tensors of a slice's file. `better` has the modules that are rounded already; `tick` gets the bytes read.

    The output layer (lm_head) has 8 bits, in int4 as residual.py has them if it is large; and so has a weight without
    a fitting group. What is no matrix gets its dtype in the packed model. Raises ValueError for weights that are not
    finite.
    """
    tensors: dict[str, Tensor] = {}
    for place, module in part.modules:
        state = own_state(module)
        for name, value in state.items():
            if value.is_floating_point() and not all(end.isfinite() for end in value.data.aminmax()):
                raise ValueError(f"{place}.{name} has values that are not finite")
        # Not a subclass: that of a router computes more than a product.
        if type(module) is nn.Linear:
            group = 0 if info.precision == "int8" else fitting_group(module.weight.shape, info.group)
            if place == "lm_head" and group:
                own = _output_layer(module, group)
            else:
                own = _linear(module, group, better.get(place))
        else:
            own = ((name, value.data.to(dtypes[f"{place}.{name}"])) for name, value in state.items())
        tensors.update({f"{place}.{name}": tensor for name, tensor in own})
        for value in state.values():
            if type(module) is nn.Linear:
                release(value.data, files)
            tick(value.nbytes)
    return tensors


def _linear(module: Any, group: int, better: Rounded4 | None) -> Iterator[tuple[str, Tensor]]:
    """By name, the weight in 4 bits, or without a group in 8, and the bias."""
    weight = module.weight.data
    if module.bias is not None:
        yield "bias", module.bias.data.to(torch.bfloat16)
    if group:
        rounded = better or Rounded4(*_joined([round4(rows, group) for rows in weight.split(_ROWS)]))
        yield from zip(PARTS4, pack4(rounded), strict=True)
        return
    eight = Rounded8(*_joined([round8(rows) for rows in weight.split(_ROWS)]))
    yield "weight8", eight.q
    yield "scale8", eight.scale


def _output_layer(module: Any, group: int) -> Iterator[tuple[str, Tensor]]:
    weight = module.weight.data
    if not has_residual(weight.shape):
        yield from _linear(module, 0, None)
        return
    firsts, residuals = zip(*(round_output(rows, group) for rows in weight.split(_ROWS)), strict=True)
    yield from _linear(module, group, Rounded4(*_joined(firsts)))
    yield from zip(RESIDUAL, map(torch.cat, zip(*residuals, strict=True)), strict=True)


def _joined(parts: Sequence[Rounded4 | Rounded8]) -> Iterator[Tensor]:
    """The fields of all parts, row by row one matrix."""
    return (torch.cat([getattr(part, name) for part in parts]) for name in vars(parts[0]))


def rounding_for(
    source: Path, part: Path, info: PackedInfo, model: Any, files: Sequence[Path]
) -> Callable[[Slice], Mapping[str, Rounded4]]:
    """A function that returns the modules of a slice which `info.method` rounds better than to the nearest value.

    Slices must be asked for in the order of the layers. `source` is the model's folder; `part` holds the slices of an
    interrupted run, which are not rounded again, but the text goes through all layers anew. Experts are rounded to the
    nearest: the text reaches too few of them.
    """
    if info.method == "nearest":
        return lambda part: {}
    chat = open_chat(read_checkpoint(source))
    finished = frozenset(file.path for file in info.files)

    def known(place: str, rows: int) -> Rounded4 | None:
        name = f"{WEIGHTS}{slice_name(place)}.safetensors"
        if name not in finished:
            return None
        with safe_open(part / name, "pt") as file:
            return unpack4(packed_of(lambda part: file.get_tensor(f"{place}.{part}")), rows)

    coming = calibrated(model, calibration_ids(chat.prompt_ids), info.group, files, known=known)

    def rounding(part: Slice) -> dict[str, Rounded4]:
        wanted = {
            place
            for place, module in part.modules
            if _LAYER.search(place) and type(module) is nn.Linear and fitting_group(module.weight.shape, info.group)
            if not is_expert(place)
        }
        rounded: dict[str, Rounded4] = {}
        # Not beyond this layer: its weights are dropped when the next one is asked for.
        while wanted - rounded.keys():
            place, own = next(coming)
            if place in wanted:
                rounded[place] = own
        return rounded

    return rounding
