"""Keys, values and states of conversations, reused from turn to turn within a memory budget."""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from backends.machine.pages import give_back, lazy_memory
from backends.stepping import MARKS, grown
from backends.streaming.context import common_length

# By layer, the tensors of float32 that a layer without keys and values changes in place with every token.
States = dict[int, tuple[torch.Tensor, ...]]


@dataclass(frozen=True)
class _Part:
    """Keys or values of one layer, [heads, room, size], in lazy memory: only what is written takes memory."""

    memory: mmap.mmap
    tensor: torch.Tensor

    def bytes(self, tokens: int) -> int:
        heads, room, size = self.tensor.shape
        return int(heads * min(grown(tokens), room) * size * self.tensor.itemsize)

    def cut(self, first: int, last: int) -> None:
        """Frees the tokens from `first` to `last`, in every head."""
        heads, room, size = self.tensor.shape
        token = size * self.tensor.itemsize
        for head in range(heads):
            give_back(self.memory, (head * room + first) * token, (head * room + last) * token)


class TokenCache:
    """For each attention layer keys and values [heads, room, size], of which the first `n` tokens are filled.

    `room` is the most tokens it can hold. `ids` are the tokens in it, `prompt` is the last prompt read into it, and
    `marks` are the places that it can be truncated to, each with a copy of the states there. Without states it can be
    truncated anywhere, and the marks are the places where the reading of a prompt began.
    """

    def __init__(self, room: int) -> None:
        self.ids: list[int] = []
        self.prompt: tuple[int, ...] = ()
        self.marks: dict[int, States] = {}
        self.states: States = {}
        self._room = room
        # By layer and name.
        self._parts: dict[tuple[int, str], _Part] = {}

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def bytes(self) -> int:
        """The memory it takes, in steps."""
        states = sum(_bytes(states) for states in (self.states, *self.marks.values()))
        return states + sum(part.bytes(self.n) for part in self._parts.values())

    def mark(self) -> None:
        """Makes this place a mark. Of a model with states the last MARKS are kept, since each has a copy of them."""
        if self.n not in self.marks:
            self.marks[self.n] = _copied(self.states)
        if self.states:
            self.marks = dict(sorted(self.marks.items())[-MARKS:])

    def state(self, layer: int, *shapes: Sequence[int]) -> tuple[torch.Tensor, ...]:
        """The state of a layer, zeros at the start, for the layer to change in place."""
        if layer not in self.states:
            self.states[layer] = tuple(torch.zeros(*shape) for shape in shapes)
        return self.states[layer]

    def write(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Appends [heads, new tokens, size] to one layer; returns all keys and values [heads, tokens, size].

        They count once every layer has them and their ids are appended to `ids`.
        """
        return self._append((layer, "keys"), keys), self._append((layer, "values"), values)

    def places(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values [heads, room, size] of a layer that is not empty, with room for another token at `n`.

        The caller writes that token in every layer and then appends its id to `ids`.
        """
        self._check(self.n + 1)
        return self._parts[layer, "keys"].tensor, self._parts[layer, "values"].tensor

    def truncate(self, n: int) -> None:
        """Keeps the first `n` tokens and frees the memory of the others. With states `n` is 0, a mark, or the end."""
        first, last = grown(n), min(grown(self.n), self._room)
        if n < self.n and self.states:
            self.states = _copied(self.marks[n]) if n else {}
        del self.ids[n:]
        self.marks = {place: states for place, states in self.marks.items() if place <= n}
        for part in self._parts.values():
            part.cut(first, last)

    def _append(self, place: tuple[int, str], new: torch.Tensor) -> torch.Tensor:
        heads, count, size = new.shape
        end = self.n + count
        self._check(end)
        if place not in self._parts:
            memory = lazy_memory(heads * self._room * size * new.itemsize)
            tensor = torch.frombuffer(memory, dtype=new.dtype).view(heads, self._room, size)
            self._parts[place] = _Part(memory, tensor)
        tensor = self._parts[place].tensor
        tensor[:, self.n : end] = new
        return tensor[:, :end]

    def _check(self, tokens: int) -> None:
        if tokens > self._room:
            raise ValueError(f"{tokens} tokens do not fit into a cache of {self._room}")


class CachePool:
    """The caches of one model, each with `room` tokens. Running ones reserve their bytes; idle ones share what is left.

    Not thread-safe: only the computing thread uses it.
    """

    def __init__(self, budget: int, room: int) -> None:
        self._budget = budget
        self._room = room
        self._reserved = 0
        # The most recently used is last.
        self._idle: list[TokenCache] = []

    @property
    def bytes(self) -> int:
        """The bytes that idle caches take and running conversations have reserved."""
        return self._reserved + sum(cache.bytes for cache in self._idle)

    def take(self, ids: Sequence[int], amount: int) -> TokenCache:
        """A cache for a conversation that needs `amount` bytes; the tokens in it need not be read again."""
        usable, cache = 0, None
        for idle in self._idle:
            # Of equal ones the most recently used.
            if (length := reusable(idle, ids)) and length >= usable:
                usable, cache = length, idle
        if cache is None:
            cache = TokenCache(self._room)
        else:
            self._idle.remove(cache)
            cache.truncate(usable)
        cache.prompt = tuple(ids)
        cache.mark()
        self._reserved += amount
        self._evict()
        return cache

    def give_back(self, cache: TokenCache, amount: int, keep: bool = True) -> None:
        """Returns the cache of a conversation that has ended; with `keep` it stays for the next turn."""
        self._reserved -= amount
        if keep and cache.n:
            self._idle.append(cache)
        self._evict()

    def clear(self) -> None:
        self._idle.clear()

    def _evict(self) -> None:
        while self._idle and self.bytes > self._budget:
            del self._idle[0]


def reusable(cache: TokenCache, ids: Sequence[int]) -> int:
    """How many tokens of the cache a prompt may reuse.

    If the prompt continues the cache's last prompt: all tokens in common, but for the prompt's last id, which must be
    read to be answered; with states, only if these are all tokens of the cache. Otherwise only the tokens up to a
    mark: a repeated turn is then read from the same place in the same chunks, and gives bitwise the same answer with
    the same seed.
    """
    most = min(common_length(cache.ids, ids), len(ids) - 1)
    before = cache.prompt
    continues = len(ids) > len(before) and tuple(ids[: len(before)]) == before
    if continues and (most == cache.n or not cache.states):
        return most
    return max((mark for mark in cache.marks if mark <= most), default=0)


def _copied(states: States) -> States:
    return {layer: tuple(part.clone() for part in parts) for layer, parts in states.items()}


def _bytes(states: States) -> int:
    return sum(part.nbytes for parts in states.values() for part in parts)
