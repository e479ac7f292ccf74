"""The counts of all votes on disk, read anew only when something was added. Knows no page."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.statistics import Counter, Counts
from arena.votes.reading import Signature, read_votes, signature
from arena.votes.withdrawn import withdrawn_votes


@dataclass(frozen=True)
class Results:
    """The votes counted: `all` of them, those of each room by its code, and how many rows could not be read."""

    all: Counts
    unreadable: int
    rooms: Mapping[str, Counts]

    def of_room(self, code: str) -> Counts:
        """The votes given in a room."""
        return self.rooms.get(code, Counts())


class VoteCounts:
    """Counts the votes of a data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[Signature, Results] | None = None
        # Protects _known, and keeps two readers from counting the same files at once.
        self._lock = threading.Lock()

    def __call__(self) -> Results:
        """The results now. Raises OSError if a part cannot be read."""
        with self._lock:
            # Taken before the reading: votes that come meanwhile make it look old, never new.
            now = (*signature(self._folder), *signature(self._folder, EVENTS))
            if self._known is None or self._known[0] != now:
                self._known = (now, _count(self._folder))
            return self._known[1]


def _count(folder: Path) -> Results:
    votes = read_votes(folder, withdrawn=withdrawn_votes(folder))
    overall, rooms = Counter(), defaultdict[str, Counter](Counter)
    for vote in votes:
        overall.add(vote)
        if vote.room:
            rooms[vote.room].add(vote)
    by_room = {code: counter.counts for code, counter in rooms.items()}
    return Results(overall.counts, len(votes.report.unreadable), by_room)
