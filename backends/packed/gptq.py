"""Rounds to 4 bits with compensation of the errors (GPTQ).

Columns are rounded one after the other, and the error of each is spread over the remaining columns, as far as the
correlation of the inputs allows. Then every group's scale and zero are fitted again to the original weight. Matrices
are transposed, [columns, rows], so that a column of the weight is contiguous.
"""

import torch
from torch import Tensor

from backends.packed.scheme import FINE, Rounded4, from_grid4, grid4, to_grid4, to_scale, to_zero, unit4

# Added to the diagonal, as a share of its mean, since few calibration rows do not determine everything.
DAMPING = 0.01
# The same where a weight is adjusted for the errors of other Linears.
TRUST = 0.01
LEAST_TRUST = 1e-6
# Columns rounded group by group before the rest is updated in one multiplication.
BLOCK = 128


def compensated(weight: Tensor, gram: Tensor, group: int) -> Rounded4:
    """Rounds to 16 values per group so that the outputs change least. `weight` is [rows, columns].

    `columns` is a multiple of `group`. `gram` is the sum of x x^T over calibration inputs, float32 [columns, columns];
    it is overwritten.
    """
    wanted = weight.t().float().contiguous()
    # Inputs that are always 0 get a 1 on the diagonal, so that the gram can be inverted, and a weight of 0.
    diagonal = gram.diagonal()
    dead = diagonal <= 0
    wanted[dead] = 0
    diagonal[dead] = 1
    # The factor, as large as the gram, is freed before the fit begins.
    rounded = _rounded(wanted.clone(), _inverse_factor(gram), group)
    return _fitted(wanted, gram, rounded)


def toward(weight: Tensor, gram: Tensor, cross: Tensor) -> Tensor:
    """The weight, float32, whose outputs on the inputs x are closest to those of `weight` on the inputs e.

    For a Linear after rounded ones, whose inputs x differ from the exact e. `gram` is the sum of x x^T and `cross`
    that of e x^T, which is overwritten.
    """
    diagonal = gram.diagonal().clone()
    # Inputs that are always 0 would make it singular. In place: a copy takes half a gigabyte.
    gram.diagonal().add_(TRUST * max(float(diagonal.mean()), LEAST_TRUST))
    lower = torch.linalg.cholesky(gram)
    gram.diagonal().copy_(diagonal)
    floats = weight.float()
    return floats + torch.cholesky_solve((floats @ cross.sub_(gram)).t(), lower).t()


def _inverse_factor(gram: Tensor) -> Tensor:
    """The upper Cholesky factor of the inverse; adds as much damping to `gram` as that needs."""
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


def _rounded(left: Tensor, factor: Tensor, group: int) -> Rounded4:
    """Rounds `left`, the transposed weight, which is updated with the errors of the columns before."""
    columns, rows = left.shape
    q = torch.empty(columns, rows, dtype=torch.uint8)
    unit = unit4(left.t().reshape(rows, -1, group))[:, 0]
    scale = torch.empty(rows, columns // group, dtype=torch.uint8)
    zero = torch.empty_like(scale, dtype=torch.int8)
    for start in range(0, columns, BLOCK):
        end = min(start + BLOCK, columns)
        errors = torch.empty(end - start, rows)
        for first in range(start, end, group):
            at, last = first // group, first + group
            own = errors[first - start : last - start]
            scale[:, at], zero[:, at] = grid = grid4(left[first:last].t(), unit)
            for column in range(first, last):
                q[column] = to_grid4(left[column], *grid, unit)
                floats = from_grid4(q[column], *grid, unit)
                error = errors[column - start] = (left[column] - floats) / factor[column, column]
                left[column + 1 : last].addr_(factor[column, column + 1 : last], error, alpha=-1)
            left[last:end].addmm_(factor[first:last, last:end].t(), own, alpha=-1)
        left[end:].addmm_(factor[start:end, end:].t(), errors, alpha=-1)
    return Rounded4(q.t().contiguous(), scale, zero, unit)


def _fitted(wanted: Tensor, gram: Tensor, rounded: Rounded4) -> Rounded4:
    """The same steps with each group's scale and zero fitted so that the outputs change least."""
    scale, zero, unit, group = rounded.scale.clone(), rounded.zero.clone(), rounded.unit, rounded.group
    steps = rounded.q.t().float() - 8
    pull = gram @ (wanted - rounded.floats().t())
    for at in range(scale.shape[1]):
        columns = slice(at * group, (at + 1) * group)
        own, inner, pulled = steps[columns], gram[columns, columns], pull[columns]
        felt = inner @ own
        # Two equations per row, for the change of the scale and of the zero.
        curve, mixed, flat = (felt * own).sum(0), felt.sum(0), inner.sum()
        by_scale, by_zero = (pulled * own).sum(0), pulled.sum(0)
        determinant = curve * flat - mixed * mixed
        change = torch.where(
            determinant > 1e-6 * curve * flat, (by_scale * flat - by_zero * mixed) / determinant, torch.zeros(())
        )
        step = scale[:, at] * unit
        middle = zero[:, at] / FINE * step
        scale[:, at] = to_scale(step + change, unit)
        finer = scale[:, at] * unit - step
        # The zero also compensates for the rounding of the stored scale.
        zero[:, at] = to_zero(middle + (by_zero - finer * mixed) / flat, step + finer)
        shift = zero[:, at] / FINE * (step + finer) - middle
        pull.addmm_(gram[:, columns], own * finer + shift, alpha=-1)
    return Rounded4(rounded.q, scale, zero, unit)
