"""Votes that their raters took back: the log keeps their rows, readers and exports leave them out.

Knows no rater but by what the log holds of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from arena.errors import InputError
from arena.events import FIRST_PART as EVENTS
from arena.events import Event, Events, parse_event
from arena.votes.parts import list_parts
from arena.votes.reading import read_votes

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


class Withdrawals:
    """Takes back all votes of a rater.

    `code_of` makes of a judge the code that stands on the rater's receipts; `count_try` raises an error for an address
    that has tried too many codes.
    """

    def __init__(
        self, folder: Path, events: Events, code_of: Callable[[str], str], count_try: Callable[[str], None]
    ) -> None:
        self.code_of = code_of
        self._count_try = count_try
        self._folder = folder
        self._events = events

    def withdraw(self, code: str, address: str = "") -> int:
        """Take back all votes of the rater whose receipts have the code; how many. It is on disk at return.

        Raises InputError for a code that is on no receipt, for too many tries, and if the log cannot be
        written.
        """
        self._count_try(address)
        code_of = cache(self.code_of)
        typed = "".join(code.split()).upper()
        return self._take_back(self._votes(lambda judge: code_of(judge) == typed))

    def count(self, judge: str) -> int:
        """How many votes of a rater would be taken back."""
        return len(self._votes(lambda other: other == judge))

    def withdraw_judge(self, judge: str) -> int:
        """Take back all votes of a rater, without their code: for the host. Raises InputError as `withdraw`."""
        return self._take_back(self._votes(lambda other: other == judge))

    def _votes(self, wanted: Callable[[str], bool]) -> list[str]:
        votes = read_votes(self._folder, withdrawn=withdrawn_votes(self._folder))
        return [vote.id for vote in votes if vote.judge and wanted(vote.judge)]

    def _take_back(self, found: Sequence[str]) -> int:
        if not found:
            raise InputError("withdraw_unknown", "No vote has a receipt with this code.")
        try:
            for vote_id in found:
                self._events.append(WITHDRAWN, durable=True, vote=vote_id)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The votes were NOT withdrawn: {reason}."
            raise InputError("withdraw_unwritable", message, reason=reason) from error
        return len(found)
