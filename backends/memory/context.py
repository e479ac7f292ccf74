"""How long a context the machine's memory holds.

By what the machine or container has, not by what is free: a model has the same context in every command, alone and
beside another one.
"""

from contextlib import suppress

from arena.errors import ArenaError
from arena.types import ModelSpec
from backends.machine.memory import limit_bytes
from backends.memory.estimate import Needs, needs_of
from backends.stepping import GROWTH

# Two models run side by side: each may take half of the memory.
_HALF = 0.5
# Beyond its half a model may take up to this share of the memory, for a context of up to _PLENTY tokens.
_MOST, _PLENTY = 0.9, 8192
# llama.cpp takes the memory of all its conversations at once, whatever their length.
_EAGER_CACHE, _EAGER_PLENTY = 0.125, 4096
# A shorter context is not offered: loading then reports how much memory is missing.
_LEAST = 1024


def held_context(spec: ModelSpec) -> int:
    """The tokens, at most `spec.context_length`, for which there is memory; all of them if the files are damaged."""
    own, memory = spec.context_length, limit_bytes()
    with suppress(ArenaError, OSError):
        needs = needs_of(spec, fresh=True)
        if needs and memory:
            return _longest(needs, own, memory, eager=spec.runtime == "llama.cpp")
    return own


def _longest(needs: Needs, own: int, memory: int, eager: bool) -> int:
    """The longest context up to `own`, a multiple of GROWTH where it is shorter."""

    def fits(tokens: int, share: float, cache_share: float) -> bool:
        need = needs(tokens)
        return need.total <= share * memory and need.cache <= cache_share * memory

    def search(most: int, share: float, cache_share: float) -> int:
        if fits(most, share, cache_share):
            return most
        low, high = 0, -(-most // GROWTH)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle * GROWTH, share, cache_share) else (low, middle)
        return low * GROWTH

    plenty = min(own, _EAGER_PLENTY if eager else _PLENTY)
    half = search(own, _HALF, _EAGER_CACHE if eager else 1)
    return half if half >= plenty else max(half, search(plenty, _MOST, 1), min(own, _LEAST))
