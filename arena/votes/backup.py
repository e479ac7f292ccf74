"""How much of the log of votes is somewhere else as well. Knows no hub."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from arena.errors import ArenaError
from arena.votes.claims import MOST_PARTS
from arena.votes.parts import FIRST_PART, cut_records, list_parts, part_number, whole_records

_BLOCK = 1 << 20  # bytes read at once; a row is rarely longer


@dataclass(frozen=True)
class BackupStatus:
    """`place` is where votes are copied to, "" if nowhere; `waiting` how many have not been; `problem` why not, None
    where the last copy succeeded; `time` when one last did, Unix seconds, 0 if never."""

    place: str = ""
    waiting: int = 0
    problem: ArenaError | None = None
    time: float = 0.0


def own_parts(folder: Path, name: str = FIRST_PART) -> list[Path]:
    """The parts that processes on this folder wrote, without those that were brought here."""
    return [part for part in list_parts(folder, name) if part_number(part.name, name) <= MOST_PARTS]


class Waiting:
    """Counts the votes of a folder's own parts that came after what is safe, reading each row once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Protects the three below: page and backup ask from threads of their own.
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._safe: dict[str, int] = {}

    def __call__(self) -> int:
        """How many now, as far as they can be read."""
        with self._lock:
            return sum(self._read_on(part) - self._safe.get(part.name, 0) for part in own_parts(self._folder))

    def all_safe(self) -> dict[str, int]:
        """Whatever there is now is about to be copied: what to give to `mark` when it has been."""
        with self._lock:
            return {part.name: self._read_on(part) for part in own_parts(self._folder)}

    def mark(self, counts: Mapping[str, int]) -> None:
        """That many votes of each part, from its beginning, are somewhere else as well."""
        with self._lock:
            for name, count in counts.items():
                self._safe[name] = max(count, self._safe.get(name, 0))

    def _read_on(self, part: Path) -> int:
        # A page is shown whether its votes can be counted or not.
        with suppress(OSError), part.open("rb") as file:
            end = self._ends.get(part.name, 0)
            file.seek(end)
            for rows, size in _rows_in(iter(lambda: file.read(_BLOCK), b"")):
                # The header is no vote.
                self._counts[part.name] = self._counts.get(part.name, -1) + rows
                end += size
            self._ends[part.name] = end
        return max(self._counts.get(part.name, 0), 0)


def _rows_in(blocks: Iterator[bytes]) -> Iterator[tuple[int, int]]:
    """Whole records and their bytes, block by block; what a block leaves over goes into the next."""
    rest = b""
    for block in blocks:
        held = rest + block
        whole = whole_records(held)
        yield sum(1 for _ in cut_records(held[:whole].splitlines(keepends=True))), whole
        rest = held[whole:]
