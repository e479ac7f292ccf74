"""Computes the answers of several conversations at once, one step at a time; here the sizes that memory depends on.

Imports no torch, so that the memory check can use the sizes without it.
"""

# A prompt is read in chunks of this many tokens, so that Stop and other conversations wait for one chunk at most.
PREFILL_CHUNK = 512
# Conversations in one step; more wait in a queue.
ROWS = 8
# Memory for keys and values grows in steps of this many tokens.
GROWTH = 256
# Places of a conversation to which its states can go back: where the reading of the last prompt began, and where the
# next prompt will differ.
MARKS = 2
_PLENTY = 1_000_000_000


def grown(tokens: int) -> int:
    """The tokens that a cache of `tokens` takes memory for."""
    return -(-tokens // GROWTH) * GROWTH


def conversation_bytes(tokens: int, token_bytes: int, state_bytes: int) -> int:
    """Bytes for a conversation: keys and values of its tokens, its states, and the copies of them at marks."""
    return token_bytes * grown(tokens) + (1 + MARKS) * state_bytes


def cache_budget(full: int) -> int:
    """Bytes for the caches of all conversations, if one that fills the context takes `full`.

    At least one full context, which a single request may need; up to a gigabyte as many as run at once.
    """
    return max(full, min(ROWS * full, _PLENTY))
