"""Linear layers on packed weights, in place of torch's. Knows no model, no files.

With the compiled kernels where there are some, else by torch's own operations; both take bfloat16.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import linear, pad

from backends.packed.kernels import BF16, Kernels
from backends.packed.weight_layout import BLOCK, CHUNK, floats4, for_torch4

# Up to so many rows the product by integers is the quicker one: than one by tiles, and than torch's own of floats.
FEW_WITH_TILES, FEW = 16, 64
# Rows of a weight that are floats at one time.
_ROWS = 1024


class Linear4(nn.Module):  # type: ignore[misc]
    """A weight of 4 bits; see layout.pack4. `rows` is how many are no filling; `bias` float32 [rows] or None."""

    def __init__(
        self,
        weights: tuple[torch.Tensor, torch.Tensor],
        rows: int,
        bias: torch.Tensor | None,
        kernels: Kernels | None,
    ) -> None:
        super().__init__()
        self._packed, self._scales = weights
        self.out_features, self.in_features = rows, self._packed.shape[1]
        self._bias = None if bias is None else pad(bias.float(), (0, -rows % BLOCK))
        self._kernels = kernels
        self._for_torch = None if kernels else for_torch4(self._packed, self._scales)

    @property
    def weight(self) -> torch.Tensor:
        """What is packed, as it is mapped."""
        return self._packed

    @property
    def parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """The packed weight, its scales, and the bias in float32, filled up to a block of rows."""
        return self._packed, self._scales, self._bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., in_features] bfloat16 to [..., out_features]."""
        rows = x.reshape(-1, self.in_features).contiguous()
        y = self._by_kernels(rows, self._kernels) if self._kernels else self._by_torch(rows)
        return y[:, : self.out_features].view(*x.shape[:-1], self.out_features)

    def _by_kernels(self, x: torch.Tensor, kernels: Kernels) -> torch.Tensor:
        # Without tiles integers are quicker than any product of floats, whatever the number of rows (measured).
        product = kernels.many4 if kernels.tiles and x.shape[0] > FEW_WITH_TILES else kernels.few4
        return product(x, self._packed, self._scales, self._bias)

    def _by_torch(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > FEW:
            return self._added(self._by_floats(x))
        assert self._for_torch
        packed, scales = self._for_torch
        group = self.in_features // self._scales.shape[1]
        return self._added(torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, group, scales))

    def _by_floats(self, x: torch.Tensor) -> torch.Tensor:
        blocks = self._packed.shape[0]
        y = torch.empty(x.shape[0], blocks * BLOCK, dtype=BF16)
        dtype = product_dtype()
        x = x.to(dtype)
        step = _ROWS // BLOCK
        for first in range(0, blocks, step):
            last = min(first + step, blocks)
            weight = floats4(self._packed[first:last], self._scales[first:last], dtype)
            y[:, first * BLOCK : last * BLOCK] = x @ weight
        return y

    def _added(self, y: torch.Tensor) -> torch.Tensor:
        return y if self._bias is None else (y + self._bias).to(BF16)


class Linear8(nn.Module):  # type: ignore[misc]
    """A weight of 8 bits: int8 [rows, columns], float32 scale [rows]; `bias` float32 [rows] or None."""

    def __init__(
        self,
        weights: tuple[torch.Tensor, torch.Tensor],
        bias: torch.Tensor | None,
        kernels: Kernels | None,
    ) -> None:
        super().__init__()
        self._weight, self._scale = weights
        self.out_features, self.in_features = self._weight.shape
        self._bias = None if bias is None else bias.float()
        # Both ways for few rows go by whole chunks (torch's own reads past the end of others).
        self._few = FEW if self.in_features % CHUNK == 0 else 0
        self._kernels = kernels

    @property
    def weight(self) -> torch.Tensor:
        """The 8 bits, as they are mapped."""
        return self._weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., in_features] bfloat16 to [..., out_features]."""
        rows = x.reshape(-1, self.in_features).contiguous()
        y = self._few_rows(rows) if rows.shape[0] <= self._few else self._many_rows(rows)
        return y.view(*x.shape[:-1], self.out_features)

    def _few_rows(self, x: torch.Tensor) -> torch.Tensor:
        if self._kernels:
            return self._kernels.few8(x, self._weight, self._scale, self._bias)
        return self._added(torch.ops.aten._weight_int8pack_mm(x, self._weight, self._scale.to(BF16)))

    def _many_rows(self, x: torch.Tensor) -> torch.Tensor:
        dtype = product_dtype()
        x = x.to(dtype)
        parts = [
            linear(x, weight.to(dtype)) * scale
            for weight, scale in zip(self._weight.split(_ROWS), self._scale.split(_ROWS), strict=True)
        ]
        return self._added(torch.cat(parts, -1).to(BF16))

    def _added(self, y: torch.Tensor) -> torch.Tensor:
        return y if self._bias is None else (y + self._bias).to(BF16)


def product_dtype() -> torch.dtype:
    """In what torch multiplies large matrices fastest on this processor."""
    # Without units for bfloat16 its product takes longer than one of float32 (measured).
    has_units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return BF16 if has_units else torch.float32
