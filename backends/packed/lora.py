"""Computes a LoRA adapter beside packed weights, to which nothing can be added."""

import types
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import pad

from backends.families.lora import Change, read_changes
from backends.stepping import ROWS


class BesideWeight(nn.Module):  # type: ignore[misc]
    """A linear layer with an adapter's change computed beside it."""

    def __init__(self, linear: nn.Module, change: Change) -> None:
        super().__init__()
        self.linear = linear
        self.a, self.b = change.a.float().T.contiguous(), (change.scale * change.b.float()).T.contiguous()
        self.in_features, self.out_features = len(self.a), self.b.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """x [..., in_features] to [..., out_features] in the layer's type."""
        rows = x.reshape(-1, self.in_features).float()
        # The product of a few rows depends on their number; a conversation must not depend on the others.
        padded = pad(rows, (0, 0, 0, max(0, ROWS - len(rows))))
        y: Tensor = self.linear(x)
        change = (padded @ self.a @ self.b)[: len(rows)].view(y.shape)
        return (y.float() + change).to(y.dtype)


def add_adapter(model: Any, family: types.ModuleType | None, folder: Path) -> Any:
    """The model with the adapter in `folder` computed beside its packed layers. Raises BackendError."""
    for place, change in read_changes(model, family, folder).items():
        model.set_submodule(place, BesideWeight(model.get_submodule(place), change))
    return model
