"""An .xlsx workbook of one table, written row by row in constant memory, in which text stays text.

XlsxWriter takes three to four times as long, and in constant memory it writes a text from <r> to </r> as markup, which
makes a broken file.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self
from xml.sax.saxutils import escape, quoteattr

from arena.text import clean

SHEET_ROWS = 1_048_576
"""The most rows a sheet may have, its header among them."""

_SHEET_BYTES = 1_900_000_000  # a larger part of the archive takes Zip64, which not every spreadsheet reads
_FLUSH_ROWS = 100
_EPOCH = 25_569  # 1970-01-01 as days of a spreadsheet
_LAST_DAY = 2_958_465  # 9999-12-31
_UNSAFE = "&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
# Most cells hold none of these. To look for them first takes a third of the time.
_SUSPICIOUS = re.compile(f"[_{_UNSAFE}]")
# A spreadsheet reads _x0041_ as an escaped A.
_SPECIAL = re.compile(f"[{_UNSAFE}]|_x(?=[0-9A-Fa-f]{{4}}_)")
_ESCAPED = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "\r": "&#13;",
    "_x": "_x005F_x",
    "\ufffe": "\ufffd",
    "\uffff": "\ufffd",
}

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_HEAD = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    '<sheetFormatPr defaultRowHeight="15"/>'
)
# Cell formats by number: 0 a number, 1 text (which stays text when somebody edits it), 2 a time, 3 the header.
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    "</fills><borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True)
class Column:
    """A column's name and what its cells hold: text, a number, or a time in Unix seconds. `width` is in characters."""

    name: str
    kind: Literal["text", "number", "time"] = "text"
    width: int = 14


class Workbook:
    """A new workbook at `path`, whole once it is left. A table that is longer than a sheet goes on in the next one."""

    def __init__(self, path: Path, title: str, columns: Sequence[Column]) -> None:
        self._title = title
        self._columns = columns
        self._letters = [_letters(number) for number in range(1, len(columns) + 1)]
        # Quick rather than small: level 6 takes three times as long for a tenth less.
        self._archive = zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._ends: list[int] = []  # the last row of each sheet that is finished
        self._lines: list[str] = []  # rows that are not written yet
        self._begin_sheet()

    def add(self, cells: Sequence[str]) -> None:
        """A row: a text, number or time each, or "" for an empty cell. Raises ValueError for what is no number."""
        if self._row == SHEET_ROWS or self._bytes > _SHEET_BYTES:
            self._end_sheet()
            self._begin_sheet()
        self._row += 1
        row = self._row
        marked = zip(self._letters, self._columns, cells, strict=True)
        line = "".join([_cell(f"{letter}{row}", column.kind, cell) for letter, column, cell in marked if cell])
        self._write(f'<row r="{row}">{line}</row>')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._archive:
            self._end_sheet()
            for name, text in _parts(self._title, self._letters[-1], self._ends):
                self._archive.writestr(name, text)

    def _begin_sheet(self) -> None:
        self._sheet: IO[bytes] = self._archive.open(f"xl/worksheets/sheet{len(self._ends) + 1}.xml", "w")
        self._bytes, self._row = 0, 1
        widths = "".join(
            f'<col min="{number}" max="{number}" width="{column.width}" customWidth="1"/>'
            for number, column in enumerate(self._columns, start=1)
        )
        names = "".join(
            _text(f"{letter}1", column.name, style=3)
            for letter, column in zip(self._letters, self._columns, strict=True)
        )
        self._write(f'{_SHEET_HEAD}<cols>{widths}</cols><sheetData><row r="1">{names}</row>')

    def _end_sheet(self) -> None:
        area = f"A1:{self._letters[-1]}{self._row}"
        # A text such as 007 is meant: no green corner says that it looks like a number.
        ignored = f'<ignoredErrors><ignoredError sqref="{area}" numberStoredAsText="1"/></ignoredErrors>'
        with self._sheet:
            self._write(f'</sheetData><autoFilter ref="{area}"/>{ignored}</worksheet>')
            self._flush()
        self._ends.append(self._row)

    def _write(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= _FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._bytes += self._sheet.write("".join(self._lines).encode())
        self._lines.clear()


def _letters(number: int) -> str:
    """What a sheet calls its column of that number: A, B, ..., Z, AA, ..."""
    rest, last = divmod(number - 1, 26)
    return (_letters(rest) if rest else "") + chr(ord("A") + last)


def _cell(place: str, kind: str, cell: str) -> str:
    if kind == "text":
        return _text(place, cell, style=1)
    value = float(cell)
    if kind == "number":
        return f'<c r="{place}"><v>{repr(value).removesuffix(".0")}</v></c>'
    days = value / 86_400 + _EPOCH
    return f'<c r="{place}" s="2"><v>{days!r}</v></c>' if _EPOCH < days < _LAST_DAY else ""


def _text(place: str, text: str, style: int) -> str:
    safe = _SPECIAL.sub(_escaped, text) if _SUSPICIOUS.search(text) else text
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match.group()) or clean(match.group())


def _parts(title: str, last: str, ends: Sequence[int]) -> list[tuple[str, str]]:
    """All parts but the sheets, of which the last row is given."""
    numbers = range(1, len(ends) + 1)
    names = [title if number == 1 else f"{title} {number}" for number in numbers]
    sheets = "".join(f'<sheet name={quoteattr(names[n - 1])} sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{n}" hidden="1">'
        f"'{escape(names[n])}'!$A$1:${last}${end}</definedName>"
        for n, end in enumerate(ends)
    )
    workbook = f"<bookViews><workbookView/></bookViews><sheets>{sheets}</sheets><definedNames>{filters}</definedNames>"
    own = "".join(_relation(n, "worksheet", f"worksheets/sheet{n}.xml") for n in numbers)
    types = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_TYPE}.{kind}+xml"/>'
        for name, kind in [("workbook", "sheet.main"), ("styles", "styles")]
        + [(f"worksheets/sheet{n}", "worksheet") for n in numbers]
    )
    return [
        ("xl/styles.xml", _STYLES),
        ("xl/workbook.xml", f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">{workbook}</workbook>'),
        ("xl/_rels/workbook.xml.rels", _relations(own + _relation(len(ends) + 1, "styles", "styles.xml"))),
        ("_rels/.rels", _relations(_relation(1, "officeDocument", "xl/workbook.xml"))),
        (
            "[Content_Types].xml",
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>',
        ),
    ]


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _relations(relations: str) -> str:
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>'
