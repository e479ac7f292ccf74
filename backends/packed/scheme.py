"""Rounds weights to 4 or 8 bits, and lays them out in memory and files so that they are read from end to end.

A weight of 4 bits is `(q - 8 + zero / 16) * scale * unit`, with one scale and zero of 8 bits for `group` neighbours
along a row, and one float32 unit per row; one of 8 bits is `q * scale` with one float32 scale per row.

4-bit weights are stored in blocks of 64 rows, padded with zeros, in the layout of torch's own AVX512 kernel: [blocks,
columns, 32 bytes], with row j of the block in the low half of byte j and row j + 32 in the high half. The scales are
stored by block as well, [blocks, groups, 64, (scale, zero)]; in another order reading them costs up to a third more.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from backends.folder.packed import GROUPS

# The shares of a group's span to try, and the number of fits. More of either gains nothing (measured).
SPANS = (1.0, 0.9, 0.8)
FITS = 2
# The least unit of a row, so that nothing is divided by 0.
LEAST_UNIT = 1e-12
# What `zero` counts, as a share of the distance between two neighbouring values.
FINE = 16


@dataclass(frozen=True)
class Rounded4:
    """A matrix in 4 bits: `q` uint8 0 to 15 [rows, columns], `scale` uint8 and `zero` int8 [rows, groups].

    `unit` is float32 [rows].
    """

    q: Tensor
    scale: Tensor
    zero: Tensor
    unit: Tensor

    @property
    def group(self) -> int:
        """The number of neighbours along a row that share a scale."""
        return int(self.q.shape[1] // self.scale.shape[1])

    def floats(self) -> Tensor:
        """The matrix that it stands for, float32 [rows, columns]."""
        rows, columns = self.q.shape
        q, unit = self.q.view(rows, -1, self.group), self.unit[:, None, None]
        return from_grid4(q, self.scale[..., None], self.zero[..., None], unit).view(rows, columns)


@dataclass(frozen=True)
class Rounded8:
    """A matrix in 8 bits: `q` int8 -127 to 127 [rows, columns], `scale` float32 [rows]."""

    q: Tensor
    scale: Tensor

    def floats(self) -> Tensor:
        """The matrix that it stands for, float32 [rows, columns]."""
        return self.q.float() * self.scale[:, None]


def unit4(groups: Tensor) -> Tensor:
    """The unit of each row, float32 [rows, 1], of float32 `groups` [rows, groups, group].

    A step of the widest group has 255 of them.
    """
    return (_span(groups).amax(-1, keepdim=True) / (15 * 255)).clamp_(min=LEAST_UNIT)


def _span(groups: Tensor) -> Tensor:
    # The zeros reach as far as to values that all have the same sign.
    return groups.amax(-1).clamp_(min=0) - groups.amin(-1).clamp_(max=0)


def grid4(groups: Tensor, unit: Tensor, spans: Sequence[float] = SPANS) -> tuple[Tensor, Tensor]:
    """The scale (uint8) and zero (int8), without the last dimension, with the least squared error for each group.

    `groups` is float32 [..., group]; `unit` broadcasts against the result. Candidates are the full span and some that
    clip both ends, each then fitted to the values rounded with it. A single span is used as it is, without a fit.
    """
    best = torch.full(groups.shape[:-1], torch.inf)
    best_scale, best_zero = torch.empty_like(best, dtype=torch.uint8), torch.empty_like(best, dtype=torch.int8)
    for scale, zero in _grids(groups, unit, spans):
        grid = scale[..., None], zero[..., None], unit[..., None]
        wrong = from_grid4(to_grid4(groups, *grid), *grid).sub_(groups).square_().sum(-1)
        better = wrong < best
        best = torch.where(better, wrong, best)
        best_scale, best_zero = torch.where(better, scale, best_scale), torch.where(better, zero, best_zero)
    return best_scale, best_zero


def _grids(groups: Tensor, unit: Tensor, spans: Sequence[float]) -> Iterator[tuple[Tensor, Tensor]]:
    span, middle = _span(groups), (groups.amax(-1).clamp_(min=0) + groups.amin(-1).clamp_(max=0)) / 2
    for share in spans:
        scale = to_scale(span * (share / 15), unit)
        # The middle of the span lies between the steps -1 and 0.
        step = scale * unit
        zero = to_zero(middle + step / 2, step)
        yield scale, zero
        for _ in range(FITS if len(spans) > 1 else 0):
            grid = scale[..., None], zero[..., None], unit[..., None]
            scale, zero = _fitted(groups, to_grid4(groups, *grid).float().sub_(8), scale, unit)
            yield scale, zero


def _fitted(groups: Tensor, steps: Tensor, scale: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """The least-squares line through (step, value) of each group; `scale` stays where all steps are equal."""
    mean_step, mean = steps.mean(-1, keepdim=True), groups.mean(-1, keepdim=True)
    around = steps - mean_step
    spread = around.square().sum(-1)
    slope = (around * (groups - mean)).sum(-1) / spread
    fitted = torch.where(spread > 0, to_scale(slope, unit), scale)
    step = fitted * unit
    return fitted, to_zero(mean[..., 0] - step * mean_step[..., 0], step)


def to_scale(step: Tensor, unit: Tensor) -> Tensor:
    """The stored scale (uint8) for the distance between two neighbouring values."""
    return (step / unit).round_().clamp_(1, 255).to(torch.uint8)


def to_zero(middle: Tensor, step: Tensor) -> Tensor:
    """The stored zero (int8) for the value of q = 8."""
    return (middle * FINE / step).round_().clamp_(-128, 127).to(torch.int8)


def to_grid4(values: Tensor, scale: Tensor, zero: Tensor, unit: Tensor) -> Tensor:
    """The nearest `q` (uint8) to float32 `values`; the others broadcast against them."""
    return (values / (scale * unit) + (8 - zero / FINE)).round_().clamp_(0, 15).to(torch.uint8)


def from_grid4(q: Tensor, scale: Tensor, zero: Tensor, unit: Tensor) -> Tensor:
    """What `q` stands for, float32."""
    return (q + (zero / FINE - 8)) * (scale * unit)


def round4(weight: Tensor, group: int, spans: Sequence[float] = SPANS) -> Rounded4:
    """Rounds to the nearest of 16 values per group, see `grid4`.

    `weight` is [rows, columns], columns a multiple of `group`.
    """
    rows, columns = weight.shape
    groups = weight.float().view(rows, columns // group, group)
    unit = unit4(groups)
    scale, zero = grid4(groups, unit, spans)
    q = to_grid4(groups, scale[..., None], zero[..., None], unit[..., None])
    return Rounded4(q.view(rows, columns), scale, zero, unit[:, 0])


def round8(weight: Tensor) -> Rounded8:
    """Rounds to the nearest of 255 values per row, spread evenly around 0."""
    floats = weight.float()
    scale = (floats.abs().amax(-1) / 127).clamp_(min=1e-12)
    return Rounded8((floats / scale[:, None]).round_().clamp_(-127, 127).to(torch.int8), scale)


BLOCK = 64
# Columns of an int8 weight that the kernel takes at a time.
CHUNK = 64


def fitting_group(shape: Sequence[int], group: int) -> int:
    """The largest group up to `group` that divides a row of a matrix; 0 if it stays in 8 bits.

    That is if no group divides a row, or if 4 bits would take as much: they fill whole blocks of rows.
    """
    rows, columns = shape
    fits = (size for size in GROUPS if size <= group and columns % size == 0)
    return max(fits, default=0) if rows > BLOCK // 2 else 0


# A packed weight: `packed` uint8 [blocks, columns, 32], `scales` uint8 [blocks, groups, 64, 2] and `units` float32
# [blocks, 64].
Packed4 = tuple[Tensor, Tensor, Tensor]
PARTS4 = ("packed", "scales", "units")


def packed_of(part: Callable[[str], Tensor]) -> Packed4:
    """The packed weight whose parts the function returns by name."""
    packed, scales, units = map(part, PARTS4)
    return packed, scales, units


def pack4(weight: Rounded4) -> Packed4:
    """The weight in blocks of rows, see above."""
    rows, columns = weight.q.shape
    blocks, missing = -(-rows // BLOCK), -rows % BLOCK
    q = pad(weight.q, (0, 0, 0, missing)).view(blocks, 2, BLOCK // 2, columns)
    packed = (q[:, 0] | (q[:, 1] << 4)).transpose(1, 2).contiguous()
    pairs = pad(torch.stack([weight.scale, weight.zero.view(torch.uint8)], -1), (0, 0, 0, 0, 0, missing))
    scales = pairs.view(blocks, BLOCK, -1, 2).transpose(1, 2).contiguous()
    return packed, scales, pad(weight.unit, (0, missing)).view(blocks, BLOCK)


def unpack4(weight: Packed4, rows: int) -> Rounded4:
    """The inverse of `pack4`, without the padding."""
    packed, scales, units = weight
    blocks, columns, _ = packed.shape
    q = torch.cat([packed & 15, packed >> 4], -1).transpose(1, 2).reshape(blocks * BLOCK, columns)
    pairs = scales.transpose(1, 2).reshape(blocks * BLOCK, -1, 2)[:rows]
    return Rounded4(q[:rows], pairs[..., 0], pairs[..., 1].view(torch.int8), units.view(-1)[:rows])


def floats4(weight: Packed4) -> Tensor:
    """The weight of some blocks as float32 [blocks, columns, BLOCK]; quick for as many as fit into a cache."""
    packed, scales, units = weight
    blocks, columns, _ = packed.shape
    q = torch.empty(blocks, columns, BLOCK, dtype=torch.uint8)
    half = BLOCK // 2
    torch.bitwise_and(packed, 15, out=q[..., :half])
    # Sixteen times the value: a shift takes three times as long as this.
    torch.bitwise_and(packed, 240, out=q[..., half:])
    values = q.float().view(blocks, scales.shape[1], -1, BLOCK)
    scale = scales[..., 0] * units[:, None]
    zero = (scales[..., 1].view(torch.int8) / FINE).sub_(8).mul_(scale)
    scale[..., half:] /= 16
    return torch.addcmul(zero[:, :, None], values, scale[:, :, None], out=values).view(blocks, columns, BLOCK)


def product4(x: Tensor, weight: Packed4, capability: str) -> Tensor:
    """bfloat16 x [rows, columns] times a weight by torch's own kernel for 4 bits: float32 [rows, blocks * BLOCK].

    The weight is used as it is, the scales are converted. `capability` is torch's for this processor: AVX512 or AVX2.
    """
    packed, scales, units = weight
    blocks, columns, width = packed.shape
    groups, kernel = scales.shape[1], torch.ops.aten._weight_int4pack_mm_for_cpu
    group = columns // groups
    if capability == "AVX512":
        pairs = _pairs(scales.transpose(0, 1)).view(groups, blocks * BLOCK, 2)
        y = kernel(x, packed.view(blocks * BLOCK, columns // 2), group, pairs)
        return y * (units.flatten() / FINE)
    # For AVX2 it takes blocks of 32 rows, with 16 bytes for a column. So the two halves of a column of ours are two
    # columns to it, each with half of the rows, and x is 0 in the other one.
    quarters = scales.view(blocks, groups, 2, 2, -1, 2)
    y = torch.empty(x.shape[0], blocks, 2, 2, width // 2, dtype=x.dtype)
    for half in range(2):
        apart = torch.zeros(*x.shape, 2, dtype=x.dtype)
        apart[..., half] = x
        pairs = _pairs(quarters[:, :, :, half].transpose(0, 1)).view(groups, blocks * width, 2)
        part = kernel(apart.flatten(1), packed.view(blocks * width, columns), 2 * group, pairs)
        y[:, :, :, half] = part.view(-1, blocks, 2, width // 2)
    return y.flatten(1) * (units.flatten() / FINE)


class _Scratch(threading.local):
    """Memory for converted scales that a thread keeps: the system would clear new memory for every product."""

    def __init__(self) -> None:
        self._words = torch.empty(2, 0, dtype=torch.int32)

    def words(self, count: int) -> Tensor:
        """int32 [2, count], the same memory at each call."""
        if self._words.shape[1] < count:
            # Memory of inference mode could not be changed outside of it.
            with torch.inference_mode(False):
                self._words = torch.empty(2, count, dtype=torch.int32)
        return self._words[:, :count]


_scratch = _Scratch()


def _pairs(scales: Tensor) -> Tensor:
    """Scales and zeros as torch's kernel takes them, bfloat16 [..., 2], as shares 1 / FINE of a unit.

    The next call overwrites them.
    """
    # A pair is computed as one number of 32 bits, with its zero in the upper half: other ways take more passes.
    words, scale = (part.view(scales.shape[:-1]) for part in _scratch.words(scales.numel() // 2))
    words.copy_(scales.view(torch.int16)[..., 0])
    torch.bitwise_and(words, 255, out=scale).mul_(FINE)
    words.bitwise_right_shift_(8)
    torch.addcmul(scale, words, scale, value=2**16 // FINE, out=words)
    halves = words.view(torch.int16).view(scales.shape)
    return halves.view(torch.bfloat16).copy_(halves)
