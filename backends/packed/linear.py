"""Linear layers on packed weights, in place of torch's: by the compiled kernels, or else by torch's operations."""

import mmap
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from backends.packed.kernels import BF16, Kernels
from backends.packed.residual import BEST, Residual, residual_floats
from backends.packed.scheme import BLOCK, CHUNK, Packed4, floats4, product4
from backends.stepping import ROWS

# Up to this many rows the integer product is faster: than the one by tiles, and than torch's product of floats.
FEW_WITH_TILES, FEW = 16, 64
# The same for torch's own product of 4 bits, by processor; elsewhere one of floats is always faster. Not less than the
# rows of a step, so that all of them go the same way.
FEW4 = {"AVX512": 32, "AVX2": ROWS}
# Rows of a weight that are converted to floats, or copied, at a time.
_ROWS = 1024


class _Packed(nn.Module, ABC):  # type: ignore[misc]
    """What both widths share: `weight` as it is mapped, and `bias` float32 or None."""

    out_features: int
    in_features: int
    weight: Tensor
    bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in_features] bfloat16 to [..., out_features]."""
        y = self._product(x.reshape(-1, self.in_features).contiguous())
        return y[:, : self.out_features].view(*x.shape[:-1], self.out_features)

    @abstractmethod
    def _product(self, x: Tensor) -> Tensor: ...

    def _with_bias(self, y: Tensor) -> Tensor:
        return (y if self.bias is None else y + self.bias).to(BF16)


class Linear4(_Packed):
    """A weight of 4 bits, see scheme.pack4, with `rows` rows without padding; `bias` is padded to whole blocks."""

    def __init__(self, weights: Packed4, rows: int, bias: Tensor | None, kernels: Kernels | None) -> None:
        super().__init__()
        self.packed, self.weight = weights, weights[0]
        self.out_features, self.in_features = rows, self.weight.shape[1]
        self.bias = None if bias is None else pad(bias.float(), (0, -rows % BLOCK))
        self._kernels = kernels

    def _product(self, x: Tensor) -> Tensor:
        if self._kernels:
            # Without tiles the integer product is faster than any product of floats (measured).
            by_tiles = self._kernels.tiles and x.shape[0] > FEW_WITH_TILES
            return (self._kernels.many4 if by_tiles else self._kernels.few4)(x, self.packed, self.bias)
        capability = torch.backends.cpu.get_cpu_capability()
        few = x.shape[0] <= FEW4.get(capability, 0)
        return self._with_bias(product4(x, self.packed, capability) if few else self._by_floats(x))

    def _by_floats(self, x: Tensor) -> Tensor:
        """A block for each thread at a time, which stays in its caches."""
        step = torch.get_num_threads()
        y = torch.empty(x.shape[0], self.weight.shape[0], BLOCK, dtype=BF16)
        x = x.to(product_dtype())
        pieces = zip(*(part.split(step) for part in self.packed), strict=True)
        for part, weight in zip(y.split(step, 1), pieces, strict=True):
            floats = floats4(weight).to(x.dtype)
            part.copy_(torch.bmm(x.expand(len(floats), -1, -1), floats).transpose(0, 1))
        return y.flatten(1)


class OutputLayer(Linear4):
    """A weight of 4 bits, and what they miss, see residual.py."""

    def __init__(
        self, weights: Packed4, residual: Residual, rows: int, bias: Tensor | None, kernels: Kernels | None
    ) -> None:
        super().__init__(weights, rows, bias, kernels)
        self.residual = residual
        self._is_read = False

    def _product(self, x: Tensor) -> Tensor:
        if not self._is_read:
            # Read once in order: a token needs rows from all over it, and a disk is slow with those.
            self.residual[0].view(-1)[:: mmap.PAGESIZE].sum()
            self._is_read = True
        y = super()._product(x)
        scores = y[:, : self.out_features]
        if len(x) > FEW:
            # Only a comparison with the original computes this many rows at once. It needs all scores exactly.
            self._add_all(x, scores)
        elif self._kernels:
            self._kernels.score_best(x, *self.residual, y, BEST)
        else:
            for row, own in zip(x, scores, strict=True):
                best = own.topk(BEST, sorted=False).indices
                own[best] += (residual_floats(*(part[best] for part in self.residual)) @ row.float()).to(BF16)
        return y

    def _add_all(self, x: Tensor, scores: Tensor) -> None:
        dtype = product_dtype()
        pieces = zip(*(part.split(_ROWS) for part in self.residual), scores.split(_ROWS, -1), strict=True)
        for residual, scale, own in pieces:
            own += linear(x.to(dtype), residual_floats(residual, scale).to(dtype))


class Linear8(_Packed):
    """A weight of 8 bits: int8 [rows, columns], float32 scale [rows]; `bias` float32 [rows] or None."""

    def __init__(self, weights: tuple[Tensor, Tensor], bias: Tensor | None, kernels: Kernels | None) -> None:
        super().__init__()
        self.weight, self.scale = weights
        self.out_features, self.in_features = self.weight.shape
        self.bias = None if bias is None else bias.float()
        # Both products for few rows need whole chunks of columns (torch's own reads past the end of others).
        self._few = FEW if self.in_features % CHUNK == 0 else 0
        self._kernels = kernels

    def _product(self, x: Tensor) -> Tensor:
        if x.shape[0] <= self._few:
            if self._kernels:
                return self._kernels.few8(x, self.weight, self.scale, self.bias)
            return self._with_bias(self._by_bytes(x))
        dtype = product_dtype()
        x = x.to(dtype)
        parts = [
            linear(x, weight.to(dtype)) * scale
            for weight, scale in zip(self.weight.split(_ROWS), self.scale.split(_ROWS), strict=True)
        ]
        return self._with_bias(torch.cat(parts, -1).to(BF16))

    def _by_bytes(self, x: Tensor) -> Tensor:
        """By torch's own product, which crashes where a weight does not begin at a multiple of 16 bytes."""
        product, scale = torch.ops.aten._weight_int8pack_mm, self.scale.to(BF16)
        if self.weight.data_ptr() % 16 == 0:
            return product(x, self.weight, scale)
        pieces = zip(self.weight.split(_ROWS), scale.split(_ROWS), strict=True)
        return torch.cat([product(x, weight.clone(), own) for weight, own in pieces], -1)


def product_dtype() -> torch.dtype:
    """The dtype in which torch multiplies large matrices fastest on this processor."""
    # Without tiles a product of bfloat16 takes 1.5 to 1.9 times as long as one of float32, also with AVX512-BF16
    # (measured).
    return BF16 if torch.cpu._is_amx_tile_supported() else torch.float32


def width_for_torch() -> int:
    """The rows that a step needs for a row's result not to depend on the others, see `Rows`; without the kernels."""
    return 1 if torch.backends.cpu.get_cpu_capability() in FEW4 else ROWS
