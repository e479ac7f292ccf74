"""Compares a packed model with its float twin: the library's own model, on the weights that the packed ones stand for.

So rounding makes no difference, and whatever else does is a fault: state that is missing, or a layer computed wrongly.
Of both models only a part is in memory at a time.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, log_softmax

from backends.families.experts import is_stacked, with_experts
from backends.families.weights import Architecture, bare_model, map_weights, own_state
from backends.machine.pages import release
from backends.packed.kernels import BF16, find_kernels
from backends.packed.linear import Linear4, Linear8
from backends.packed.open import fill, quick_rows
from backends.packed.residual import RESIDUAL, residual_floats
from backends.packed.scheme import BLOCK, PARTS4, floats4, packed_of
from backends.stepping.cache import TokenCache

# The tokens that both read, and how many of them the packed model reads one by one, as it answers.
TOKENS, STEPS = 64, 3
# The largest divergence, in nats. Measured: right models up to 0.023 (trained, in int8), forgotten state from 0.35.
# Above it a model may differ from its twin by NOISE times as much as the twin with its activations rounded, as the
# kernels round them, differs from itself: in the mean, since the median of few tokens is often far too small.
BOUND, NOISE = 0.05, 4
# The largest distance of a matrix from the original, as a share of it.
FAR = 0.5
# Rows of a matrix that are converted to floats at a time.
_ROWS = 16 * BLOCK


class Differs(Exception):
    """A packed model does not compute what it should."""


@dataclass(frozen=True)
class Packed:
    """The original's architecture, the packed tensors, and the files that they are mapped from.

    Of the layers only those with the numbers `layers` are there; None means all.
    """

    architecture: Architecture
    tensors: Mapping[str, Tensor]
    files: Sequence[Path] = ()
    layers: Collection[int] | None = None


def divergence(packed: Packed) -> float:
    """How far the packed model is from its twin, in nats. Raises Differs if that is too far, or BackendError."""
    vocabulary = packed.architecture.config.get_text_config().vocab_size
    ids = torch.randint(vocabulary, (TOKENS,), generator=torch.Generator().manual_seed(1)).tolist()
    with torch.inference_mode():
        wanted = _twin_scores(packed, ids)
        distance = _distance(wanted, _packed_scores(packed, ids))
        # Of a model that magnifies every rounding of its activations no more can be asked.
        allowed = BOUND
        if distance > BOUND:
            allowed = NOISE * float(_by_token(wanted, _twin_scores(packed, ids, rough=True)).mean())
    if not math.isfinite(distance):
        raise Differs("it computes values that are not finite")
    if distance > max(BOUND, allowed):
        raise Differs(f"it differs from its float twin by {distance:.3f} nats; {max(BOUND, allowed):.3f} are allowed")
    return distance


def _distance(wanted: Tensor, scores: Tensor) -> float:
    """The larger median divergence of both parts. A mean would follow the few tokens whose expert was a close call."""
    return max(float(part.median()) for part in _by_token(wanted, scores).split(TOKENS - STEPS))


def _by_token(wanted: Tensor, scores: Tensor) -> Tensor:
    return (wanted.exp() * (wanted - scores)).sum(-1)


def _packed_scores(packed: Packed, ids: Sequence[int]) -> Tensor:
    model, kernels = with_experts(bare_model(packed.architecture)), find_kernels()
    _shorten(model, packed.layers)
    fill(model, dict(packed.tensors), packed.architecture.checkpoint.folder.name, kernels)

    def drop(module: Any, arguments: Any, output: Any) -> None:
        for part in (module.weight, *getattr(module, "residual", ())):
            release(part, packed.files)

    for module in model.modules():
        if isinstance(module, Linear4 | Linear8):
            module.register_forward_hook(drop)
    rows, cache = quick_rows(model.eval(), kernels), TokenCache(len(ids))
    parts = [rows.read(cache, ids[:-STEPS], 0), *(rows.decode([cache], [token]) for token in ids[-STEPS:])]
    return log_softmax(torch.cat(parts).double(), -1)


def _twin_scores(packed: Packed, ids: Sequence[int], rough: bool = False) -> Tensor:
    twin = bare_model(packed.architecture)
    original, originals = map_weights(packed.architecture, experts=True)
    matrix = partial(_Matrix, tensors=packed.tensors, original=original, files=(*packed.files, *originals))
    _shorten(twin, packed.layers)
    for place, module in list(twin.named_modules()):
        if type(module) is nn.Linear:
            twin.set_submodule(place, _Linear(matrix(place), rough))
        elif is_stacked(module):
            _stack(place, module, matrix)
        elif own_state(module):
            _copy_state(module, original.get_submodule(place))
    # The library's plainest way of computing experts takes the matrix of one after the other.
    twin.config.get_text_config()._experts_implementation = "eager"
    scores: Tensor = twin.eval()(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return log_softmax(scores.double(), -1)


def _stack(place: str, module: Any, matrix: Callable[[str], "_Matrix"]) -> None:
    """Replaces the parameters of stacked experts."""
    experts = range(len(module.down_proj))
    for own, names in (("gate_up_proj", ("gate_proj", "up_proj")), ("down_proj", ("down_proj",))):
        delattr(module, own)
        setattr(module, own, _Stack([[matrix(f"{place}.{number}.{name}") for name in names] for number in experts]))


def _shorten(model: Any, layers: Collection[int] | None) -> None:
    for number in range(len(model.base_model.layers)):
        if layers is not None and number not in layers:
            model.base_model.layers[number] = _Skipped()


class _Skipped(nn.Module):  # type: ignore[misc]
    """In place of a layer that is left out."""

    def forward(self, hidden_states: Tensor, *arguments: Any, **settings: Any) -> Tensor:
        return hidden_states


def _copy_state(module: Any, original: Any) -> None:
    """Gives a module of the twin the original's state, rounded as in the packed model, in float32."""
    for name, old in own_state(module).items():
        value = {**original._parameters, **original._buffers}[name].detach().to(old.dtype)
        # An embedding is large, and few of its rows are used.
        if value.is_floating_point() and not isinstance(module, nn.Embedding):
            value = value.float()
        if name in module._parameters:
            module._parameters[name] = nn.Parameter(value, requires_grad=False)
        else:
            module._buffers[name] = value
    if isinstance(module, nn.Embedding):
        module.register_forward_hook(lambda module, arguments, output: output.float())


