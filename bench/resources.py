"""Memory, page cache and disk space as measurements see them, and the random prompts that all of them use."""

from __future__ import annotations

import ctypes
import mmap
import random
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arena.errors import BackendError, InputError
from backends.machine.memory import available_bytes, process_bytes
from bench.probe import Figures

# Ids of ordinary text in both vocabularies; bytes and control tokens are outside this range.
LOWEST_ID, HIGHEST_ID = 300, 60_000
# To be left free on the disk.
SPARE_BYTES = 512 * 1024**2
_WATCH_SECONDS = 0.05


def random_ids(length: int, seed: int, below: int = HIGHEST_ID) -> list[int]:
    """A prompt of token ids, the same for the same seed."""
    draw = random.Random(seed)
    return [draw.randrange(LOWEST_ID, min(below, HIGHEST_ID)) for _ in range(length)]


class MemoryWatch:
    """Samples this process's memory, since the system keeps no peak of what is not backed by a file."""

    def __init__(self) -> None:
        self.own_bytes = 0  # the peak so far of what is not backed by a file
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> Figures:
        """Stops sampling. The peak of all resident memory, and of the part that is not backed by a file."""
        self._ended.set()
        self._thread.join()
        self._sample()
        return {"resident_bytes": process_bytes("VmHWM") or 0, "own_bytes": self.own_bytes}

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self._sample()

    def _sample(self) -> None:
        # Pages of mapped weights belong to the system, which may take them back: they do not count here.
        self.own_bytes = max(self.own_bytes, (process_bytes("RssAnon") or 0) + (process_bytes("RssShmem") or 0))


def check_memory(what: str, needed: int) -> None:
    """Raises BackendError if less than `needed` bytes of memory are free."""
    free = available_bytes()
    if free is not None and needed > free:
        figures = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB is free"
        raise BackendError("bench_failed", f"{what} needs {figures}.")


def check_disk(folder: Path, needed: int) -> None:
    """Creates the folder. Raises InputError if `needed` bytes do not fit there, BackendError if it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError("bench_failed", f"{folder} cannot be written: {error.strerror}.") from error
    needed, free = needed + SPARE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        message = f"Not enough space in {folder}: {needed:,} bytes are needed, {free:,} are free. Use another --work."
        raise InputError("bench_room", message, needed=needed, free=free)


def cached_share(files: Sequence[Path]) -> float | None:
    """The share (0 to 1) of the files' pages in the page cache; None where the system does not say."""
    try:
        counts = [_pages(file) for file in files]
    except (OSError, AttributeError, ValueError):
        return None
    total = sum(pages for _, pages in counts)
    return sum(cached for cached, _ in counts) / total if total else None


def _pages(file: Path) -> tuple[int, int]:
    """The file's pages in memory, and all of them."""
    mapped = np.memmap(file, np.uint8, "r")
    pages = -(-mapped.size // mmap.PAGESIZE)
    flags = np.zeros(pages, np.uint8)
    arguments = (ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.size), ctypes.c_void_p(flags.ctypes.data))
    if ctypes.CDLL(None, use_errno=True).mincore(*arguments):
        raise OSError(ctypes.get_errno(), "mincore")
    return int((flags & 1).sum()), pages
