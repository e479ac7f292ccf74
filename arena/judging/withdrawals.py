"""Withdraws votes, all of a rater or one that another replaces, and lets excluded raters count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from arena.errors import InputError, os_error_as
from arena.events import INCLUDED, WITHDRAWN, Events
from arena.text import typed_code
from arena.types import Vote
from arena.votes.store import VoteStore
from arena.votes.table import Table, hashed


@dataclass(frozen=True)
class Withdrawals:
    """Withdraws all votes of a rater.

    `code_of` returns the code on a judge's receipts; `count_try` raises for an address that has tried too many codes.
    """

    store: VoteStore
    events: Events
    code_of: Callable[[str], str]
    count_try: Callable[[str], None]

    def withdraw(self, code: str, address: str = "") -> int:
        """Withdraws the votes of the rater with this code on their receipts; returns how many, once it is on disk.

        Raises InputError for a code that is on no receipt, for too many tries, and if the log cannot be written.
        """
        self.count_try(address)
        code_of = cache(self.code_of)
        typed = typed_code(code)
        return self._withdraw(self._votes(lambda judge: code_of(judge) == typed))

    def count(self, judge: str) -> int:
        """The number of votes of a rater that are not withdrawn."""
        return len(self._votes(lambda other: other == judge))

    def withdraw_judge(self, judge: str) -> int:
        """Withdraws all votes of a rater without their code: for the host. Raises InputError as `withdraw` does."""
        return self._withdraw(self._votes(lambda other: other == judge))

    def withdraw_others(self, vote: Vote) -> None:
        """Withdraws the rater's other votes on the battle, which this one replaces: the one that was changed, and one
        without a receipt that a crash has left between them. Raises InputError as `withdraw` does.
        """
        table = self.store.refresh().every_row
        is_other = (table["battle"] == hashed([vote.battle.id])) & (table["vote"] != hashed([vote.id]))
        if others := self._ids(table.where(is_other & table.is_named("judge", vote.judge))):
            self._withdraw(others)

    def include(self, key: str, counts: bool) -> None:
        """Lets an excluded rater or crowd count, or not any more: for the host. Raises InputError if that fails."""
        with os_error_as("include_unwritable", "NOT saved"):
            self.events.append(INCLUDED, durable=True, key=key, counts=counts)

    def is_withdrawn(self, vote: Vote) -> bool:
        """Whether the vote does not count any more. Raises InputError if the log cannot be read."""
        return vote.id in self.store.refresh().marks.withdrawn

    def _votes(self, is_wanted: Callable[[str], bool]) -> list[str]:
        """The ids of all votes, including second votes, which would count once the first are withdrawn."""
        table = self.store.refresh().every_row
        judges = [code for code, judge in enumerate(table.names["judge"]) if judge and is_wanted(judge)]
        return self._ids(table.where(np.isin(table["judge"], judges)))

    def _ids(self, rows: Table) -> list[str]:
        """The ids of the votes in these rows that are not withdrawn."""
        ids = dict.fromkeys(stored.row.get("vote_id", "") for stored in self.store.stored(rows))
        withdrawn = self.store.refresh().marks.withdrawn
        return [vote for vote in ids if vote and vote not in withdrawn]

    def _withdraw(self, votes: Sequence[str]) -> int:
        if not votes:
            raise InputError("withdraw_unknown", "No receipt has this code.")
        with os_error_as("withdraw_unwritable", "The votes were NOT withdrawn"):
            for vote_id in votes:
                self.events.append(WITHDRAWN, durable=True, vote=vote_id)
        return len(votes)
