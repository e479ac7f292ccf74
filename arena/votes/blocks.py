"""Cuts blocks of a part into rows, and tells which of them are votes."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from arena.votes.columns import InDoubt, columns_of
from arena.votes.imported.cells import broken_texts, tidied, tidied_columns
from arena.votes.imported.dialect import column_names, has_votes
from arena.votes.parts import BOM, LONGEST_CELL, csv_cells, cut_records
from arena.votes.rows import COLUMNS, REQUIRED, UnreadableRow, named_cells, to_vote


class Rows(IntEnum):
    """The rows of a block: votes as `to_row` writes them, votes that have to be tidied, or some that are no votes."""

    PLAIN = 0
    UNTIDY = 1
    MIXED = 2


@dataclass(frozen=True)
class Block:
    """Where some rows below a header stand: the number of their part, the bytes, the number of the header."""

    part: int
    start: int
    length: int
    header: int
    rows: Rows = Rows.PLAIN


@dataclass(frozen=True)
class GoodRow:
    """The cells of a vote by column as `to_row` would write them; the columns in `lost` had to be emptied."""

    row: dict[str, str]
    lost: Sequence[str] = ()


def header_in(record: bytes) -> tuple[str, ...]:
    """The names of the columns; none in an empty record. Raises UnreadableRow."""
    names = column_names(csv_cells(record))
    for name in COLUMNS:
        if names.count(name) > 1:
            raise UnreadableRow(f"two columns are called {name}")
    return names if any(names) else ()


def before_header(record: bytes, header: Sequence[str]) -> bytes:
    """What of a record stands before another header, as where files were put one behind the other: nothing, if it is
    one; a row, if the first file lacks its last line end; all of it, if there is no other header."""
    if REQUIRED[0].encode() not in record.lower():
        return record
    if _is_header(record):
        return b""
    row = record[: max(record.rfind(header[0].encode()), 0)]
    row = row.removesuffix(b'"').removesuffix(BOM)
    return row if row and _is_header(record[len(row) :]) else record


def _is_header(record: bytes) -> bool:
    with suppress(UnreadableRow):
        return has_votes(column_names(csv_cells(record)))
    return False


def block_rows(block: bytes) -> list[list[str]]:
    """All rows of a block that are not empty, the header among them. Raises InDoubt."""
    csv.field_size_limit(LONGEST_CELL)  # an answer may be longer than csv's own limit, 131,072 characters
    try:
        # Lines end at LF alone: a CR that stands by itself is refused, as it is in a single record.
        lines = io.StringIO(block.decode(), newline="\n")
        return [row for row in csv.reader(lines, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InDoubt(str(error)) from error


def good_rows(data: bytes, header: Sequence[str], block: Block) -> list[dict[str, str]]:
    """The votes of a block again, each as cells by column. `data` are its bytes."""
    if block.rows is Rows.PLAIN:
        return [dict(zip(header, row, strict=True)) for row in block_rows(data)]
    if block.rows is Rows.UNTIDY:
        columns = tidied_columns(columns_of(block_rows(data), header))
        return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    found: list[dict[str, str]] = []
    for record in cut_records(io.BytesIO(data), 2):
        with suppress(UnreadableRow):  # counted when the block was read first
            found += [vote.row for vote in votes_in(record.data, header)]
    return found


def votes_in(record: bytes, header: Sequence[str]) -> list[GoodRow]:
    """The vote in a record; none in an empty one. Raises UnreadableRow."""
    cells = csv_cells(record)
    if not any(cells):
        return []
    row = tidied(named_cells(header, cells))
    try:
        to_vote(row)
        return [GoodRow(row)]
    except UnreadableRow:
        if not (lost := broken_texts(row)):
            raise
    row |= dict.fromkeys(lost, "")
    to_vote(row)
    return [GoodRow(row, lost)]
