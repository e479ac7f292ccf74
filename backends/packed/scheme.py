"""Rounding weights to few bits, and back. Knows no layout, no files and no kernels.

A weight of 4 bits is `(q - 8) * scale + zero` with one bfloat16 scale and zero for `group` neighbours along a row;
one of 8 bits is `q * scale` with one float32 scale a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

GROUPS = (32, 64, 128)
# How much of a group's span is covered, and how often the fit is repeated: more of both gained nothing.
SPANS = (1.0, 0.9)
FITS = 2
LEAST_SCALE = 1e-6


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
        steps = self.q.view(rows, -1, self.group).float() - 8
        return _floats(steps, self.scale, self.zero).view(rows, columns)


@dataclass(frozen=True)
class Rounded8:
    """A matrix in 8 bits: `q` int8 -127 to 127 [rows, columns], `scale` float32 [rows]."""

    q: torch.Tensor
    scale: torch.Tensor

    def floats(self) -> torch.Tensor:
        """The matrix that it stands for, float32 [rows, columns]."""
        return self.q.float() * self.scale[:, None]


def grid4(groups: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and zero (bfloat16, without the last dimension) with the least squared error found for each group.

    `groups` is float32 [..., group]. Tried are a span from the least to the largest and one that clips both ends a
    little, each then fitted to what was rounded with it.
    """
    best = torch.full(groups.shape[:-1], torch.inf)
    best_scale, best_zero = (torch.empty_like(best, dtype=torch.bfloat16) for _ in range(2))
    for scale, zero in _grids(groups):
        wrong = _floats(_steps(groups, scale, zero), scale, zero).sub_(groups).square_().sum(-1)
        better = wrong < best
        best = torch.where(better, wrong, best)
        best_scale, best_zero = torch.where(better, scale, best_scale), torch.where(better, zero, best_zero)
    return best_scale, best_zero


def _grids(groups: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """What `grid4` tries."""
    most, least = groups.amax(-1), groups.amin(-1)
    for span in SPANS:
        scale = ((most - least) * (span / 15)).clamp_(min=LEAST_SCALE).to(torch.bfloat16)
        # The middle of the span lies between the steps -1 and 0.
        zero = ((most + least + scale.float()) / 2).to(torch.bfloat16)
        yield scale, zero
        for _ in range(FITS):
            scale, zero = _fitted(groups, _steps(groups, scale, zero), scale)
            yield scale, zero


def _steps(groups: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
    return to_grid4(groups, scale[..., None], zero[..., None]).float().sub_(8)


def _floats(steps: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
    return steps * scale.float()[..., None] + zero.float()[..., None]


def _fitted(groups: torch.Tensor, steps: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The line through (step, value) of each group by least squares; `scale` stays where all steps are the same."""
    mean_step, mean = steps.mean(-1, keepdim=True), groups.mean(-1, keepdim=True)
    around = steps - mean_step
    spread = around.square().sum(-1)
    slope = (around * (groups - mean)).sum(-1) / spread
    fitted = torch.where(spread > 0, slope, scale.float()).clamp_(min=LEAST_SCALE).to(torch.bfloat16)
    return fitted, (mean[..., 0] - fitted.float() * mean_step[..., 0]).to(torch.bfloat16)


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


def fitting_group(columns: int, group: int) -> int:
    """The largest group up to `group` that divides a row; 0 if none does."""
    return max((size for size in GROUPS if size <= group and columns % size == 0), default=0)
