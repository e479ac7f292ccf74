"""One CSV of all votes to take away: exact for programs, guarded for spreadsheets.

Knows nothing of who may have it, and of results.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from arena.errors import InputError
from arena.votes.parts import list_parts, part_number
from arena.votes.rows import COLUMNS, NUMERIC
from arena.votes.store import ReadReport, StoredVotes

EXCEL_CELL = 32_767
"""The longest cell Excel keeps, in UTF-16 code units."""

CUT_MARK = " … [cut here: longer than a spreadsheet cell]"

_FORMULA_STARTS = frozenset("=+-@＝＋－＠")
_UNSAFE_STARTS = frozenset("\t\r\n")
_IGNORED = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode categories: controls, invisible marks, spaces


Source = Path | Sequence[Path]
"""A data folder, or the parts of some logs."""


def parts_of(source: Source) -> list[Path]:
    """All of them, in their order."""
    return list_parts(source) if isinstance(source, Path) else list(source)


def export_csv(source: Source, target: Path, withdrawn: Collection[str] = frozenset()) -> ReadReport:
    """Write all votes as one votes.csv, its text exact; tells what was left out.

    Safe while votes are appended. The target appears whole or not at all. Raises InputError if it cannot be written.
    """
    return _export(parts_of(source), Path(target), withdrawn, dict)


def export_excel(source: Source, target: Path, withdrawn: Collection[str] = frozenset()) -> ReadReport:
    """As `export_csv`, for spreadsheets: no cell of text is taken for a formula or longer than a cell may be."""
    return _export(parts_of(source), Path(target), withdrawn, _excel_row)


def _export(
    parts: Sequence[Path],
    target: Path,
    withdrawn: Collection[str],
    convert: Callable[[Mapping[str, str]], Mapping[str, str]],
) -> ReadReport:
    folders = {part.parent.resolve() for part in parts}
    if (part_number(target.name) and target.parent.resolve() in folders) or target in parts:
        raise InputError("export_into_log", f"{target} is the vote log itself: choose another file.", path=str(target))
    votes = StoredVotes(parts, withdrawn)
    # Two exports to one target at once must not share a file.
    draft = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    try:
        with draft.open("x", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore", lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(convert(stored.row) for stored in votes)
        os.replace(draft, target)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"The export cannot be written to {target}: {reason}."
        raise InputError("export_unwritable", message, path=str(target), reason=reason) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return votes.report


def _excel_row(row: Mapping[str, str]) -> dict[str, str]:
    return {name: cell if name in NUMERIC else _excel_cell(cell) for name, cell in row.items()}


def _excel_cell(text: str) -> str:
    return _fitted(f"'{text}" if _looks_like_formula(text) else text)


def _looks_like_formula(text: str) -> bool:
    first = next((char for char in text if unicodedata.category(char) not in _IGNORED), "")
    return first in _FORMULA_STARTS or text[:1] in _UNSAFE_STARTS


def _fitted(text: str) -> str:
    units = text.encode("utf-16-le")
    if len(units) <= 2 * EXCEL_CELL:
        return text
    room = EXCEL_CELL - len(CUT_MARK)
    # Half a character at the cut is dropped.
    return units[: 2 * room].decode("utf-16-le", errors="ignore") + CUT_MARK
