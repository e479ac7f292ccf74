"""Counts the votes of a data folder that are not backed up yet."""

import io
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from arena.append_log import MOST_PARTS, list_parts, part_number, size_of
from arena.errors import ArenaError
from arena.votes.records import FIRST_PART, cut_records, whole_blocks

_BLOCK = 1 << 20  # bytes read at once; a row is rarely longer


@dataclass(frozen=True)
class BackupStatus:
    """The state of the backup.

    `place` is the destination, "" if there is none; `waiting` the number of votes that are not there yet; `problem` why
    the last copy failed, None if it succeeded; `time` when a copy last succeeded, Unix seconds, 0 if never.
    """

    place: str = ""
    waiting: int = 0
    problem: ArenaError | None = None
    time: float = 0.0


def own_parts(folder: Path, name: str = FIRST_PART) -> list[Path]:
    """The parts that processes on this folder wrote, without those restored from a backup."""
    return [part for part in list_parts(folder, name) if part_number(part.name, name) <= MOST_PARTS]


class Waiting:
    """Counts the votes in a folder's own parts that are not backed up yet. Each row is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Protects the three below: the page and the backup use threads of their own.
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._safe: dict[str, int] = {}

    def __call__(self) -> int:
        """The number of votes now, as far as they can be read."""
        with self._lock:
            return sum(self._count(part) - self._safe.get(part.name, 0) for part in own_parts(self._folder))

    def counts(self) -> dict[str, int]:
        """The number of votes in each part now, for `mark` once they are backed up."""
        with self._lock:
            return {part.name: self._count(part) for part in own_parts(self._folder)}

    def mark(self, counts: Mapping[str, int]) -> None:
        """Notes that the first votes of each part, as many as given, are backed up."""
        with self._lock:
            for name, count in counts.items():
                self._safe[name] = max(count, self._safe.get(name, 0))

    def _count(self, part: Path) -> int:
        name = part.name
        # The page is shown even if its votes cannot be counted.
        with suppress(OSError), part.open("rb") as file:
            for block in whole_blocks(file, self._ends.get(name, 0), size_of(part), _BLOCK):
                self._counts[name] = self._counts.get(name, 0) + sum(1 for _ in cut_records(io.BytesIO(block)))
                self._ends[name] = self._ends.get(name, 0) + len(block)
        return max(self._counts.get(name, 0) - 1, 0)  # the header is not a vote
