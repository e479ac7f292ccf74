"""Keys and values kept from turn to turn under a budget. Knows no model, and no thread but the one that calls it.

What is used again: if the new prompt goes on where the last prompt of a cache ended (that whole prompt, then more), all
that both have in common, but for the last id, which must be read to be answered. Otherwise only up to a mark, a place
where a prompt began to be read: a turn that is asked once more is then read from the same place in the same pieces, and
gives with the same seed bitwise the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.stepping.cache import TokenCache


class CachePool:
    """The caches of one model. Those that run have reserved their bytes; the idle ones have what is left."""

    def __init__(self, budget: int, make: Callable[[], TokenCache]) -> None:
        self._budget = budget
        self._make = make
        self._reserved = 0
        # The one used last is the last.
        self._idle: list[TokenCache] = []

    @property
    def bytes(self) -> int:
        """What the idle ones take and the running ones have reserved."""
        return self._reserved + sum(cache.bytes for cache in self._idle)

    def take(self, ids: Sequence[int], amount: int) -> TokenCache:
        """A cache for a conversation that needs `amount` bytes; what it holds already need not be read again."""
        usable, cache = 0, None
        for idle in self._idle:
            # Of equal ones the last used.
            if (found := reusable(idle, ids)) and found >= usable:
                usable, cache = found, idle
        if cache is None:
            cache = self._make()
        else:
            self._idle.remove(cache)
            cache.truncate(usable)
        cache.prompt = tuple(ids)
        if usable not in cache.marks:
            cache.marks.append(usable)
        self._reserved += amount
        self._make_room()
        return cache

    def give_back(self, cache: TokenCache, amount: int, keep: bool = True) -> None:
        """The conversation has ended; its cache is kept for the next turn unless it came to grief."""
        self._reserved -= amount
        if keep and cache.n:
            self._idle.append(cache)
        self._make_room()

    def clear(self) -> None:
        """Forget the idle ones."""
        self._idle.clear()

    def _make_room(self) -> None:
        while self._idle and self.bytes > self._budget:
            del self._idle[0]


def reusable(cache: TokenCache, ids: Sequence[int]) -> int:
    """How many tokens of the cache a prompt may use; see above."""
    most = min(_common(cache.ids, ids), len(ids) - 1)
    before = cache.prompt
    if len(ids) > len(before) and tuple(ids[: len(before)]) == before:
        return most
    return max((mark for mark in cache.marks if mark <= most), default=0)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
