"""Rounding to 4 bits that makes up for its own errors (GPTQ). Knows no models and no text, only a gram matrix.

Column after column is rounded, and what that gets wrong is spread over the columns still to come, as far as the
inputs' correlation lets them stand in for it. Everything is kept transposed, [columns, rows], so that a column of the
weight is contiguous.
"""

from __future__ import annotations

import torch

from backends.packed.scheme import Rounded4, grid4, to_grid4

# Added to the diagonal, as a part of its mean: what few calibration rows do not say shall not be trusted.
DAMPING = 0.01
# Columns rounded one by one before the rest is brought up to date in one multiplication.
BLOCK = 128


def compensated(weight: torch.Tensor, gram: torch.Tensor, group: int) -> Rounded4:
    """To 16 values a group so that the outputs change least. `weight` is [rows, columns], columns in whole groups.

    `gram` is the sum of x x^T over calibration inputs, float32 [columns, columns]. It is used up.
    """
    rows, columns = weight.shape
    left = weight.t().float().contiguous()
    factor = _inverse_factor(_settled(left, gram))
    q = torch.empty(columns, rows, dtype=torch.uint8)
    scale = torch.empty(rows, columns // group, dtype=torch.bfloat16)
    zero = torch.empty_like(scale)
    for start in range(0, columns, BLOCK):
        end = min(start + BLOCK, columns)
        errors = torch.empty(end - start, rows)
        for first in range(start, end, group):
            at, last = first // group, first + group
            scale[:, at], zero[:, at] = grid4(left[first:last].t())
            for column in range(first, last):
                q[column], errors[column - start] = _round_column(
                    left[column], scale[:, at], zero[:, at], factor[column, column]
                )
                left[column + 1 : last].addr_(factor[column, column + 1 : last], errors[column - start], alpha=-1)
            left[last:end].addmm_(factor[first:last, last:end].t(), errors[first - start : last - start], alpha=-1)
        left[end:].addmm_(factor[start:end, end:].t(), errors, alpha=-1)
    return Rounded4(q.t().contiguous(), scale, zero)


def _settled(left: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """The gram with damping; inputs that are always 0 get a 1, so that it can be inverted, and their weights a 0."""
    diagonal = gram.diagonal()
    dead = diagonal <= 0
    left[dead] = 0
    diagonal[dead] = 1
    return gram


def _inverse_factor(gram: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse, with as much damping as it takes."""
    damping = DAMPING * float(gram.diagonal().mean())
    while True:
        gram.diagonal().add_(damping)
        lower, failed = torch.linalg.cholesky_ex(gram)
        if not failed:
            inverse = torch.cholesky_inverse(lower)
            del lower
            upper, failed = torch.linalg.cholesky_ex(inverse, upper=True)
            if not failed:
                return upper
        damping *= 10


def _round_column(
    column: torch.Tensor, scale: torch.Tensor, zero: torch.Tensor, pivot: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Its `q`, and the error over the pivot, which is what the other columns take a share of."""
    q = to_grid4(column, scale, zero)
    return q, (column - ((q.float() - 8) * scale.float() + zero.float())) / pivot
