"""The energy that answers take, where Linux says what the processor's packages use (RAPL).

At each moment it is shared equally among the answers that this process generates; idle power is included.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from arena.types import Chunk
from backends.machine import memory
from backends.machine.memory import read_text

# A counter starts again from 0 after some minutes at full power.
_LONGEST_SECONDS = 5.0
# No package takes more; the clock may be late by so much.
_MOST_WATTS, _CLOCK_SECONDS = 1000.0, 0.1


class Meter:
    """Reads the counters of all packages. Thread-safe; it never raises."""

    def __init__(self) -> None:
        self._packages = _packages()
        self._counts: list[int] | None = None
        self._read_at = 0.0
        self._failures = 0
        self._running = 0
        # The joules of an answer that had been generated all along.
        self._joules = 0.0
        # Protects all of the above that changes.
        self._lock = threading.Lock()

    @contextmanager
    def measure(self) -> Iterator[Callable[[], float | None]]:
        """Measures one answer in the block; the function gives its joules so far, None if a counter cannot be read."""
        with self._lock:
            self._advance()
            self._running += 1
            failures, begin, is_known = self._failures, self._joules, self._counts is not None

        def joules() -> float | None:
            with self._lock:
                self._advance()
                return self._joules - begin if is_known and self._failures == failures else None

        try:
            yield joules
        finally:
            with self._lock:
                self._advance()
                self._running -= 1

    def counted(self, chunks: Generator[Chunk]) -> Iterator[Chunk]:
        """The chunks of one answer, the last one with the joules that it took."""
        with self.measure() as joules, closing(chunks):
            for chunk in chunks:
                if chunk.finish_reason and chunk.usage:
                    yield replace(chunk, usage=replace(chunk.usage, joules=joules()))
                    continue
                if time.monotonic() - self._read_at > _LONGEST_SECONDS:
                    with self._lock:
                        self._advance()
                yield chunk

    def _advance(self) -> None:
        before, self._read_at = self._read_at, time.monotonic()
        if not self._packages:
            return
        texts = [read_text(path).strip() for path, _ in self._packages]
        counts = [int(text) for text in texts] if all(text.isdecimal() for text in texts) else None
        if counts is None:
            self._failures += 1
        elif self._counts is not None and self._running:
            ends = zip(counts, self._counts, self._packages, strict=True)
            joules = sum((count - last) % limit for count, last, (_, limit) in ends) / 1e6
            self._joules += joules / self._running
            # After a machine was suspended, a counter may begin anew at any number.
            self._failures += joules > _MOST_WATTS * len(counts) * (self._read_at - before + _CLOCK_SECONDS)
        self._counts = counts


def _packages() -> list[tuple[Path, int]]:
    """The counter of each package in microjoules, and where it starts again; none unless all can be read.

    Cores, memory and the whole platform (psys) have counters too, for parts of the same energy or for more than that.
    """
    packages = []
    for folder in sorted((memory.ROOT / "sys/class/powercap").glob("intel-rapl:*")):
        if read_text(folder / "name").startswith("package-"):
            limit = read_text(folder / "max_energy_range_uj").strip()
            if not (limit.isdecimal() and int(limit) and read_text(folder / "energy_uj").strip().isdecimal()):
                return []
            packages.append((folder / "energy_uj", int(limit)))
    return packages
