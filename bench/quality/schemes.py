"""Roundings to compare, from a float matrix to the float matrix that each makes of it. Knows no models and no text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from backends.folder.packed import GROUPS
from backends.packed.scheme import fitting_group, round4, round8

Rounding = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Scheme:
    """A rounding by name, with the bits that a weight takes, its share of scales included."""

    name: str
    bits: float
    apply: Rounding


def schemes() -> list[Scheme]:
    """This project's own and, for comparison, llama.cpp's."""
    own = [Scheme(f"int4, groups of {group}", 4 + 32 / group, _in_groups(group)) for group in GROUPS]
    return [
        Scheme("int8", 8.0, lambda weight: round8(weight).floats()),
        *own,
        Scheme("llama.cpp Q4_0", 4.5, _by_gguf("Q4_0")),
        Scheme("llama.cpp Q4_1", 5.0, _by_gguf("Q4_1")),
    ]


def _in_groups(group: int) -> Rounding:
    def apply(weight: torch.Tensor) -> torch.Tensor:
        # A small model's rows are not always a multiple of 128.
        return round4(weight, fitting_group(weight.shape[1], group)).floats()

    return apply


def _by_gguf(kind: str) -> Rounding:
    def apply(weight: torch.Tensor) -> torch.Tensor:
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize, quantize

        chosen = GGMLQuantizationType[kind]
        return torch.from_numpy(dequantize(quantize(weight.float().numpy(), chosen), chosen).copy())

    return apply
