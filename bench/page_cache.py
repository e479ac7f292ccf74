"""How much of a file the system holds in memory already. Linux only; knows no model."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def cached_share(files: Sequence[Path]) -> float | None:
    """The share of all their pages, 0 to 1; None where the system does not say. Reads nothing of them."""
    try:
        counts = [_pages(file) for file in files]
    except (OSError, AttributeError, ValueError):
        return None
    total = sum(pages for _, pages in counts)
    return sum(cached for cached, _ in counts) / total if total else None


def word_for(share: float | None) -> str:
    """What a person calls it."""
    if share is None:
        return "unknown"
    return "warm" if share > 0.95 else "cold" if share < 0.05 else f"{share:.0%} cached"


def _pages(file: Path) -> tuple[int, int]:
    """Pages of it in memory, and in all."""
    mapped = np.memmap(file, np.uint8, "r")
    pages = -(-mapped.size // mmap.PAGESIZE)
    found = np.zeros(pages, np.uint8)
    arguments = (ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.size), ctypes.c_void_p(found.ctypes.data))
    if ctypes.CDLL(None, use_errno=True).mincore(*arguments):
        raise OSError(ctypes.get_errno(), "mincore")
    return int((found & 1).sum()), pages
