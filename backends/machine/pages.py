"""Pages of memory: large ones where the system has them, and those of files given back. Knows no model."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_MAPS = Path("/proc/self/maps")


def ask_large(mapped: mmap.mmap) -> None:
    """Have a mapping that nobody has accessed yet get pages of 2 MB. Where there are none, small ones hold the same."""
    with suppress(AttributeError, OSError):
        mapped.madvise(mmap.MADV_HUGEPAGE)


def large_memory(size: int) -> mmap.mmap:
    """So many bytes in large pages: quicker to get and to read. It goes back to the system with the last reference."""
    # Shared memory, the default, has small ones.
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    ask_large(memory)
    return memory


def lazy_memory(size: int) -> mmap.mmap:
    """So many bytes of which only those count that have been written to."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return mmap.mmap(-1, size, flags=flags)


def give_back(memory: mmap.mmap, start: int, end: int) -> None:
    """Let go of what was written to whole pages between two places of lazy memory; it is zeros again."""
    first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
    if first < last:
        with suppress(AttributeError, OSError):
            memory.madvise(mmap.MADV_DONTNEED, first, last - first)


def return_freed() -> None:
    """Give memory that was freed back to the system, where the C library would keep it for later."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))


def release(tensor: Any, files: Sequence[Path]) -> None:
    """Drop the pages of a tensor that is mapped from one of `files`; what still uses them reads them anew.

    Does nothing for memory that is no mapped file (its contents would be lost), or where maps cannot be read.
    """
    start = tensor.data_ptr()
    end = start + tensor.numel() * tensor.element_size()
    page = mmap.PAGESIZE
    first, last = -(-start // page) * page, end // page * page
    if first < last and hasattr(mmap, "MADV_DONTNEED") and _is_mapped(first, last, files):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), mmap.MADV_DONTNEED)


def forget(file: IO[bytes]) -> None:
    """Write a file to the disk and keep none of it in memory, so that a mapping of it begins anew, in large pages."""
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _is_mapped(start: int, end: int, files: Sequence[Path]) -> bool:
    """Whether a range of addresses lies in one mapping of one of `files`."""
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    names = {str(file.resolve()) for file in files}
    for line in lines:
        where, *_, name = line.split(maxsplit=5)
        low, high = (int(address, 16) for address in where.split("-"))
        if low <= start and end <= high:
            return name in names
    return False
