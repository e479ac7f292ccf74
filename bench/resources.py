"""Memory, page cache and disk space as measurements see them."""

import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from arena.errors import BackendError, os_error_as
from backends.folder import check_room
from backends.machine.memory import available_bytes, process_bytes

_WATCH_SECONDS = 0.05


class MemoryWatch:
    """Samples this process's memory, since the system keeps no peak of what is not backed by a file."""

    def __init__(self) -> None:
        self.own_bytes = 0  # the peak so far of what is not backed by a file
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> dict[str, int]:
        """Stops sampling; returns the peak of all resident memory, and of the part that is not backed by a file."""
        self._ended.set()
        self._thread.join()
        self._sample()
        return {"peak_bytes": process_bytes("VmHWM") or 0, "own_peak_bytes": self.own_bytes}

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
        message = f"{what} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB is free."
        raise BackendError("bench_failed", message)


def check_disk(folder: Path, needed: int) -> None:
    """Creates the folder. Raises InputError if `needed` bytes do not fit there, BackendError if it is not writable."""
    with os_error_as("bench_failed", f"{folder} cannot be written", BackendError):
        folder.mkdir(parents=True, exist_ok=True)
    check_room("bench_room", folder, needed, " (--work names another folder)")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to; what is there gets the name `path` at the end of the block, and is deleted after an error.

    An OSError in the block becomes a BackendError.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with os_error_as("bench_failed", f"{path} cannot be written", BackendError):
            yield part
            part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)


def cached_share(files: Sequence[Path]) -> float | None:
    """The share (0 to 1) of the files that is in the page cache; None without the system's `fincore`."""
    command = ["fincore", "--bytes", "--noheadings", "--output", "RES,SIZE", *map(str, files)]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    numbers = [int(number) for line in listed for number in line.split()]
    # Cached pages are counted as a whole.
    return min(1.0, sum(numbers[::2]) / sum(numbers[1::2]))
