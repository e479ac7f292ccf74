"""The votes of a log as a table that follows it. Knows nothing of what is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import InputError
from arena.results.index import load_index, save_index
from arena.results.reading import Block, Progress, Reading
from arena.results.table import Table, hashed, mixed
from arena.votes.named import named_logs, parts_of_logs
from arena.votes.parts import list_parts
from arena.votes.reading import BadRow
from arena.votes.withdrawn import WithdrawnVotes, withdrawn_beside

# So many bytes read anew are worth keeping an index of.
_WORTH_KEEPING = 64 << 20


@dataclass(frozen=True)
class LeftOut:
    """What no count holds: second votes of one judge on one battle, withdrawn ones, rows that are no votes; and how
    many parts end in the middle of a row."""

    duplicates: int = 0
    withdrawn: int = 0
    unfinished: int = 0
    unreadable: tuple[BadRow, ...] = ()


@dataclass(frozen=True)
class Votes:
    """The votes that count, repeats among them, and what was left out."""

    table: Table
    left_out: LeftOut


class VoteStore:
    """The votes of some parts, read as far as they go. `folder` is where an index of them is kept, if anywhere; `name`
    is what a part is called where one of its rows is told of."""

    def __init__(
        self,
        parts: Callable[[], Sequence[Path]],
        withdrawn: Callable[[], Collection[str]] = frozenset,
        folder: Path | None = None,
        name: Callable[[Path], str] = lambda path: path.name,
    ) -> None:
        self._parts = parts
        self._withdrawn = withdrawn
        self._folder = folder
        self._name = name
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
            paths = list(self._parts())
            reading = self._reading or self._kept()
            if not reading.follow(paths):
                reading = Reading(name=self._name)
            self._reading = reading
            before = _bytes(reading)
            unfinished = reading.read_new(paths, progress)
            if self._folder and _bytes(reading) - before >= _WORTH_KEEPING:
                save_index(self._folder, reading)
            state = withdrawn, _bytes(reading), unfinished, reading
            if self._known is None or self._known[0] != state:
                self._known = state, _counted(reading, withdrawn, unfinished)
            return self._known[1]

    def block(self, number: int) -> tuple[Path, Block] | None:
        """Where rows of that block stand."""
        with self._lock:
            reading = self._reading
            if reading is None or not 0 <= number < len(reading.blocks):
                return None
            block = reading.blocks[number]
            return reading.parts[block.part].path, block

    def _kept(self) -> Reading:
        return load_index(self._folder) if self._folder else Reading(name=self._name)


def store_of(folder: Path) -> VoteStore:
    """The votes of a data folder."""
    return VoteStore(lambda: list_parts(folder), WithdrawnVotes(folder), folder)


def store_of_files(files: Iterable[Path]) -> VoteStore:
    """The votes of files that are named, with what was withdrawn where the log that tells of it lies beside. Raises
    InputError for one that is not there."""
    logs = named_logs(files)
    return VoteStore(lambda: parts_of_logs(logs), lambda: withdrawn_beside(logs), name=str)


def _bytes(reading: Reading) -> int:
    return sum(part.end for part in reading.parts)


def _counted(reading: Reading, withdrawn: Collection[str], unfinished: int) -> Votes:
    import numpy as np
    import pandas as pd

    table = reading.builder.table()
    back = np.isin(table["vote"], hashed(withdrawn)) if withdrawn else np.zeros(len(table), dtype=bool)
    named = table["judge"] != _code(table.names["judge"], "")
    key = mixed(table.judge_hashes[table["judge"]], table["battle"])
    # The first of each judge on each battle; of nobody knows whom all.
    again = np.zeros(len(table), dtype=bool)
    counted = named & ~back
    again[counted] = pd.Series(key[counted]).duplicated().to_numpy()
    left_out = LeftOut(int(again.sum()), int(back.sum()), unfinished, tuple(reading.bad))
    return Votes(table.where(~back & ~again), left_out)


def _code(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1