class _Matrix:
    """What a packed matrix stands for."""

    def __init__(self, place: str, tensors: Mapping[str, Tensor], original: Any, files: Sequence[Path]) -> None:
        self._place, self._files = place, files
        self._tensors = {key: tensors[f"{place}.{key}"] for key in _PARTS if f"{place}.{key}" in tensors}
        self._original = original.get_submodule(place)

    @property
    def bias(self) -> Tensor | None:
        """The original's bias as it is packed, in float32."""
        bias = self._original.bias
        return None if bias is None else bias.data.to(BF16).float()

    def parts(self) -> Iterator[Tensor]:
        """Some rows at a time, in float32. Raises Differs if they are not the original's."""
        weight, distance, size = self._original.weight.data, 0.0, 0.0
        for number, rows in enumerate(weight.split(_ROWS)):
            part = self._floats(number)[: len(rows)]
            distance += float((part - rows).square().sum())
            size += float(rows.float().square().sum())
            yield part
        for tensor in (weight, *self._tensors.values()):
            release(tensor, self._files)
        if not distance <= FAR**2 * size:
            raise Differs(f"{self._place} is packed with weights that are not the original's")

    def _floats(self, number: int) -> Tensor:
        rows = slice(number * _ROWS, (number + 1) * _ROWS)
        if "packed" in self._tensors:
            blocks = slice(number * _ROWS // BLOCK, (number + 1) * _ROWS // BLOCK)
            floats = floats4(packed_of(lambda key: self._tensors[key][blocks])).transpose(1, 2).flatten(0, 1)
            if RESIDUAL[0] in self._tensors:
                residual, scale = (self._tensors[key][rows] for key in RESIDUAL)
                floats[: len(scale)] += residual_floats(residual, scale)
            return floats
        return self._tensors["weight8"][rows].float() * self._tensors["scale8"][rows, None]


_PARTS = (*PARTS4, *RESIDUAL, "weight8", "scale8")


class _Linear(nn.Module):  # type: ignore[misc]
    """A linear layer of the twin; with `rough`, on activations of 8 bits."""

    def __init__(self, matrix: _Matrix, rough: bool) -> None:
        super().__init__()
        self._matrix, self._rough = matrix, rough

    @property
    def weight(self) -> Tensor:
        """The whole matrix; some routers look at its dtype."""
        return torch.cat(list(self._matrix.parts()))

    def forward(self, x: Tensor) -> Tensor:
        if self._rough:
            scale = x.abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
            x = (x / scale).round() * scale
        y = torch.cat([linear(x.float(), part) for part in self._matrix.parts()], -1)
        bias = self._matrix.bias
        return y if bias is None else y + bias


class _Stack:
    """Takes the place of a parameter of experts, of which the library takes a matrix at a time."""

    def __init__(self, experts: Sequence[Sequence[_Matrix]]) -> None:
        self._experts = experts

    def __getitem__(self, number: Any) -> Tensor:
        return torch.cat([part for matrix in self._experts[int(number)] for part in matrix.parts()])
