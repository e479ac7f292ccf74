"""Mixtures of experts as matrices. The library stacks a layer's experts in two parameters of three dimensions."""

import re
from typing import Any

import torch
from torch import Tensor, nn

# Names of matrices of experts, also in files.
_MATRIX = re.compile(r"\.\d+\.(?:gate_proj|up_proj|down_proj|w1|w2|w3)(?:\.weight)?$")


class Experts(nn.ModuleList):  # type: ignore[misc]
    """A layer's experts with the weights of the library's module, computed one after the other."""

    def __init__(self, stacked: Any) -> None:
        super().__init__(map(_Expert, stacked.gate_up_proj, stacked.down_proj))
        # What combines both halves of the first product; some models limit them.
        self._gated = stacked._apply_gate
        del stacked.gate_up_proj, stacked.down_proj

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """hidden_states [tokens, hidden] to the same shape; index and weights [tokens, choices] are the router's.

        A token's result does not depend on the other tokens.
        """
        total = torch.zeros(hidden_states.shape, dtype=torch.float32)
        for number in top_k_index.unique().tolist():
            tokens, choices = torch.where(top_k_index == number)
            expert = self[number]
            x = hidden_states[tokens]
            y = expert.down_proj(self._gated(torch.cat([expert.gate_proj(x), expert.up_proj(x)], -1)))
            total.index_add_(0, tokens, y.float() * top_k_weights[tokens, choices, None].float())
        return total.to(hidden_states.dtype)


class _Expert(nn.Module):  # type: ignore[misc]
    def __init__(self, gate_up: Tensor, down: Tensor) -> None:
        super().__init__()
        gate, up = gate_up.detach().chunk(2)
        self.gate_proj, self.up_proj, self.down_proj = map(_linear, (gate, up, down.detach()))


def with_experts(model: Any) -> Any:
    """The same model with the stacked experts as matrices."""
    for place, module in list(model.named_modules()):
        if is_stacked(module):
            model.set_submodule(place, Experts(module))
    return model


def is_stacked(module: Any) -> bool:
    """Whether the module is one of stacked experts without biases, rows by inputs, as `Experts` computes them."""
    flags = ("has_gate", "has_bias", "is_transposed", "has_post_expert_norm")
    return (
        [getattr(module, flag, None) for flag in flags] == [True, False, False, False]
        and module._parameters.keys() == {"gate_up_proj", "down_proj"}
        and all(value.dim() == 3 for value in module._parameters.values())
    )


def is_expert(place: str) -> bool:
    """Whether a module or tensor has the name of an expert's matrix."""
    return _MATRIX.search(place) is not None


def _linear(weight: Tensor) -> nn.Linear:
    rows, columns = weight.shape
    linear = nn.Linear(columns, rows, bias=False, device="meta")
    linear.weight = nn.Parameter(weight, requires_grad=False)
    return linear
