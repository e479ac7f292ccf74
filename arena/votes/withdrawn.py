"""Which votes their raters have withdrawn: the log keeps the rows, readers and exports leave them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.events import Event, parse_event
from arena.votes.parts import list_parts

WITHDRAWN = "withdrawn"
_MARK = f'"{WITHDRAWN}"'.encode()


def withdrawn_votes(folder: Path) -> frozenset[str]:
    """The ids of all votes of the data folder that were withdrawn."""
    return WithdrawnVotes(folder)()


def withdrawn_beside(logs: Iterable[Path]) -> frozenset[str]:
    """The same of all folders that the logs lie in."""
    return frozenset[str]().union(*(withdrawn_votes(folder) for folder in {log.parent for log in logs}))


class WithdrawnVotes:
    """The ids of the votes that were withdrawn, read on from where the last look ended. Not safe from several threads.

    A log of events is only ever added to: most of it tells of other things and is not looked at twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: dict[Path, int] = {}
        self._found: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """All of them now. Raises OSError if a part cannot be read."""
        new = [event for part in list_parts(self._folder, EVENTS) for event in self._new_events(part)]
        if new:
            self._found |= {str(event.about.get("vote")) for event in new if event.kind == WITHDRAWN}
        return self._found

    def _new_events(self, part: Path) -> Iterator[Event]:
        with part.open("rb") as file:
            file.seek(self._ends.get(part, 0))
            for line in file:
                if not line.endswith(b"\n"):  # being written
                    break
                self._ends[part] = self._ends.get(part, 0) + len(line)
                if _MARK in line and (event := parse_event(line)):
                    yield event
