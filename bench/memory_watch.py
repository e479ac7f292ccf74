"""The most memory that this process takes while it is watched. Knows nothing of what it does."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from backends.machine.memory import process_bytes

SECONDS = 0.05


@dataclass(frozen=True)
class Peak:
    """The most memory of a process: all that was resident, and what of it no file backs."""

    resident_bytes: int
    own_bytes: int


class MemoryWatch:
    """Looks every 50 ms, since the system keeps the peak of all memory but not of what no file backs."""

    def __init__(self) -> None:
        self._own = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> Peak:
        """The peaks so far; it looks no more."""
        self._ended.set()
        self._thread.join()
        self._look()
        return Peak(process_bytes("VmHWM") or 0, self._own)

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS):
            self._look()

    def _look(self) -> None:
        # Not VmRSS as a whole: pages of the mapped weights belong to the system, which may take them back.
        self._own = max(self._own, (process_bytes("RssAnon") or 0) + (process_bytes("RssShmem") or 0))
