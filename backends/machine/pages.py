"""Pages of memory: maps large pages, and returns pages to the system."""

import ctypes
import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_MAPS = Path("/proc/self/maps")


def ask_large(mapped: mmap.mmap) -> None:
    """Asks for 2 MB pages, which are faster to read, for a mapping that has not been accessed yet."""
    with suppress(AttributeError, OSError):
        mapped.madvise(mmap.MADV_HUGEPAGE)


def lazy_memory(size: int) -> mmap.mmap:
    """`size` bytes of which only the pages that are written take memory."""
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return mmap.mmap(-1, size)  # Windows counts all of it at once, but keeps no memory for it until it is written.
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0))


def give_back(memory: mmap.mmap, start: int, end: int) -> None:
    """Frees the whole pages between two offsets of lazy memory; they read as zeros again."""
    first, last = _whole_pages(start, end)
    if first < last:
        with suppress(AttributeError, OSError):
            memory.madvise(mmap.MADV_DONTNEED, first, last - first)


def return_freed() -> None:
    """Returns freed memory to the system, where the C library would keep it."""
    with suppress(AttributeError, OSError, TypeError):  # on Windows no name is no library
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))


def release(tensor: Any, files: Sequence[Path]) -> None:
    """Drops the pages of a tensor that is mapped from one of `files`; later accesses read them again.

    Does nothing for memory that is not a mapped file (its contents would be lost), or where maps cannot be read.
    """
    start = tensor.data_ptr()
    first, last = _whole_pages(start, start + tensor.numel() * tensor.element_size())
    if first < last and hasattr(mmap, "MADV_DONTNEED") and _is_mapped(first, last, files):
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), mmap.MADV_DONTNEED)


def forget(file: IO[bytes]) -> None:
    """Flushes a file to disk and drops it from the page cache, so that a later mapping can use large pages."""
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _whole_pages(start: int, end: int) -> tuple[int, int]:
    return -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE


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
