"""The votes of a log as a table that follows the log: which rows count is decided here, for all readers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import InputError
from arena.types import Vote
from arena.votes.blocks import Block, good_rows
from arena.votes.imported.convert import PlainCopies
from arena.votes.imported.files import ImportedFiles
from arena.votes.index import load_index, save_index
from arena.votes.parts import FIRST_PART, list_parts
from arena.votes.reader import BadRow, Progress, Reading
from arena.votes.rows import to_vote
from arena.votes.table import Table, hashed, mixed
from arena.votes.withdrawn import WithdrawnVotes

if TYPE_CHECKING:
    from arena.votes.table import Column, Mask

# An index is worth keeping once this many bytes were read anew.
_WORTH_KEEPING = 64 << 20


@dataclass(frozen=True)
class ReadReport:
    """How many votes count, and what does not: copies, and second votes of one judge on one battle (`duplicates`);
    withdrawn votes; rows that are no votes; and how many parts are `unfinished`, ending in the middle of a row.

    `damaged` are rows that count without their conversations or settings, which cannot be read."""

    rows: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: tuple[BadRow, ...] = ()
    damaged: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class Votes:
    """The votes that count, repeats among them, and what was left out."""

    table: Table
    report: ReadReport


@dataclass(frozen=True)
class StoredVote:
    """The cells of a vote by column name."""

    row: Mapping[str, str]

    @cached_property
    def vote(self) -> Vote:
        """The vote that they hold."""
        return to_vote(self.row)


class VoteStore:
    """The votes of some parts, read as far as they go, also of those that another program has saved.

    `folder` is where an index of them is kept, if anywhere; `name` is what a part is called in error messages, `files`
    are those that the parts came from, if others.
    """

    def __init__(
        self,
        parts: Callable[[], Sequence[Path]],
        withdrawn: Callable[[], Collection[str]] = frozenset,
        folder: Path | None = None,
        name: Callable[[Path], str] = lambda path: path.name,
        files: Callable[[], Collection[Path]] | None = None,
    ) -> None:
        self._parts = parts
        self._withdrawn = withdrawn
        self._folder = folder
        self._name = name
        self._files = files or parts
        self._copies = PlainCopies()
        self._originals: dict[Path, Path] = {}
        self._reading: Reading | None = None
        self._known: tuple[object, Votes] | None = None
        # Protects _reading and _known: who reads on must have the end of it.
        self._lock = threading.Lock()

    def refresh(self, progress: Progress = lambda done, total: None) -> Votes:
        """The votes now: what is new is read; the same object as the last time if that is nothing.

        Raises InputError if a part cannot be read; what was read until then is not read again."""
        try:
            return self._refresh(progress)
        except OSError as error:
            name, reason = Path(str(error.filename or "")).name, error.strerror or str(error)
            message = f"{name or 'A file of votes'} cannot be read: {reason}."
            raise InputError("votes_unreadable", message, path=name, reason=reason) from error

    def _refresh(self, progress: Progress) -> Votes:
        with self._lock:
            # Of the log first: a vote that is withdrawn meanwhile counts until the next time.
            withdrawn = self._withdrawn()
            parts = list(self._parts())
            paths = list(map(self._copies.plain, parts))
            self._originals.update(zip(paths, parts, strict=True))
            reading = self._reading or self._kept()
            if not reading.follow(paths):
                reading = self._new_reading()
            self._reading = reading
            before = _bytes(reading)
            unfinished = reading.read_new(paths, progress)
            if self._folder and paths == parts and _bytes(reading) - before >= _WORTH_KEEPING:
                save_index(self._folder, reading)
            state = withdrawn, _bytes(reading), unfinished, reading
            if self._known is None or self._known[0] != state:
                self._known = state, _counted(reading, withdrawn, unfinished)
            return self._known[1]

    def paths(self) -> list[Path]:
        """The files that the votes are in."""
        return list(self._files())

    @property
    def size(self) -> int:
        """How many bytes were read so far."""
        with self._lock:
            return _bytes(self._reading) if self._reading else 0

    def every_row(self) -> Table:
        """All votes, also those that do not count. Raises InputError as `refresh`."""
        self.refresh()
        with self._lock:
            return self._reading.builder.table() if self._reading else Reading().builder.table()

    def stored(self, table: Table) -> Iterator[StoredVote]:
        """The votes in the rows of a table of this store, in the order of the log. Raises OSError."""
        import numpy as np

        if not len(table):
            return
        order = np.lexsort((table["place"], table["block"]))
        blocks, starts = np.unique(table["block"][order], return_index=True)
        places = np.split(table["place"][order], starts[1:])
        for number, wanted in zip(blocks.tolist(), places, strict=True):
            path, block, header = self._where(number)
            rows = good_rows(_bytes_of(path, block), header, block)
            yield from (StoredVote(rows[place]) for place in wanted.tolist())

    def _where(self, number: int) -> tuple[Path, Block, tuple[str, ...]]:
        with self._lock:
            reading = self._reading
            if reading is None:
                raise LookupError("nothing was read yet")
            block = reading.blocks[number]
            part = reading.parts[block.part]
            return part.path, block, reading.headers[block.header]

    def _kept(self) -> Reading:
        return load_index(self._folder) if self._folder else self._new_reading()

    def _new_reading(self) -> Reading:
        name, originals = self._name, self._originals
        return Reading(name=lambda path: name(originals[path]))


class VoteReading(Iterator[Vote]):
    """The votes of a log that count, one after the other, and the `report` of what was left out."""

    def __init__(self, store: VoteStore) -> None:
        votes = store.refresh()
        self.report = votes.report
        self._stored = store.stored(votes.table)

    def __next__(self) -> Vote:
        return next(self._stored).vote


def read_votes(folder: Path, name: str = FIRST_PART, withdrawn: Collection[str] = frozenset()) -> VoteReading:
    """The votes of all parts in the folder: the first of each judge on each battle, without the withdrawn.

    Safe while votes are appended, by this process or another. Raises InputError if a part cannot be read.
    """
    return VoteReading(VoteStore(lambda: list_parts(Path(folder), name), lambda: withdrawn))


def store_of(folder: Path) -> VoteStore:
    """The votes of a data folder."""
    return VoteStore(lambda: list_parts(folder), WithdrawnVotes(folder), folder)


def store_of_files(files: Iterable[Path]) -> VoteStore:
    """The votes of files that are named, whatever program has saved them. A withdrawal that the events beside one of
    them tell of holds for all copies of the vote. Raises InputError for one that is not there, or not votes."""
    brought = ImportedFiles(files)
    return VoteStore(lambda: brought.parts, brought.withdrawn, name=brought.name, files=lambda: brought.files)


def _bytes(reading: Reading) -> int:
    return sum(part.end for part in reading.parts)


def _bytes_of(path: Path, block: Block) -> bytes:
    with path.open("rb") as file:
        file.seek(block.start)
        return file.read(block.length)


def _counted(reading: Reading, withdrawn: Collection[str], unfinished: int) -> Votes:
    import numpy as np
    import pandas as pd

    table = reading.builder.table()
    taken_back = np.isin(table["vote"], hashed(withdrawn)) if withdrawn else np.zeros(len(table), dtype=bool)
    # The first of each judge on each battle counts, wherever its copies and second votes stand.
    again, left = np.zeros(len(table), dtype=bool), ~taken_back
    again[left] = pd.Series(_who_on_what(table)[left]).duplicated().to_numpy()
    report = ReadReport(
        rows=int((left & ~again).sum()),
        duplicates=int(again.sum()),
        withdrawn=int(taken_back.sum()),
        unfinished=unfinished,
        unreadable=tuple(reading.bad),
        damaged=tuple(reading.damaged),
    )
    return Votes(table.where(left & ~again), report)


def _who_on_what(table: Table) -> Column:
    """A key that two rows share if one judge gave them on one battle. Where no judge is named, a copy is known by the
    vote's id, and without one by its time; where that is unknown as well, nobody knows whether two rows are copies."""
    import numpy as np

    judges = table.judge_hashes[table["judge"]]
    key, has_none = mixed(judges, table["battle"]), _is(table, "judge", "")
    unnamed = np.where(table["vote"] != 0, table["vote"], mixed(table["time"].view("u8"), table["battle"]))
    unknown = has_none & (table["vote"] == 0) & (table["time"] == 0)
    key = np.where(has_none, mixed(unnamed, table["winner"].astype("u8")), key)
    return np.where(unknown, np.arange(len(table), dtype="u8"), key)


def _is(table: Table, kind: str, name: str) -> Mask:
    names = table.names[kind]
    found: Mask = table[kind] == (names.index(name) if name in names else -1)
    return found
