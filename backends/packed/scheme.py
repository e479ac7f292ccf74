"""Rounding weights to few bits, and back. Knows no layout, no files and no kernels.

A weight of 4 bits is `(q - 8) * scale + zero` with one bfloat16 scale and zero for `group` neighbours along a row;
one of 8 bits is `q * scale` with one float32 scale a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

GROUPS = (32, 64, 128)


@dataclass(frozen=True)
class Rounded4:
    """A matrix in 4 bits: `q` uint8 0 to 15 [rows, columns], `scale` and `zero` bfloat16 [rows, groups]."""

    q: torch.Tensor
    scale: torch.Tensor
    zero: torch.Tensor

    @property
    def group(self) -> int:
        """Neighbours along a row that share a scale."""
        return int(self.q.shape[1] // self.scale.shape[1])

    def floats(self) -> torch.Tensor:
        """The matrix that it stands for, float32 [rows, columns]."""
        rows, columns = self.q.shape
        q = self.q.view(rows, -1, self.group).float() - 8
        return (q * self.scale.float()[..., None] + self.zero.float()[..., None]).view(rows, columns)


@dataclass(frozen=True)
class Rounded8:
    """A matrix in 8 bits: `q` int8 -127 to 127 [rows, columns], `scale` float32 [rows]."""

    q: torch.Tensor
    scale: torch.Tensor

    def floats(self) -> torch.Tensor:
        """The matrix that it stands for, float32 [rows, columns]."""
        return self.q.float() * self.scale[:, None]


def grid4(groups: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and zero (bfloat16, without the last dimension) that span the least to the largest of each group.

    `groups` is float32 [..., group].
    """
    most, least = groups.amax(-1), groups.amin(-1)
    scale = ((most - least) / 15).clamp_(min=1e-6).to(torch.bfloat16)
    return scale, (least + 8 * scale.float()).to(torch.bfloat16)


def to_grid4(values: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
    """The nearest `q` (uint8) to float32 `values`; `scale` and `zero` broadcast against them."""
    steps = (values - zero.float()) / scale.float() + 8
    return steps.round_().clamp_(0, 15).to(torch.uint8)


def round4(weight: torch.Tensor, group: int) -> Rounded4:
    """To the nearest of 16 values a group. `weight` is [rows, columns], columns a multiple of `group`."""
    rows, columns = weight.shape
    groups = weight.float().view(rows, columns // group, group)
    scale, zero = grid4(groups)
    return Rounded4(to_grid4(groups, scale[..., None], zero[..., None]).view(rows, columns), scale, zero)


def round8(weight: torch.Tensor) -> Rounded8:
    """To the nearest of 255 values a row, spread evenly around 0."""
    floats = weight.float()
    scale = (floats.abs().amax(-1) / 127).clamp_(min=1e-12)
    return Rounded8((floats / scale[:, None]).round_().clamp_(-127, 127).to(torch.int8), scale)
