"""Votes that their raters took back: the log keeps their rows, readers and exports leave them out.

Knows no rater but by what the log holds of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from arena.errors import InputError
from arena.events import Events, read_events
from arena.votes.reading import read_votes

WITHDRAWN = "withdrawn"


def withdrawn_votes(folder: Path) -> frozenset[str]:
    """The ids of all votes of the data folder that were withdrawn."""
    return frozenset(str(event.about.get("vote")) for event in read_events(folder) if event.kind == WITHDRAWN)


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
        votes = read_votes(self._folder, withdrawn=withdrawn_votes(self._folder))
        found = [vote.id for vote in votes if vote.judge and code_of(vote.judge) == typed]
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
