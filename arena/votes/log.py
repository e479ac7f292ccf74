"""The log of votes: appends votes to a CSV file so that none is lost."""

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from arena.append_log import AppendLog, Tail, writing_to
from arena.errors import VoteRefused, os_error_as
from arena.types import Vote
from arena.votes.imported.dialect import PLAIN, form_of, sample_of
from arena.votes.records import (
    BOM,
    HEAD,
    before_header,
    csv_cells,
    csv_line,
    cut_records,
    is_whole_row,
    is_written_by_log,
    vote_in,
    whole_blocks,
)
from arena.votes.rows import COLUMNS, UnreadableRow, to_row

_BLOCK = 1 << 20  # bytes read at once when looking for the tail
_LONGEST_ROW = 64 << 20  # bytes; a longer tail is not a torn row
_LONGEST_HEADER = 64 << 10  # bytes
_NAME = COLUMNS[0].encode()


class VoteLog(AppendLog):
    """The votes of one data folder; see `AppendLog`.

    `path` is the first part, DATA_DIR/votes.csv; a second process on the folder gets votes-2.csv, and so on.
    Raises InputError("data_dir_unwritable") if the folder cannot be made or written.
    """

    head, line_end = HEAD, b"\r\n"

    def __init__(self, path: Path) -> None:
        with writing_to(path.parent):
            super().__init__(path, votes_tail)

    def append(self, vote: Vote) -> None:
        """Writes the vote; returns when the row is on disk. Raises VoteRefused("not_saved") if it cannot be written.

        Raises ValueError for a vote without a battle id or a model, which could not be read back.
        """
        with os_error_as("not_saved", "The vote was NOT saved", VoteRefused):
            self.write(csv_line(list(to_row(vote).values())).encode())


def votes_tail(file: BinaryIO) -> Tail:
    """The tail of a part. Other formats and damage that no crash explains make it `foreign`."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    if size < len(HEAD) and HEAD.startswith(file.read()):
        return Tail(0)
    file.seek(0)
    header = file.readline(_LONGEST_HEADER).removeprefix(BOM)
    if not header.endswith(b"\n") or _cells(header) != list(COLUMNS) or form_of(sample_of(file)) != PLAIN:
        return Tail(0, "foreign")
    end = headers = 0
    for block in whole_blocks(file, 0, size, _BLOCK):
        end += len(block)
        headers += _count_headers(block)
    file.seek(end)
    tail = file.read(_LONGEST_ROW + 1)
    # Below a second header new rows would be misread.
    if headers + _count_headers(tail) != 1:
        return Tail(end, "foreign")
    # A crash can leave a whole row without its line end as well: in a file of the log's own it counts as torn.
    cells = None if is_written_by_log(file) else _cells(tail)
    if cells and is_whole_row(cells, COLUMNS):
        return Tail(end, "unended")
    return Tail(end, "torn" if _is_torn_row(tail) else "foreign")


def _count_headers(rows: bytes) -> int:
    """How many of the rows are or end in a header. A vote may have its words in a text."""
    records = cut_records(io.BytesIO(rows)) if _NAME in rows else ()
    return sum(before_header(each.data, COLUMNS) != each.data and not _is_vote(each.data) for each in records)


def _is_vote(record: bytes) -> bool:
    with suppress(UnreadableRow):
        return vote_in(record, COLUMNS) is not None
    return False


def _is_torn_row(tail: bytes) -> bool:
    """Whether the bytes can begin one row. A stray quote that was typed by hand makes a tail of many rows instead."""
    if len(tail) > _LONGEST_ROW:
        return False
    text = tail.decode(errors="replace")
    closed = text + '"' if text.count('"') % 2 else text
    cells = _cells(closed.encode())
    return cells is not None and len(cells) <= len(COLUMNS)


def _cells(record: bytes) -> list[str] | None:
    """The cells of a record; None if it is not CSV."""
    try:
        return csv_cells(record)
    except UnreadableRow:
        return None
