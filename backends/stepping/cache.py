"""Keys and values of one conversation, kept while it is answered and until the next turn. Knows no model."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from backends.machine.pages import give_back, lazy_memory
from backends.stepping.sizes import grown


@dataclass(frozen=True)
class _Part:
    """Keys or values of one layer, [heads, room, size]. Only what was written takes memory: it never has to move."""

    memory: mmap.mmap
    tensor: torch.Tensor

    def bytes(self, tokens: int) -> int:
        """What so many tokens take."""
        heads, room, size = self.tensor.shape
        return int(heads * min(grown(tokens), room) * size * self.tensor.itemsize)

    def cut(self, first: int, last: int) -> None:
        """Let go of the tokens from `first` to `last`, in every head."""
        heads, room, size = self.tensor.shape
        token = size * self.tensor.itemsize
        for head in range(heads):
            give_back(self.memory, (head * room + first) * token, (head * room + last) * token)


class TokenCache:
    """For each layer keys and values [heads, room, size], of which the first `n` tokens are filled.

    `room` is how many tokens it can have. `ids` are those tokens. `prompt` is the last prompt that was to be read into
    it, and `marks` are the places where a prompt began to be read.
    """

    def __init__(self, layers: int, room: int) -> None:
        self.ids: list[int] = []
        self.prompt: tuple[int, ...] = ()
        self.marks: list[int] = []
        self._room = room
        self._keys: list[_Part | None] = [None] * layers
        self._values: list[_Part | None] = [None] * layers

    @property
    def n(self) -> int:
        """Tokens in it."""
        return len(self.ids)

    @property
    def bytes(self) -> int:
        """What it takes in memory, in steps."""
        return sum(part.bytes(self.n) for part in (*self._keys, *self._values) if part is not None)

    def write(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Put those [heads, new tokens, size] of one layer after the others; returns all [heads, tokens, size].

        They count once every layer has them and `add` was called.
        """
        return self._append(self._keys, layer, keys), self._append(self._values, layer, values)

    def places(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [heads, room, size] of one layer that has some, with room for one token more than `n`.

        Who writes it, at place `n`, writes it in every layer and says so by `add`.
        """
        keys, values = self._keys[layer], self._values[layer]
        assert keys is not None
        assert values is not None
        self._check(self.n + 1)
        return keys.tensor, values.tensor

    def add(self, ids: Sequence[int]) -> None:
        """The tokens whose keys and values have been written to every layer."""
        self.ids += ids

    def truncate(self, n: int) -> None:
        """Keep the first `n` tokens, and no more memory than they need."""
        first, last = grown(n), min(grown(self.n), self._room)
        del self.ids[n:]
        self.marks = [mark for mark in self.marks if mark <= n]
        for part in (*self._keys, *self._values):
            if part is not None:
                part.cut(first, last)

    def _append(self, parts: list[_Part | None], layer: int, new: torch.Tensor) -> torch.Tensor:
        heads, count, size = new.shape
        end = self.n + count
        self._check(end)
        part = parts[layer]
        if part is None:
            memory = lazy_memory(heads * self._room * size * new.itemsize)
            part = parts[layer] = _Part(memory, torch.frombuffer(memory, dtype=new.dtype).view(heads, self._room, size))
        part.tensor[:, self.n : end] = new
        return part.tensor[:, :end]

    def _check(self, tokens: int) -> None:
        if tokens > self._room:
            raise ValueError(f"{tokens} tokens do not fit into a cache of {self._room}")
