"""Votes as tables: votes.csv, votes.xlsx (by XlsxWriter) and votes.parquet (by arro3)."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, cast

from arena.text import clean
from arena.votes.records import HEAD
from arena.votes.rows import COLUMNS, FLAGS, NUMERIC, WHOLE
from arena.votes.store import StoredVote

if TYPE_CHECKING:
    from arro3.core import DataType, RecordBatch, Schema

Add = Callable[[StoredVote], None]
"""Adds a vote to a file, if it belongs there."""


# ---- votes.csv


@contextmanager
def votes_csv(path: Path) -> Iterator[Add]:
    """Writes votes.csv, in which all text is exact. Raises OSError."""
    with path.open("xb") as file:
        file.write(HEAD)

        def add(stored: StoredVote) -> None:
            cells = [stored.row.get(name, "") for name in COLUMNS]
            file.write((",".join(map(_quoted, cells)) + "\r\n").encode())

        yield add


def _quoted(cell: str) -> str:
    """The cell as csv.writer writes it, which takes three times as long for long ones."""
    if '"' in cell or "," in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


# ---- votes.xlsx

EXCEL_CELL = 32_767
"""The longest cell in Excel, in UTF-16 code units."""

CUT_MARK = " … [cut here: longer than a spreadsheet cell]"

TIME_COLUMN = "time_utc"
"""A column of the workbook after tstamp: the same time in a readable form."""

SHEET_ROWS = 1_048_576
"""The most rows in a sheet, including its header."""

_WIDE = frozenset({"prompt", "response_a", "response_b", "comment"})
# Most cells contain none of these.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NO_CHARACTERS = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
_EPOCH = 25_569  # 1970-01-01 as days of a spreadsheet
_LAST_DAY = 2_958_465  # 9999-12-31


@dataclass(frozen=True)
class Column:
    """A column: its name, the kind of its cells (a time is in Unix seconds), and its width in characters."""

    name: str
    kind: Literal["text", "number", "time"] = "text"
    width: int = 14


class Workbook:
    """A new workbook at `path`, written row by row in constant memory and complete on exit.

    Text stays text. A table longer than a sheet continues on the next one.
    """

    def __init__(self, path: Path, title: str, columns: Sequence[Column]) -> None:
        import xlsxwriter

        self._title = title
        self._columns = columns
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._header = self._book.add_format({"bold": True, "num_format": "@"})
        # Text stays text even after it is edited.
        self._text = self._book.add_format({"num_format": "@"})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheets: list[Any] = []
        self._begin_sheet()

    def add(self, cells: Sequence[str]) -> None:
        """Adds a row of texts, numbers and times; "" is an empty cell. Raises ValueError for a malformed number."""
        if self._row == SHEET_ROWS:
            self._begin_sheet()
        for place, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            if cell:
                self._write(place, column.kind, cell)
        self._row += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        from xlsxwriter.exceptions import XlsxWriterException

        self._end_sheet()
        try:
            self._book.close()
        except XlsxWriterException as reason:
            raise OSError(str(reason)) from reason

    def _write(self, place: int, kind: str, cell: str) -> None:
        sheet = self._sheets[-1]
        match kind:
            case "text":
                sheet.write_string(self._row, place, _plain(cell), self._text)
            case "number":
                sheet.write_number(self._row, place, float(cell))
            case _:
                days = float(cell) / 86_400 + _EPOCH
                if _EPOCH < days < _LAST_DAY:
                    sheet.write_number(self._row, place, days, self._time)

    def _begin_sheet(self) -> None:
        if self._sheets:
            self._end_sheet()
        number = len(self._sheets) + 1
        sheet = self._book.add_worksheet(self._title if number == 1 else f"{self._title} {number}")
        self._sheets.append(sheet)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, column.name, self._header)
        self._row = 1

    def _end_sheet(self) -> None:
        sheet, last = self._sheets[-1], len(self._columns) - 1
        sheet.autofilter(0, 0, self._row - 1, last)
        # Text such as 007 is intended: no green corner that warns of a number stored as text.
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{self._row}"})


def _plain(text: str) -> str:
    """The text as a cell can store it, with one kind of line end.

    XlsxWriter reads text from <r> to </r> as its own markup: a trailing space prevents that.
    """
    safe = text
    if _UNSAFE.search(text):
        safe = clean(text).replace("\r\n", "\n").replace("\r", "\n").translate(_NO_CHARACTERS)
    return f"{safe} " if safe.startswith("<r>") and safe.endswith("</r>") else safe


@contextmanager
def votes_workbook(path: Path) -> Iterator[Add]:
    """Writes votes.xlsx. Text is never read as a formula, a number or a date, and cut to the longest cell.

    Raises OSError.
    """
    columns: list[Column] = []
    for name in COLUMNS:
        columns.append(Column(name, "number" if name in NUMERIC else "text", width=40 if name in _WIDE else 14))
        if name == "tstamp":
            columns.append(Column(TIME_COLUMN, "time", width=20))
    with Workbook(path, "votes", columns) as workbook:
        yield lambda stored: workbook.add([_workbook_cell(stored.row, column) for column in columns])


def _workbook_cell(row: Mapping[str, str], column: Column) -> str:
    if column.kind == "time":
        return row.get("tstamp", "")
    cell = row.get(column.name, "")
    # A character takes at most two units.
    if len(cell) <= EXCEL_CELL // 2 or len(units := cell.encode("utf-16-le")) <= 2 * EXCEL_CELL:
        return cell
    # Half a character at the cut is dropped.
    return units[: 2 * (EXCEL_CELL - len(CUT_MARK))].decode("utf-16-le", errors="ignore") + CUT_MARK


# ---- votes.parquet

_BATCH_ROWS = 500
_GROUP_ROWS = 4_000  # what the writer keeps in memory, compressed
_BOOLEANS = {"True": True, "False": False}
_LARGEST = 2**63 - 1


def write_parquet(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Writes the rows of `source`, a votes.csv, to `target` with typed columns. An empty cell becomes null.

    `progress` takes the bytes read so far, and their total. Raises OSError.
    """
    from arro3.core import Field, RecordBatchReader, Schema
    from arro3.io import write_parquet as write

    schema = Schema([Field(name, _type(name), nullable=True) for name in COLUMNS])
    with source.open("rb") as file, _Output(target) as output:
        size = os.fstat(file.fileno()).st_size
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""))
        next(rows)  # the header
        batches = _batches(rows, schema, lambda: progress(file.tell(), size))
        reader = RecordBatchReader.from_batches(schema, batches)
        write(reader, cast(IO[bytes], output), compression="zstd(3)", max_row_group_size=_GROUP_ROWS)


