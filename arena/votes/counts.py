"""The counts of all votes on disk, read anew only when something was added. Knows no page."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from arena.events import FIRST_PART as EVENTS
from arena.statistics import PairCount, count_votes
from arena.votes.reading import Signature, read_votes, signature
from arena.votes.withdrawn import withdrawn_votes


@dataclass(frozen=True)
class Results:
    """The votes counted by pair, and how many rows could not be read."""

    pairs: tuple[PairCount, ...]
    unreadable: int


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
                votes = read_votes(self._folder, withdrawn=withdrawn_votes(self._folder))
                pairs = count_votes(votes)
                self._known = (now, Results(pairs, len(votes.report.unreadable)))
            return self._known[1]
