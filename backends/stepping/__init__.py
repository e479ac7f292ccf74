"""Computes the answers of several conversations at once, one step at a time; here the sizes that memory depends on.

Imports no torch, so that the memory check can use the sizes without it.
"""

# A prompt is read in chunks of this many tokens, so that Stop and other conversations wait for one chunk at most.
PREFILL_CHUNK = 512
# Conversations in one step; more wait in a queue.
ROWS = 8
# Memory for keys and values grows in steps of this many tokens.
GROWTH = 256
_PLENTY = 1_000_000_000


def grown(tokens: int) -> int:
    """The tokens that a cache of `tokens` takes memory for."""
    return -(-tokens // GROWTH) * GROWTH


def cache_budget(full: int) -> int:
    """Bytes for the keys and values of all conversations, if one that fills the context takes `full`.

    At least one full context, which a single request may need; up to a gigabyte as many as run at once.
    """
    return max(full, min(ROWS * full, _PLENTY))
