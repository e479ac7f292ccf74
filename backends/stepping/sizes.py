"""The sizes that the transformers runtime goes by. Knows no torch, so that the memory check can ask without it."""

from __future__ import annotations

# A prompt is read in pieces of so many tokens, so that Stop and the others are never more than a piece away.
PIECE = 512
# Conversations in one step; more wait in a queue that is shown.
ROWS = 8
# Room for keys and values grows by so many tokens.
GROWTH = 256
_PLENTY = 1_000_000_000


def grown(tokens: int) -> int:
    """Tokens that a cache of `tokens` has room for."""
    return -(-tokens // GROWTH) * GROWTH


def cache_budget(full: int) -> int:
    """Bytes for keys and values of all conversations, where one that fills the context takes `full`.

    One full context, since it may be asked for; up to a gigabyte as many as may run at once.
    """
    return max(full, min(ROWS * full, _PLENTY))
