"""The votes of a log as a table that follows the log. Decides for all readers which votes count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from arena.append_log import list_parts
from arena.errors import InputError
from arena.events import FIRST_PART as EVENTS
from arena.events import Event, parse_event
from arena.types import Vote
from arena.votes.imported.files import ImportedFiles, PlainCopies
from arena.votes.reader import BadRow, Progress, Reading, load_index, save_index
from arena.votes.records import FIRST_PART, good_rows
from arena.votes.rows import to_vote
from arena.votes.table import Table, hashed, mixed

if TYPE_CHECKING:
    from arena.votes.table import Column, Mask

WITHDRAWN = "withdrawn"
"""The kind of the event that withdraws a vote."""

_WITHDRAWN_MARK = f'"{WITHDRAWN}"'.encode()
# The index is saved once this many bytes were read anew.
_WORTH_SAVING = 64 << 20


@dataclass(frozen=True)
class ReadReport:
    """How many votes count (`rows`), and what does not.

    `duplicates` are copies, and second votes of one judge on one battle; `unreadable` are rows that are not votes;
    `unfinished` counts parts that end in the middle of a row. `damaged` rows count, but without their conversations or
    settings, which cannot be read.
    """

    rows: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: tuple[BadRow, ...] = ()
    damaged: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class Votes:
    """The votes that count, including repeats, and what was left out."""

    table: Table
    report: ReadReport


@dataclass(frozen=True)
class StoredVote:
    """The cells of a vote by column name."""

    row: Mapping[str, str]

    @cached_property
    def vote(self) -> Vote:
        """The vote in these cells."""
        return to_vote(self.row)


class VoteStore:
    """The votes in some parts, also in parts that another program saved.

    `folder` is where their index is saved, if anywhere. `name` gives the name of a part for error messages, `files` the
    files that the parts were read from, if they are others.
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
        # Protects _reading and _known: one thread reads on at a time.
        self._lock = threading.Lock()

    def refresh(self, progress: Progress = lambda done, total: None) -> Votes:
        """Reads what is new and returns the votes; the same object as last time if nothing is new.

        Raises InputError if a part cannot be read; what was read until then is not read again.
        """
        try:
            return self._refresh(progress)
        except OSError as error:
            name, reason = Path(str(error.filename or "")).name, error.strerror or str(error)
            message = f"{name or 'A file of votes'} cannot be read: {reason}."
            raise InputError("votes_unreadable", message, path=name, reason=reason) from error

    def _refresh(self, progress: Progress) -> Votes:
        with self._lock:
            # Read first: a vote that is withdrawn meanwhile counts until the next refresh.
            withdrawn = self._withdrawn()
            parts = list(self._parts())
            paths = list(map(self._copies.plain, parts))
            self._originals.update(zip(paths, parts, strict=True))
            reading = self._reading or (load_index(self._folder) if self._folder else self._new_reading())
            if not reading.follow(paths):
                reading = self._new_reading()
            self._reading = reading
            before = reading.size
            unfinished = reading.read_new(paths, progress)
            if self._folder and paths == parts and reading.size - before >= _WORTH_SAVING:
                save_index(self._folder, reading)
            state = withdrawn, reading.size, unfinished, reading
            if self._known is None or self._known[0] != state:
                self._known = state, _counted(reading, withdrawn, unfinished)
            return self._known[1]

    def paths(self) -> list[Path]:
        """The files that contain the votes."""
        return list(self._files())

    @property
    def size(self) -> int:
        """The number of bytes read so far."""
        with self._lock:
            return self._reading.size if self._reading else 0

    def every_row(self) -> Table:
        """All votes, including those that do not count. Raises InputError as `refresh` does."""
        self.refresh()
        with self._lock:
            assert self._reading  # set by refresh
            return self._reading.builder.table()

    def stored(self, table: Table) -> Iterator[StoredVote]:
        """The votes in the rows of a table of this store, in the order of the log. Raises OSError."""
        import numpy as np

        if not len(table):
            return
        order = np.lexsort((table["place"], table["block"]))
        blocks, starts = np.unique(table["block"][order], return_index=True)
        places = np.split(table["place"][order], starts[1:])
        for number, wanted in zip(blocks.tolist(), places, strict=True):
            with self._lock:
                assert self._reading  # the table came from it
                block = self._reading.blocks[number]
                path = self._reading.parts[block.part].path
                header = self._reading.headers[block.header]
            with path.open("rb") as file:
                file.seek(block.start)
                rows = good_rows(file.read(block.length), header, block)
            yield from (StoredVote(rows[place]) for place in wanted.tolist())

    def _new_reading(self) -> Reading:
        name, originals = self._name, self._originals
        return Reading(name=lambda path: name(originals[path]))


