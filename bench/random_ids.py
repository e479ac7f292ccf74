"""Random token ids and the number of threads: what every measurement needs alike. Knows no engine."""

from __future__ import annotations

import os
import random

# Ids of ordinary text in both vocabularies: bytes and marks lie outside.
LOWEST_ID, HIGHEST_ID = 300, 60_000


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def random_ids(length: int, seed: int, below: int = HIGHEST_ID) -> list[int]:
    """A prompt of ids drawn from 300 up to `below`, the same for the same seed."""
    draw = random.Random(seed)
    return [draw.randrange(LOWEST_ID, min(below, HIGHEST_ID)) for _ in range(length)]