class _Output(io.RawIOBase):
    """A file for arro3, which panics if a write fails: the error is raised at close instead."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._error is None:
            try:
                return self._file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def close(self) -> None:
        super().close()
        self._file.close()
        if self._error:
            raise self._error


def _type(name: str) -> DataType:
    from arro3.core import DataType

    if name in FLAGS:
        return DataType.bool()
    if name in WHOLE:
        return DataType.int64()
    return DataType.float64() if name in NUMERIC else DataType.utf8()


def _batches(rows: Iterator[list[str]], schema: Schema, report: Callable[[], None]) -> Iterator[RecordBatch]:
    from arro3.core import Array, RecordBatch

    types = [_type(name) for name in COLUMNS]
    while batch := list(islice(rows, _BATCH_ROWS)):
        columns = zip(COLUMNS, types, zip(*batch, strict=True), strict=True)
        arrays = [Array(_values(name, cells), type=kind) for name, kind, cells in columns]
        yield RecordBatch.from_arrays(arrays, schema=schema)
        report()


def _values(name: str, cells: Sequence[str]) -> list[Any]:
    if name in FLAGS:
        return [_BOOLEANS.get(cell) for cell in cells]
    if name in WHOLE:
        return [_whole(cell) for cell in cells]
    if name in NUMERIC:
        return [float(cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def _whole(cell: str) -> int | None:
    """The number; None if the cell has none, as `schema` may, which is not checked when votes are read."""
    try:
        value = int(cell)
    except ValueError:
        return None
    return value if abs(value) <= _LARGEST else None
