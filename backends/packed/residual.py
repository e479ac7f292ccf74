"""Rounds the output layer to 4 bits, and what these miss, the residual, to 4 bits more.

All scores are computed from the first 4 bits, and those of the best tokens again with the residual: so a token reads
half as much as with 8 bits. The residual counts what is missing in 16 steps, with one float32 scale per row. Only few
rows are read, so it is stored row by row: uint8 [rows, columns / 2], of each 64 columns 32 bytes, with column j in the
low half of byte j and column j + 32 in the high half.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from backends.packed.scheme import CHUNK, LEAST_UNIT, Rounded4, round4

# How many scores are computed again. With 256, the output layer's divergence is 1.4 times as large; with 2,048, it is a
# tenth smaller (measured).
BEST = 1024
# The 4 bits and the scales, and their names in a folder.
Residual = tuple[Tensor, Tensor]
RESIDUAL = ("residual", "residual_scale")


def has_residual(shape: Sequence[int]) -> bool:
    """Whether an output layer of this shape [rows, columns] is stored so. A smaller one has 8 bits."""
    rows, columns = shape
    return rows >= 4 * BEST and columns % CHUNK == 0


def round_output(weight: Tensor, group: int) -> tuple[Rounded4, Residual]:
    """The weight [rows, columns] in 4 bits, and the residual.

    The 4 bits reach from the least to the largest value of a group: if they clipped these, the residual could not hold
    what is missing.
    """
    first = round4(weight, group, spans=(1.0,))
    missing = weight.float() - first.floats()
    scale = (missing.abs().amax(-1) / 7.5).clamp_(min=LEAST_UNIT)
    q = (missing / scale[:, None]).round_().clamp_(-8, 7).add_(8).to(torch.uint8).view(len(weight), -1, 2, CHUNK // 2)
    return first, ((q[:, :, 0] | q[:, :, 1] << 4).flatten(1), scale)


def residual_floats(residual: Tensor, scale: Tensor) -> Tensor:
    """What the residual of some rows stands for, float32 [rows, columns]."""
    halves = residual.view(len(residual), -1, CHUNK // 2)
    q = torch.cat([halves & 15, halves >> 4], -1).flatten(1)
    return (q.float() - 8) * scale[:, None]
