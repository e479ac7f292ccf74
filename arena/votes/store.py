"""The votes of a log as a table that follows the log. Decides for all readers which votes count."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from arena.errors import InputError, reason
from arena.events import Marks
from arena.types import Vote
from arena.votes.imported.sources import DataFolder, ImportedFiles
from arena.votes.reader import BadRow, Progress, Reading
from arena.votes.records import StoredVote, block_votes
from arena.votes.table import Column, Table, hashed, mixed


@dataclass(frozen=True)
class ReadReport:
    """How many votes count (`rows`), and what does not.

    `duplicates` are copies, and second votes of one judge on one battle; `unreadable` rows are no votes; `unfinished`
    parts end in the middle of a row. `damaged` rows count, but without the conversations or settings that are lost.
    """

    rows: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: tuple[BadRow, ...] = ()
    damaged: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class Votes:
    """The votes that count, including repeats, and what was left out.

    `every_row` also has those that do not count; `marks` are what events say of votes; `size` is in bytes read.
    """

    table: Table
    report: ReadReport
    every_row: Table
    marks: Marks
    size: int


class VoteStore:
    """The votes of a data folder, or of files that another program may have saved."""

    def __init__(self, source: Path | ImportedFiles) -> None:
        self._source = DataFolder(source) if isinstance(source, Path) else source
        self._reading = Reading()
        self._known: tuple[object, Votes] | None = None
        # Protects _reading and _known: one thread reads on at a time.
        self._lock = threading.Lock()

    def refresh(self, progress: Progress = lambda done, total: None) -> Votes:
        """Reads what is new and returns the votes; the same object as last time if nothing is new.

        Raises InputError if a part cannot be read; what was read until then is not read again.
        """
        try:
            with self._lock:
                return self._refresh(progress)
        except OSError as error:
            name = Path(str(error.filename or "")).name
            message = f"{name or 'A file of votes'} cannot be read: {reason(error)}."
            raise InputError("votes_unreadable", message, path=name, reason=reason(error)) from error

    def _refresh(self, progress: Progress) -> Votes:
        # Read first: a vote that is withdrawn meanwhile counts until the next refresh.
        marks = self._source.marks()
        parts = self._source.parts()
        if not self._reading.follow(parts):
            self._reading = Reading()
        unfinished = self._reading.read_new(parts, progress)
        state = marks, self._reading.size, unfinished, self._reading
        if self._known is None or self._known[0] != state:
            self._known = state, _counted(self._reading, marks, unfinished)
        return self._known[1]

    def vote_on(self, battle_id: str) -> Vote | None:
        """The vote on a battle: the one that counts, if any does. None also if the votes cannot be read."""
        with suppress(InputError, OSError):
            votes = self.refresh()
            return self.vote_in(votes.table, battle_id) or self.vote_in(votes.every_row, battle_id)
        return None

    def vote_in(self, table: Table, battle_id: str) -> Vote | None:
        """The first vote on the battle in a table of this store, if any. Raises OSError."""
        rows = table.where(table["battle"] == hashed([battle_id]))
        return next((stored.vote for stored in self.stored(rows) if stored.vote.battle.id == battle_id), None)

    def has_judge(self, judge: str) -> bool:
        """Whether the log has a vote of this judge. False also if the votes cannot be read."""
        with suppress(InputError):
            return judge in self.refresh().every_row.names["judge"]
        return False

    def paths(self) -> list[Path]:
        """The files that contain the votes."""
        return self._source.files()

    def stored(self, table: Table) -> Iterator[StoredVote]:
        """The votes in the rows of a table of this store, in the order of the log. Raises OSError."""
        if not len(table):
            return
        order = np.lexsort((table["place"], table["block"]))
        blocks, starts = np.unique(table["block"][order], return_index=True)
        places = np.split(table["place"][order], starts[1:])
        for number, wanted in zip(blocks.tolist(), places, strict=True):
            block = table.blocks[number]
            with block.path.open("rb") as file:
                file.seek(block.start)
                votes = block_votes(file.read(block.length), block)
            yield from (votes[place] for place in wanted.tolist())


def _counted(reading: Reading, marks: Marks, unfinished: int) -> Votes:
    table = reading.builder.table(reading.blocks)
    left = table.where(~np.isin(table["vote"], hashed(marks.withdrawn)))
    # The first vote of each judge on each battle counts, wherever its copies and second votes are.
    is_duplicate = pd.Series(_judge_and_battle(left)).duplicated().to_numpy()
    counted = left.where(~is_duplicate)
    report = ReadReport(
        rows=len(counted),
        duplicates=int(is_duplicate.sum()),
        withdrawn=len(table) - len(left),
        unfinished=unfinished,
        unreadable=tuple(reading.bad),
        damaged=tuple(reading.damaged),
    )
    return Votes(counted, report, table, marks, reading.size)


def _judge_and_battle(table: Table) -> Column:
    """A key that two rows share if one judge gave them on one battle.

    Without a judge, copies share the id of the vote, or without an id its time. Without any of them no row is a copy.
    """
    judges = table.judge_hashes[table["judge"]]
    key, has_none = mixed(judges, table["battle"]), table.is_named("judge", "")
    unnamed = np.where(table["vote"] != 0, table["vote"], mixed(table["time"].view("u8"), table["battle"]))
    unknown = has_none & (table["vote"] == 0) & (table["time"] == 0)
    key = np.where(has_none, mixed(unnamed, table["winner"].astype("u8")), key)
    return np.where(unknown, np.arange(len(table), dtype="u8"), key)
