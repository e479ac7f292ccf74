"""Keys and values of one conversation, kept while it is answered and until the next turn. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from backends.pages import LARGE, large_memory
from backends.stepping.limits import grown


class TokenCache:
    """For each layer keys and values [heads, room, size], of which the first `n` tokens are filled.

    `ids` are those tokens. `prompt` is the last prompt that was to be read into it, and `marks` are the places where a
    prompt began to be read.
    """

    def __init__(self, layers: int) -> None:
        self.ids: list[int] = []
        self.prompt: tuple[int, ...] = ()
        self.marks: list[int] = []
        self._keys: list[torch.Tensor | None] = [None] * layers
        self._values: list[torch.Tensor | None] = [None] * layers

    @property
    def n(self) -> int:
        """Tokens in it."""
        return len(self.ids)

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return sum(part.nbytes for part in (*self._keys, *self._values) if part is not None)

    def write(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Put those [heads, new tokens, size] of one layer after the others; returns all [heads, tokens, size].

        They count once every layer has them and `add` was called.
        """
        return self._append(self._keys, layer, keys), self._append(self._values, layer, values)

    def room(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [heads, room, size] of one layer that has some, with room for one token more than `n`.

        Who writes it, at place `n`, writes it in every layer and says so by `add`.
        """
        return self._roomy(self._keys, layer), self._roomy(self._values, layer)

    def add(self, ids: Sequence[int]) -> None:
        """The tokens whose keys and values have been written to every layer."""
        self.ids += ids

    def truncate(self, n: int) -> None:
        """Keep the first `n` tokens, and no more room than they need."""
        del self.ids[n:]
        self.marks = [mark for mark in self.marks if mark <= n]
        for parts in (self._keys, self._values):
            for layer, part in enumerate(parts):
                if part is not None and part.shape[1] > grown(n):
                    parts[layer] = _moved(part, n, n)

    def _roomy(self, parts: list[torch.Tensor | None], layer: int) -> torch.Tensor:
        part = parts[layer]
        assert part is not None
        if part.shape[1] == self.n:
            part = parts[layer] = _moved(part, self.n, self.n + 1)
        return part

    def _append(self, parts: list[torch.Tensor | None], layer: int, new: torch.Tensor) -> torch.Tensor:
        end = self.n + new.shape[1]
        part = parts[layer]
        if part is None or part.shape[1] < end:
            # Not token by token: each time all that is there has to move.
            part = parts[layer] = _moved(new if part is None else part, self.n, end)
        part[:, self.n : end] = new
        return part[:, :end]


def _moved(old: torch.Tensor, kept: int, tokens: int) -> torch.Tensor:
    """The first `kept` of `old` in a new place with room for `tokens`."""
    heads, _, size = old.shape
    new = _buffer(heads, grown(tokens), size, old.dtype)
    new[:, :kept] = old[:, :kept]
    return new


def _buffer(heads: int, tokens: int, size: int, dtype: torch.dtype) -> torch.Tensor:
    count = heads * tokens * size
    if count * dtype.itemsize < LARGE:
        return torch.empty(heads, tokens, size, dtype=dtype)
    # In small pages the system takes longer to hand it out than the tokens take to move.
    return torch.frombuffer(large_memory(count * dtype.itemsize), dtype=dtype).view(heads, tokens, size)
