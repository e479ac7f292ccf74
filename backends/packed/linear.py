"""Linear layers on packed weights, in place of torch's: by the compiled kernels, or else by torch's operations."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from backends.packed.kernels import BF16, Kernels
from backends.packed.scheme import BLOCK, CHUNK, Packed4, floats4, for_torch4

# Up to this many rows the integer product is faster: than the one by tiles, and than torch's product of floats.
FEW_WITH_TILES, FEW = 16, 64
# Rows of a weight that are converted to floats at a time.
_ROWS = 1024


class _Packed(nn.Module, ABC):  # type: ignore[misc]
    """What both widths share: `bias` is float32 or None."""

    out_features: int
    in_features: int
    _bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in_features] bfloat16 to [..., out_features]."""
        y = self._product(x.reshape(-1, self.in_features).contiguous())
        return y[:, : self.out_features].view(*x.shape[:-1], self.out_features)

    @abstractmethod
    def _product(self, x: Tensor) -> Tensor: ...

    def _with_bias(self, y: Tensor) -> Tensor:
        return y if self._bias is None else (y + self._bias).to(BF16)


class Linear4(_Packed):
    """A weight of 4 bits, see scheme.pack4, with `rows` rows without padding; `bias` float32 [rows] or None."""

    def __init__(self, weights: Packed4, rows: int, bias: Tensor | None, kernels: Kernels | None) -> None:
        super().__init__()
        # `weight` is the packed weight as it is mapped.
        self.weight, self._scales, self._units = weights
        self.out_features, self.in_features = rows, self.weight.shape[1]
        self._bias = None if bias is None else pad(bias.float(), (0, -rows % BLOCK))
        self._kernels = kernels
        self._for_torch: tuple[Tensor, Tensor] | None = None

    @property
    def packed(self) -> Packed4:
        """The weight as it is packed."""
        return self.weight, self._scales, self._units

    @property
    def bias(self) -> Tensor | None:
        """In float32, padded to whole blocks of rows."""
        return self._bias

    def forget(self) -> None:
        """Frees the copy for torch's own product, which makes it anew."""
        self._for_torch = None

    def _product(self, x: Tensor) -> Tensor:
        if self._kernels:
            # Without tiles the integer product is faster than any product of floats (measured).
            by_tiles = self._kernels.tiles and x.shape[0] > FEW_WITH_TILES
            return (self._kernels.many4 if by_tiles else self._kernels.few4)(x, self.packed, self._bias)
        if x.shape[0] > FEW:
            return self._with_bias(self._by_floats(x))
        if self._for_torch is None:
            self._for_torch = for_torch4(self.packed)
        packed, scales = self._for_torch
        group = self.in_features // self._scales.shape[1]
        return self._with_bias(torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, group, scales))

    def _by_floats(self, x: Tensor) -> Tensor:
        (packed, scales, units), dtype = self.packed, product_dtype()
        blocks = packed.shape[0]
        y = torch.empty(x.shape[0], blocks * BLOCK, dtype=BF16)
        x = x.to(dtype)
        step = _ROWS // BLOCK
        for first in range(0, blocks, step):
            last = min(first + step, blocks)
            weight = floats4((packed[first:last], scales[first:last], units[first:last]), dtype)
            y[:, first * BLOCK : last * BLOCK] = x @ weight
        return y


class Linear8(_Packed):
    """A weight of 8 bits: int8 [rows, columns], float32 scale [rows]; `bias` float32 [rows] or None."""

    def __init__(self, weights: tuple[Tensor, Tensor], bias: Tensor | None, kernels: Kernels | None) -> None:
        super().__init__()
        # `weight` is the int8 weight as it is mapped.
        self.weight, self._scale = weights
        self.out_features, self.in_features = self.weight.shape
        self._bias = None if bias is None else bias.float()
        # Both products for few rows need whole chunks of columns (torch's own reads past the end of others).
        self._few = FEW if self.in_features % CHUNK == 0 else 0
        self._kernels = kernels
        self._for_torch: Tensor | None = None

    def forget(self) -> None:
        """See Linear4."""
        self._for_torch = None

    @property
    def parts(self) -> tuple[Tensor, Tensor]:
        """The weight and its scales."""
        return self.weight, self._scale

    def _product(self, x: Tensor) -> Tensor:
        if x.shape[0] <= self._few:
            if self._kernels:
                return self._kernels.few8(x, self.weight, self._scale, self._bias)
            if self._for_torch is None:
                # Torch's product crashes where a weight does not begin at a multiple of 16 bytes.
                self._for_torch = self.weight if self.weight.data_ptr() % 16 == 0 else self.weight.clone()
            return self._with_bias(torch.ops.aten._weight_int8pack_mm(x, self._for_torch, self._scale.to(BF16)))
        dtype = product_dtype()
        x = x.to(dtype)
        parts = [
            linear(x, weight.to(dtype)) * scale
            for weight, scale in zip(self.weight.split(_ROWS), self._scale.split(_ROWS), strict=True)
        ]
        return self._with_bias(torch.cat(parts, -1).to(BF16))


def product_dtype() -> torch.dtype:
    """The dtype in which torch multiplies large matrices fastest on this processor."""
    # Without bfloat16 units its product takes longer than one of float32 (measured).
    has_units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return BF16 if has_units else torch.float32
