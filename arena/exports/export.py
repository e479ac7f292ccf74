"""All votes as one file: an exact CSV for programs, a workbook for people; and the pass that feeds every export."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from uuid import uuid4

from arena.errors import InputError
from arena.exports.workbook import Column, Workbook
from arena.votes.parts import HEAD, part_number
from arena.votes.rows import COLUMNS, NUMERIC
from arena.votes.store import ReadReport, StoredVote, VoteStore

EXCEL_CELL = 32_767
"""The longest cell Excel keeps, in UTF-16 code units."""

CUT_MARK = " … [cut here: longer than a spreadsheet cell]"

TIME_COLUMN = "time_utc"
"""The column that the workbook has besides COLUMNS, after tstamp: the same time, to read."""

_WIDE = frozenset({"prompt", "response_a", "response_b", "comment"})

Progress = Callable[[str, int, int], None]
"""Takes the name of a step, and how many bytes of how many it has done."""


class VoteFile(Protocol):
    """What a pass over the votes feeds."""

    def add(self, stored: StoredVote) -> None:
        """Take in the vote, if it belongs there."""


def no_progress(step: str, done: int, total: int) -> None:
    """Tell nobody."""


def feed(store: VoteStore, files: Sequence[VoteFile], progress: Progress = no_progress) -> ReadReport:
    """Add every vote that counts to each of the files, in one pass over the log."""
    votes = store.refresh(lambda done, total: progress("reading", done, total))
    rows, size = max(len(votes.table), 1), store.size
    for number, stored in enumerate(store.stored(votes.table)):
        progress("votes", number * size // rows, size)
        for file in files:
            file.add(stored)
    progress("votes", size, size)
    return votes.report


def export_csv(store: VoteStore, target: Path, progress: Progress = no_progress) -> ReadReport:
    """Write all votes as one votes.csv, its text exact; says what was left out.

    Safe while votes are appended. The target appears whole or not at all. Raises InputError if it cannot be written.
    """
    with _draft_of(Path(target), store) as draft, VotesCsv(draft) as file:
        return feed(store, [file], progress)


def export_xlsx(store: VoteStore, target: Path, progress: Progress = no_progress) -> ReadReport:
    """As `export_csv`, a workbook for spreadsheets: text is never taken for a formula, a number or a date, and cut
    where a cell holds no more."""
    with _draft_of(Path(target), store) as draft, VotesWorkbook(draft) as file:
        return feed(store, [file], progress)


class VotesCsv:
    """votes.csv at `path`, whole once it is left."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._file.write(HEAD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, stored: StoredVote) -> None:
        """Every vote."""
        cells = [stored.row.get(name, "") for name in COLUMNS]
        self._file.write((",".join(map(_quoted, cells)) + "\r\n").encode())


def _quoted(cell: str) -> str:
    """The cell as csv.writer writes it, which takes three times as long with long ones."""
    if '"' in cell or "," in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


class VotesWorkbook:
    """votes.xlsx at `path`, whole once it is left."""

    def __init__(self, path: Path) -> None:
        self._columns = list(_workbook_columns())
        self._workbook = Workbook(path, "votes", self._columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workbook.__exit__(kind, error, at)

    def add(self, stored: StoredVote) -> None:
        """Every vote."""
        self._workbook.add([_workbook_cell(stored.row, column) for column in self._columns])


def _workbook_columns() -> Iterator[Column]:
    for name in COLUMNS:
        yield Column(name, "number" if name in NUMERIC else "text", width=40 if name in _WIDE else 14)
        if name == "tstamp":
            yield Column(TIME_COLUMN, "time", width=20)


def _workbook_cell(row: Mapping[str, str], column: Column) -> str:
    if column.kind == "time":
        return row.get("tstamp", "")
    cell = row.get(column.name, "")
    # Half a cell of characters always fits: no character takes more than two units.
    return cell if len(cell) <= EXCEL_CELL // 2 else _fitted(cell)


def _fitted(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * EXCEL_CELL:
        return text
    room = EXCEL_CELL - len(CUT_MARK)
    # Half a character at the cut is dropped.
    return units[: 2 * room].decode("utf-16-le", errors="ignore") + CUT_MARK


@contextmanager
def _draft_of(target: Path, store: VoteStore) -> Iterator[Path]:
    """A path to write to; what is there becomes the target in the end."""
    check_target(target, store)
    # Two exports to one target at once must not share a file.
    draft = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    with unwritable(target):
        try:
            yield draft
            os.replace(draft, target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def check_target(target: Path, store: VoteStore) -> None:
    """Raises InputError where the target holds the votes, or would be taken for a part of their log."""
    files, place = {file.resolve() for file in store.paths()}, target.resolve()
    if place in files or (part_number(target.name) and place.parent in {file.parent for file in files}):
        raise InputError("export_into_log", f"{target} holds the votes: choose another file.", path=str(target))


@contextmanager
def unwritable(target: Path) -> Iterator[None]:
    """Turns an OSError into an InputError that says why the target cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"The export cannot be written to {target}: {reason}."
        raise InputError("export_unwritable", message, path=str(target), reason=reason) from error
