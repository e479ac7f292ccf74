"""Norms of packed models by the compiled kernel: one call instead of eight operations. Knows no model."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from backends.packed.kernels import Kernels

# The library's classes that compute exactly this; others are left as they are (Gemma's adds 1 to the weight).
KNOWN = ("Qwen2RMSNorm", "Qwen3RMSNorm", "GlmRMSNorm", "Glm4RMSNorm", "LlamaRMSNorm")


class RmsNorm(nn.Module):  # type: ignore[misc]
    """Over the last dimension, in bfloat16."""

    def __init__(self, weight: torch.Tensor, eps: float, kernels: Kernels) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.variance_epsilon = eps
        self._kernels = kernels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., size] bfloat16 to the same shape."""
        return self._kernels.rms_norm(x.contiguous(), self.weight, self.variance_epsilon)


def with_quick_norms(model: Any, kernels: Kernels | None) -> Any:
    """Replaces the norms of the known kinds; nothing where there are no kernels."""
    for place, module in list(model.named_modules()) if kernels else ():
        if kernels and type(module).__name__ in KNOWN:
            parent, _, own = place.rpartition(".")
            setattr(model.get_submodule(parent), own, RmsNorm(module.weight.data, module.variance_epsilon, kernels))
    return model