class VoteReading(Iterator[Vote]):
    """Iterates over the votes of a log that count; `report` says what was left out."""

    def __init__(self, store: VoteStore) -> None:
        votes = store.refresh()
        self.report = votes.report
        self._stored = store.stored(votes.table)

    def __next__(self) -> Vote:
        return next(self._stored).vote


def read_votes(folder: Path, name: str = FIRST_PART, withdrawn: Collection[str] = frozenset()) -> VoteReading:
    """The votes of all parts in the folder: the first of each judge on each battle, without withdrawn votes.

    Safe to use while votes are appended, by this process or another. Raises InputError if a part cannot be read.
    """
    return VoteReading(VoteStore(lambda: list_parts(Path(folder), name), lambda: withdrawn))


def store_of(folder: Path) -> VoteStore:
    """The votes of a data folder."""
    return VoteStore(lambda: list_parts(folder, FIRST_PART), WithdrawnVotes(folder), folder)


def store_of_files(files: Iterable[Path]) -> VoteStore:
    """The votes of the named files, whatever program saved them.

    A withdrawal in the event log beside one of them holds for all copies of the vote. Raises InputError for a file that
    is missing or does not contain votes.
    """
    imported = ImportedFiles(files)
    folders = {log.parent for log in imported.logs}
    return VoteStore(
        lambda: imported.parts,
        lambda: frozenset[str]().union(*map(withdrawn_votes, folders)),
        name=imported.name,
        files=lambda: imported.files,
    )


def withdrawn_votes(folder: Path) -> frozenset[str]:
    """The ids of all withdrawn votes of the data folder. Raises OSError if the events cannot be read."""
    return WithdrawnVotes(folder)()


class WithdrawnVotes:
    """The ids of withdrawn votes. Each call reads only the new events. Not safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: dict[Path, int] = {}
        self._ids: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """All ids now. Raises OSError if a part cannot be read."""
        new = [event for part in list_parts(self._folder, EVENTS) for event in self._new_events(part)]
        if new:
            self._ids |= {str(event.about.get("vote")) for event in new if event.kind == WITHDRAWN}
        return self._ids

    def _new_events(self, part: Path) -> Iterator[Event]:
        with part.open("rb") as file:
            file.seek(self._ends.get(part, 0))
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                self._ends[part] = self._ends.get(part, 0) + len(line)
                if _WITHDRAWN_MARK in line and (event := parse_event(line)):
                    yield event


def _counted(reading: Reading, withdrawn: Collection[str], unfinished: int) -> Votes:
    import numpy as np
    import pandas as pd

    table = reading.builder.table()
    is_withdrawn = np.isin(table["vote"], hashed(withdrawn)) if withdrawn else np.zeros(len(table), dtype=bool)
    # The first vote of each judge on each battle counts, wherever its copies and second votes are.
    is_duplicate, left = np.zeros(len(table), dtype=bool), ~is_withdrawn
    is_duplicate[left] = pd.Series(_judge_and_battle(table)[left]).duplicated().to_numpy()
    counts = left & ~is_duplicate
    report = ReadReport(
        rows=int(counts.sum()),
        duplicates=int(is_duplicate.sum()),
        withdrawn=int(is_withdrawn.sum()),
        unfinished=unfinished,
        unreadable=tuple(reading.bad),
        damaged=tuple(reading.damaged),
    )
    return Votes(table.where(counts), report)


def _judge_and_battle(table: Table) -> Column:
    """A key that two rows share if one judge gave them on one battle.

    Without a judge, copies share the id of the vote, or without an id its time. Without any of them no row is a copy.
    """
    import numpy as np

    judges = table.judge_hashes[table["judge"]]
    key, has_none = mixed(judges, table["battle"]), _has_no_judge(table)
    unnamed = np.where(table["vote"] != 0, table["vote"], mixed(table["time"].view("u8"), table["battle"]))
    unknown = has_none & (table["vote"] == 0) & (table["time"] == 0)
    key = np.where(has_none, mixed(unnamed, table["winner"].astype("u8")), key)
    return np.where(unknown, np.arange(len(table), dtype="u8"), key)


def _has_no_judge(table: Table) -> Mask:
    judges = table.names["judge"]
    mask: Mask = table["judge"] == (judges.index("") if "" in judges else -1)
    return mask
