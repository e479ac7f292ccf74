"""A model in 4 bits as it really runs: packed layers and kernels, prompts in pieces or answers token by token."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from backends.packed.kernels import find_kernels
from backends.packed.linear import Linear4, Linear8
from backends.packed.open import quick_rows
from backends.packed.scheme import fitting_group, pack4, round4, round8
from backends.stepping.batched import Rows
from bench.quality.sums import Logits


def as_run(model: Any, group: int) -> Rows:
    """A copy of a bfloat16 model with every Linear packed."""
    other, kernels = copy.deepcopy(model), find_kernels()
    for place, module in list(other.named_modules()):
        if isinstance(module, nn.Linear):
            parent, _, own = place.rpartition(".")
            bias = None if module.bias is None else module.bias.data
            if place == "lm_head":
                eight = round8(module.weight.data)
                layer: Any = Linear8((eight.q, eight.scale), bias, kernels)
            else:
                four = round4(module.weight.data, fitting_group(module.in_features, group))
                layer = Linear4(pack4(four), module.out_features, bias, kernels)
            setattr(other.get_submodule(parent), own, layer)
    return quick_rows(other, kernels)


def as_prompt(rows: Rows) -> Logits:
    """The text read as prompts are: many tokens at once, activations in bfloat16."""
    return lambda ids: rows.read(rows.new_cache(len(ids)), ids, 0)


def as_answer(rows: Rows) -> Logits:
    """The text read as answers are written: token by token, activations in 8 bits."""

    def logits(ids: Sequence[int]) -> torch.Tensor:
        cache = rows.new_cache(len(ids))
        return torch.cat([rows.decode([cache], [token]) for token in ids])

    return logits
