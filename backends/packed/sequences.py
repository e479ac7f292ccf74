"""Sequences on their way through a model's layers, one layer at a time. Knows no rounding and no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Run:
    """One sequence on its way: its hidden states after rounded layers, and what they would be without any rounding.

    `settings` is what the model gives every layer besides.
    """

    hidden: torch.Tensor
    exact: torch.Tensor
    settings: dict[str, Any]

    def through(self, layer: Any, hidden: torch.Tensor) -> torch.Tensor:
        """What a layer makes of `hidden`."""
        out = layer(hidden, **self.settings)
        after: torch.Tensor = out[0] if isinstance(out, tuple) else out
        return after


class Enough(Exception):
    """What was wanted is known; the rest need not be computed."""


def first_run(model: Any, ids: Sequence[int]) -> Run:
    """What the model hands its first layer. All layers are taken to get the same, as they do in the classes here."""
    found: list[Run] = []

    def catch(module: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> None:
        hidden = _bf16(args[0])
        found.append(Run(hidden, hidden, {name: _bf16(value) for name, value in settings.items()}))
        raise Enough

    hook = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.model(input_ids=torch.tensor([list(ids)]), use_cache=False)
    except Enough:
        return found[0]
    finally:
        hook.remove()
    raise RuntimeError("the model does not use its first layer")


def _bf16(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_bf16(part) for part in value)
    return value.to(torch.bfloat16) if torch.is_tensor(value) and value.is_floating_point() else value
