"""Votes as tables: votes.csv, votes.xlsx (by XlsxWriter) and votes.parquet (by arro3)."""

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from arena.text import clean, one_line_end
from arena.votes.records import HEAD, StoredVote
from arena.votes.rows import COLUMNS, FLAGS, NUMERIC, WHOLE

Add = Callable[[StoredVote], None]  # adds a vote to a file, if it belongs there


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

EXCEL_CELL = 32_767  # the longest cell in Excel, in UTF-16 code units
CUT_MARK = " … [cut here: longer than a spreadsheet cell]"
TIME_COLUMN = "time_utc"  # a column of the workbook after tstamp: the same time in a readable form
SHEET_ROWS = 1_048_576  # the most rows in a sheet, including its header
_WIDE = frozenset({"prompt", "response_a", "response_b", "comment", "thinking_a", "thinking_b"})
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


@contextmanager
def workbook(path: Path, title: str, columns: Sequence[Column]) -> Iterator[Callable[[Sequence[str]], None]]:
    """A new workbook, written row by row in constant memory; yields what adds a row of texts, numbers and times.

    Text stays text, and "" is an empty cell. A table longer than a sheet continues on the next one. A malformed number
    raises ValueError.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    header = book.add_format({"bold": True, "num_format": "@"})
    # Text stays text even after it is edited.
    text = book.add_format({"num_format": "@"})
    time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    # The sheets, and how many rows each has.
    sheets: list[Any] = []
    rows: list[int] = []

    def begin_sheet() -> None:
        sheet = book.add_worksheet(f"{title} {len(sheets) + 1}" if sheets else title)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            sheet.write_string(0, place, column.name, header)
        sheets.append(sheet)
        rows.append(1)

    def add(cells: Sequence[str]) -> None:
        if rows[-1] == SHEET_ROWS:
            begin_sheet()
        sheet, row = sheets[-1], rows[-1]
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            if cell and column.kind == "text":
                sheet.write_string(row, place, _plain(cell), text)
            elif cell and column.kind == "number":
                sheet.write_number(row, place, float(cell))
            elif cell and _EPOCH < (days := float(cell) / 86_400 + _EPOCH) < _LAST_DAY:
                sheet.write_number(row, place, days, time)
        rows[-1] += 1

    begin_sheet()
    try:
        yield add
    finally:
        for sheet, count in zip(sheets, rows, strict=True):
            sheet.autofilter(0, 0, count - 1, len(columns) - 1)
            # Text such as 007 is intended: no green corner that warns of a number stored as text.
            sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{count}"})
        try:
            book.close()
        except XlsxWriterException as reason:
            raise OSError(str(reason)) from reason


def _plain(text: str) -> str:
    """The text as a cell can store it, with one kind of line end.

    XlsxWriter reads text from <r> to </r> as its own markup: a trailing space prevents that.
    """
    safe = text
    if _UNSAFE.search(text):
        safe = one_line_end(clean(text)).translate(_NO_CHARACTERS)
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
    sources = ["tstamp" if column.name == TIME_COLUMN else column.name for column in columns]
    with workbook(path, "votes", columns) as add:
        yield lambda stored: add([_cut(stored.row.get(name, "")) for name in sources])


def _cut(cell: str) -> str:
    # A character takes at most two units.
    if len(cell) <= EXCEL_CELL // 2 or len(units := cell.encode("utf-16-le")) <= 2 * EXCEL_CELL:
        return cell
    # Half a character at the cut is dropped.
    return units[: 2 * (EXCEL_CELL - len(CUT_MARK))].decode("utf-16-le", errors="ignore") + CUT_MARK


# ---- votes.parquet

_BATCH_ROWS = 500
_GROUP_ROWS = 4_000  # what the writer keeps in memory, compressed


def write_parquet(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Writes the rows of `source`, a votes.csv, to `target` with typed columns. An empty cell becomes null.

    `progress` takes the bytes read so far, and their total. Raises OSError.
    """
    from arro3.core import DataType, Field, RecordBatch, RecordBatchReader, Schema
    from arro3.io import read_csv
    from arro3.io import write_parquet as write

    types = dict.fromkeys(COLUMNS, DataType.utf8()) | dict.fromkeys(NUMERIC, DataType.float64())
    types |= dict.fromkeys(WHOLE, DataType.int64()) | dict.fromkeys(FLAGS, DataType.bool())
    schema = Schema([Field(name, kind, nullable=True) for name, kind in types.items()])
    texts = Schema([Field(name, DataType.utf8(), nullable=True) for name in COLUMNS])
    with source.open("rb") as file, _Output(target) as output:
        size = os.fstat(file.fileno()).st_size

        def batches() -> Iterator[RecordBatch]:
            for batch in read_csv(file, texts, has_header=True, batch_size=_BATCH_ROWS):
                # A cell that is no number becomes null, as `schema` may, which is not checked when votes are read.
                arrays = [batch.column(name).cast(kind) for name, kind in types.items()]
                yield RecordBatch.from_arrays(arrays, schema=schema)
                progress(file.tell(), size)

        reader = RecordBatchReader.from_batches(schema, batches())
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
