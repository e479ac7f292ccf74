"""The bytes of votes.csv as records, rows and votes."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from arena.types import Vote
from arena.votes.imported.cells import broken_texts, tidied, tidied_columns
from arena.votes.imported.dialect import column_names, has_votes
from arena.votes.rows import COLUMNS, REQUIRED, UnreadableRow, to_vote

FIRST_PART = "votes.csv"
BOM = b"\xef\xbb\xbf"
_QUOTE, _NEWLINE = b'"', b"\n"
_LONGEST_CELL = 2**31 - 1  # characters; the most that csv accepts where C's long has 32 bits


# ---- single records


def csv_line(cells: Sequence[str]) -> str:
    """The cells as one RFC 4180 record that ends with CRLF."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


HEAD = BOM + csv_line(COLUMNS).encode()
"""The first bytes of a new part."""


def is_written_by_log(file: BinaryIO) -> bool:
    """Whether the part begins as the log writes it, even with a torn header. Other programs omit the BOM."""
    file.seek(0)
    return HEAD.startswith(file.read(len(HEAD)))


def csv_cells(record: bytes, delimiter: str = ",") -> list[str]:
    """The cells of one whole record; none for an empty line. Raises UnreadableRow if it is not UTF-8 or RFC 4180."""
    csv.field_size_limit(_LONGEST_CELL)  # an answer may be longer than csv's own limit of 131,072 characters
    try:
        text = record.decode()
        try:
            return next(csv.reader([text], strict=True, delimiter=delimiter), [])
        except csv.Error:
            return _cells_around_returns(text, delimiter)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableRow(f"not CSV: {error}") from error


def _cells_around_returns(text: str, delimiter: str) -> list[str]:
    """The cells of a record with a CR in a cell without quotes, as pandas writes it. Raises csv.Error."""
    body = text.removesuffix("\n").removesuffix("\r")
    # Decoded text never contains this character.
    cells = next(csv.reader([body.replace("\r", "\udc0d")], strict=True, delimiter=delimiter), [])
    return [cell.replace("\udc0d", "\r") for cell in cells]


def is_whole_row(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a last row without its line end is complete: the log fills the last cell of each row."""
    return len(cells) == len(header) and (bool(cells[-1]) or tuple(header) != COLUMNS)


# ---- cutting files into records


@dataclass(frozen=True)
class Record:
    """The bytes of one record, with its line end if it is `whole`; `line` is where it starts, counted from 1."""

    line: int
    data: bytes
    whole: bool


def cut_records(lines: Iterable[bytes], number: int = 1) -> Iterator[Record]:
    """The records in lines of which the first has this number; a BOM is removed from line 1.

    Works on bytes, not text: one bad byte spoils one row only, and a lone CR is kept.
    """
    pending: list[bytes] = []
    quoted, start = False, number
    for line in lines:
        pending.append(line.removeprefix(BOM) if number == 1 else line)
        number += 1
        quoted ^= line.count(_QUOTE) % 2 == 1  # a quote inside text is doubled and changes nothing
        if line.endswith(_NEWLINE) and not quoted:
            yield Record(start, b"".join(pending), whole=True)
            pending, start = [], number
    if pending:
        yield Record(start, b"".join(pending), whole=False)


def whole_blocks(file: BinaryIO, start: int, end: int, length: int) -> Iterator[bytes]:
    """The bytes from `start` to `end` in blocks of whole records of about `length` bytes; a torn last one is left."""
    file.seek(start)
    left, quoted = end - start, False
    begun: list[bytes] = []
    while left and (more := file.read(min(length, left))):
        left -= len(more)
        quoted ^= more.count(_QUOTE) % 2 == 1
        whole = last_record_end(more, quoted)
        if whole:
            yield b"".join((*begun, more[:whole]))
            begun = []
        begun.append(more[whole:])


def last_record_end(block: bytes, quoted: bool) -> int:
    """The offset after the block's last line end outside quotes, or 0; `quoted` is the state at the block's end."""
    stop = len(block)
    while True:
        quote = block.rfind(_QUOTE, 0, stop)
        newline = -1 if quoted else block.rfind(_NEWLINE, quote + 1, stop)
        if newline >= 0:
            return newline + 1
        if quote < 0:
            return 0
        stop, quoted = quote, not quoted


# ---- headers


def header_in(record: bytes) -> tuple[str, ...]:
    """The names of the columns; none in an empty record. Raises UnreadableRow."""
    names = column_names(csv_cells(record))
    for name in COLUMNS:
        if names.count(name) > 1:
            raise UnreadableRow(f"two columns are called {name}")
    return names if any(names) else ()


def before_header(record: bytes, header: Sequence[str]) -> bytes:
    """The part of a record before another header, as where files were concatenated.

    Empty if the record is a header; a row if the first file lacks its last line end; else the whole record.
    """
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


# ---- blocks of rows


@dataclass(frozen=True)
class Block:
    """Some rows below a header: their file, bytes and columns. In a `mixed` block not every row is a vote."""

    path: Path
    start: int
    length: int
    header: tuple[str, ...]
    mixed: bool = False


@dataclass(frozen=True)
class StoredVote:
    """The cells of a vote by column as `to_row` would write them; the columns in `lost` had to be emptied."""

    row: Mapping[str, str]
    lost: Sequence[str] = ()

    @cached_property
    def vote(self) -> Vote:
        """The vote in these cells. Raises UnreadableRow."""
        return to_vote(self.row)


def block_columns(block: bytes, header: Sequence[str]) -> dict[str, Sequence[str]]:
    """The cells of all rows by column, none without rows. Raises UnreadableRow if one row is not as the header is."""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        # Lines end at LF only: a lone CR is refused, as it is in a single record.
        lines = io.StringIO(block.decode(), newline="\n")
        rows = [row for row in csv.reader(lines, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableRow(str(error)) from error
    if not set(map(len, rows)) <= {len(header)}:
        raise UnreadableRow("a row is longer or shorter than the header")
    return tidied_columns(dict(zip(header, zip(*rows, strict=True), strict=False)))


def block_votes(data: bytes, block: Block) -> list[StoredVote]:
    """The votes in the bytes of a block that was read before."""
    if not block.mixed:
        columns = block_columns(data, block.header)
        return [StoredVote(dict(zip(columns, cells, strict=True))) for cells in zip(*columns.values(), strict=True)]
    votes: list[StoredVote] = []
    for record in cut_records(io.BytesIO(data), 2):
        with suppress(UnreadableRow):  # counted when the block was read first
            if vote := vote_in(record.data, block.header):
                votes.append(vote)
    return votes


def named_cells(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of a row by column, without the empty cells that spreadsheets add after the last column.

    Raises UnreadableRow if there are more or fewer cells than columns.
    """
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise UnreadableRow(f"{len(cells)} cells, not {len(header)}")
    return dict(zip(header, cells, strict=False))


def vote_in(record: bytes, header: Sequence[str]) -> StoredVote | None:
    """The vote in a record; None for an empty one. Raises UnreadableRow."""
    cells = csv_cells(record)
    if not any(cells):
        return None
    row = tidied(named_cells(header, cells))
    lost = broken_texts(row)
    vote = StoredVote(row | dict.fromkeys(lost, ""), lost)
    to_vote(vote.row)
    return vote
