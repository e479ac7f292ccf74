"""An .xlsx workbook of one table, written row by row in constant memory, in which text stays text (by XlsxWriter)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from arena.text import clean

SHEET_ROWS = 1_048_576
"""The most rows a sheet may have, its header among them."""

# Most cells hold none of these.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NO_CHARACTERS = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
_EPOCH = 25_569  # 1970-01-01 as days of a spreadsheet
_LAST_DAY = 2_958_465  # 9999-12-31


@dataclass(frozen=True)
class Column:
    """A column's name and what its cells hold: text, a number, or a time in Unix seconds. `width` is in characters."""

    name: str
    kind: Literal["text", "number", "time"] = "text"
    width: int = 14


class Workbook:
    """A new workbook at `path`, whole once it is left. A table that is longer than a sheet goes on in the next one."""

    def __init__(self, path: Path, title: str, columns: Sequence[Column]) -> None:
        import xlsxwriter

        self._title = title
        self._columns = columns
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._header = self._book.add_format({"bold": True, "num_format": "@"})
        # Text stays text also when somebody edits it.
        self._text = self._book.add_format({"num_format": "@"})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheets: list[Any] = []
        self._begin_sheet()

    def add(self, cells: Sequence[str]) -> None:
        """A row: a text, number or time each, or "" for an empty cell. Raises ValueError for what is no number."""
        if self._row == SHEET_ROWS:
            self._begin_sheet()
        for place, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            if cell:
                self._write(place, column.kind, cell)
        self._row += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
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
        # A text such as 007 is meant: no green corner says that it looks like a number.
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{self._row}"})


def _plain(text: str) -> str:
    """The text as a cell can hold it, with one kind of line end. XlsxWriter takes a text from <r> to </r> for markup of
    its own: a blank behind it keeps it a text."""
    safe = text
    if _UNSAFE.search(text):
        safe = clean(text).replace("\r\n", "\n").replace("\r", "\n").translate(_NO_CHARACTERS)
    return f"{safe} " if safe.startswith("<r>") and safe.endswith("</r>") else safe
