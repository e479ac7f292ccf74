"""votes.xlsx as openpyxl reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl


def sheets(path: Path) -> dict[str, list[list[Any]]]:
    """The values of all sheets by name, row by row."""
    book = openpyxl.load_workbook(path)
    return {sheet.title: [[cell.value for cell in row] for row in sheet] for sheet in book}


def workbook_rows(path: Path) -> list[dict[str, Any]]:
    """The rows below the header by column, an empty cell as ""."""
    header, *rows = [row for sheet in sheets(path).values() for row in sheet]
    return [dict(zip(header, map(in_excel, row), strict=True)) for row in rows]


def one_line_end(text: str) -> str:
    """The text with the line ends of a cell."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def in_excel(value: Any) -> Any:
    """The value as Excel reads it: openpyxl leaves the escaped characters of a text as they are."""
    if isinstance(value, str):
        return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), value)
    return "" if value is None else value
