"""Attention of packed models by the compiled kernel, for steps in which every conversation has one new token."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from backends.packed.kernels import Kernels

# The kernel takes so many numbers of a head at once.
UNIT = 64


class DecodeAttention:
    """What stepping.rows.Rows asks for, see there."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def __call__(
        self, queries: torch.Tensor, parts: Sequence[tuple[torch.Tensor, torch.Tensor]], scaling: float
    ) -> torch.Tensor:
        """queries [1, heads, rows, size] to [1, rows, heads, size]."""
        rows = queries[0].transpose(0, 1).contiguous()
        keys, values = zip(*parts, strict=True)
        for key, value in parts:
            # The kernel goes by the keys' sizes alone; heads of another form would have it read past their end.
            if key.shape != value.shape or key.stride() != value.stride() or key.shape[2] != queries.shape[3]:
                raise ValueError("keys and values of different sizes are not computed here")
            if queries.shape[1] % key.shape[0] or key.shape[2] % UNIT:
                raise ValueError("heads of this number or size are not computed here")
        return self._kernels.attend(rows, keys, values, scaling)[None]
