"""One pass of several conversations: what each has new, and a cache of the library that leads each row to its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from backends.stepping.cache import TokenCache

DecodeAttention = Callable[[torch.Tensor, Sequence[tuple[torch.Tensor, torch.Tensor]], float], torch.Tensor]
# Keys and values of one conversation in one layer [heads, room, size], and their number of tokens.
Place = tuple[torch.Tensor, torch.Tensor, int]


@dataclass
class Step:
    """The state of one pass: each row's cache, its number of new tokens, and its mask if it needs one."""

    decode: DecodeAttention | None
    caches: Sequence[TokenCache] = ()
    counts: Sequence[int] = ()
    masks: Sequence[torch.Tensor | None] = ()


@dataclass(frozen=True)
class LayerRows:
    """The keys and values of each row in one layer, in place of the tensor that a model expects."""

    step: Step
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]]


class RowsLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of the library's cache that passes each row's part to the row's own cache."""

    def __init__(self, step: Step, layer: int) -> None:
        super().__init__()
        self.is_initialized = True
        self.step, self._layer = step, layer

    def get_seq_length(self) -> int:
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[LayerRows, LayerRows]:
        parts, start = [], 0
        for cache, count in zip(self.step.caches, self.step.counts, strict=True):
            new = slice(start, start + count)
            parts.append(cache.write(self._layer, keys[0, :, new], values[0, :, new]))
            start += count
        rows = LayerRows(self.step, parts)
        return rows, rows


def step_of(cache: Any, layer: int) -> Step | None:
    """The pass that a layer is in; None for another cache than that of `Rows`."""
    own = cache.layers[layer] if isinstance(cache, Cache) else None
    return own.step if isinstance(own, RowsLayer) else None


def new_places(cache: Any, layer: int) -> list[Place] | None:
    """Where to write each row's single new token in a layer; None for any other pass or cache."""
    step = step_of(cache, layer)
    if step is None or any(count != 1 for count in step.counts) or not all(cache.n for cache in step.caches):
        return None
    return [(*cache.places(layer), cache.n) for cache in step.caches]
