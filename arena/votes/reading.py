"""Votes out of all parts of the log. Knows nothing of locks and of writing: reading needs neither."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from arena.types import Vote
from arena.votes.parts import FIRST_PART, csv_cells, list_parts, records
from arena.votes.rows import UnreadableRow, named_cells, to_vote

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class BadRow:
    """A row that is no vote: the part's file name, the line it starts at (from 1), and why."""

    part: str
    line: int
    reason: str


@dataclass(frozen=True)
class ReadReport:
    """What a reading gave and left out: votes; second votes of one judge on one battle; withdrawn votes; bad rows.

    `unfinished` counts parts that end in the middle of a row: one being written, or one that a crash cut off.
    """

    rows: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class StoredVote:
    """A vote and the cells it was read from, by column name."""

    row: Mapping[str, str]
    vote: Vote


@dataclass
class _Tally:
    rows: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: list[BadRow] = field(default_factory=list)


class StoredVotes(Iterator[StoredVote]):
    """One lazy pass over the rows that count, part by part; `report` counts what has been read so far.

    A vote whose id is in `withdrawn` is left out, as if it had never been given.
    """

    def __init__(self, parts: Iterable[Path], withdrawn: Collection[str] = frozenset()) -> None:
        self._withdrawn = withdrawn
        self._tally = _Tally()
        # Of who judged what 16 bytes each: all that grows with the votes.
        self._seen: set[bytes] = set()
        self._votes = (vote for part in parts for vote in self._read_part(part))

    def __next__(self) -> StoredVote:
        stored = next(self._votes)
        self._tally.rows += 1
        return stored

    @property
    def report(self) -> ReadReport:
        """The counts so far; whole when the pass has ended."""
        tally = self._tally
        counts = (tally.rows, tally.duplicates, tally.withdrawn, tally.unfinished)
        return ReadReport(*counts, unreadable=tuple(tally.unreadable))

    def _read_part(self, part: Path) -> Iterator[StoredVote]:
        header: list[str] | None = None
        with part.open("rb") as file:
            for record in records(file):
                if not record.whole:
                    self._tally.unfinished += 1
                    return
                try:
                    cells = csv_cells(record.data)
                    stored = _stored_vote(header, cells) if header and cells else None
                except UnreadableRow as error:
                    self._tally.unreadable.append(BadRow(part.name, record.line, str(error)))
                    if header is None:  # nothing tells what the cells below are
                        return
                    continue
                header = header or cells
                if stored and self._counts(stored.vote):
                    yield stored

    def _counts(self, vote: Vote) -> bool:
        if vote.id and vote.id in self._withdrawn:
            self._tally.withdrawn += 1
            return False
        if not vote.judge:  # nobody knows how many people these are
            return True
        key = blake2b(f"{vote.judge}\0{vote.battle.id}".encode("utf-8", "replace"), digest_size=16).digest()
        if key in self._seen:
            self._tally.duplicates += 1
            return False
        self._seen.add(key)
        return True


class VoteReading(Iterator[Vote]):
    """The votes of a pass over the log, with its `report`."""

    def __init__(self, stored: StoredVotes) -> None:
        self._stored = stored

    def __next__(self) -> Vote:
        return next(self._stored).vote

    @property
    def report(self) -> ReadReport:
        """The counts so far; whole when the pass has ended."""
        return self._stored.report


def read_votes(folder: Path, name: str = FIRST_PART, withdrawn: Collection[str] = frozenset()) -> VoteReading:
    """The votes of all parts in the folder, lazily: the first of each judge on each battle, without the withdrawn.

    Safe while votes are appended, by this process or another. Raises OSError if a part cannot be read.
    """
    return VoteReading(StoredVotes(list_parts(Path(folder), name), withdrawn))


def signature(folder: Path, name: str = FIRST_PART) -> Signature:
    """Name, size in bytes and time of change (ns) of each part: as long as it is equal, so are the votes."""
    stats = [(part.name, part.stat()) for part in list_parts(Path(folder), name)]
    return tuple((part, stat.st_size, stat.st_mtime_ns) for part, stat in stats)


def _stored_vote(header: list[str], cells: list[str]) -> StoredVote:
    row = named_cells(header, cells)
    return StoredVote(row, to_vote(row))
