"""The parts of the vote log as bytes on disk: their names, their header, their records, a torn tail.

No lock is taken here: who repairs a part must hold it.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from arena.votes.imported.dialect import PLAIN, form_of, sample_of
from arena.votes.rows import COLUMNS, UnreadableRow

FIRST_PART = "votes.csv"
BOM = b"\xef\xbb\xbf"

_LOG = logging.getLogger(__name__)
_QUOTE, _NEWLINE, _NAME = b'"', b"\n", COLUMNS[0].encode()
_BLOCK = 1 << 20  # bytes read at once when looking for the tail
_LONGEST_ROW = 64 << 20  # bytes; a longer tail is no torn row
_LONGEST_HEADER = 64 << 10  # bytes
LONGEST_CELL = 2**31 - 1  # characters; the most that csv takes where C's long has 32 bits


def part_path(folder: Path, name: str, number: int) -> Path:
    """Part 1 is `votes.csv`, part 2 `votes-2.csv`, and so on."""
    first = folder / name
    return first if number == 1 else first.with_stem(f"{first.stem}-{number}")


def list_parts(folder: Path, name: str = FIRST_PART) -> list[Path]:
    """The parts that exist, by number; none if there is no such folder."""
    if not folder.is_dir():
        return []
    numbers = ((part_number(path.name, name), path) for path in folder.iterdir())
    return [path for number, path in sorted(numbers) if number and path.is_file()]


def part_number(file_name: str, name: str = FIRST_PART) -> int:
    """The number of the part called `file_name`, or 0 if that is no part's name."""
    if file_name == name:
        return 1
    stem, suffix = os.path.splitext(name)
    match = re.fullmatch(rf"{re.escape(stem)}-([2-9]|[1-9][0-9]+){re.escape(suffix)}", file_name)
    return int(match[1]) if match else 0


def csv_line(cells: Sequence[str]) -> str:
    """The cells as one RFC 4180 record that ends with CRLF."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def csv_cells(record: bytes, delimiter: str = ",") -> list[str]:
    """The cells of one whole record; none for an empty line. Raises UnreadableRow if it is no UTF-8 or no RFC 4180."""
    csv.field_size_limit(LONGEST_CELL)  # an answer may be longer than csv's own limit, 131,072 characters
    try:
        text = record.decode()
        try:
            return next(csv.reader([text], strict=True, delimiter=delimiter), [])
        except csv.Error:
            return _cells_around_returns(text, delimiter)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnreadableRow(f"not CSV: {error}") from error


def _cells_around_returns(text: str, delimiter: str) -> list[str]:
    """The same where a CR stands in a cell without quotes, as pandas writes it. Raises csv.Error."""
    body = text.removesuffix("\n").removesuffix("\r")
    # No text that was decoded has this character.
    cells = next(csv.reader([body.replace("\r", "\udc0d")], strict=True, delimiter=delimiter), [])
    return [cell.replace("\udc0d", "\r") for cell in cells]


def is_whole_row(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a last row without its line end has all its cells to the end: the log fills the last one of each row."""
    return len(cells) == len(header) and (bool(cells[-1]) or tuple(header) != COLUMNS)


HEAD = BOM + csv_line(COLUMNS).encode()
"""The first bytes of a new part."""


@dataclass(frozen=True)
class Record:
    """The bytes of one record with its line end, if it is `whole`; `line` is where it starts, counted from 1."""

    line: int
    data: bytes
    whole: bool


def records(file: BinaryIO) -> Iterator[Record]:
    """The records of an open part, without BOM. Text may hold line ends: a record ends at one outside quotes.

    Reads no further than the file's size at the start, so that it ends and sees one state while votes are appended.
    """
    return cut_records(_lines(file, os.fstat(file.fileno()).st_size))


def _lines(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (line := file.readline(left)):
        left -= len(line)
        yield line


def cut_records(lines: Iterable[bytes], number: int = 1) -> Iterator[Record]:
    """The records in lines of which the first has this number; a BOM is taken off line 1.

    They are bytes, not text: one bad byte spoils one row, and a lone CR stays what it is.
    """
    held: list[bytes] = []
    quoted, start = False, number
    for line in lines:
        held.append(line.removeprefix(BOM) if number == 1 else line)
        number += 1
        quoted ^= line.count(_QUOTE) % 2 == 1  # a quote inside text is doubled and changes nothing
        if line.endswith(_NEWLINE) and not quoted:
            yield Record(start, b"".join(held), whole=True)
            held, start = [], number
    if held:
        yield Record(start, b"".join(held), whole=False)


def whole_records(block: bytes) -> int:
    """How many bytes of a block, which begins where a record does, are whole records."""
    return _last_record_end(block, block.count(_QUOTE) % 2 == 1)


def prepare_part(part: Path) -> bool:
    """Make a part ready to be appended to; False if it must be left alone. Only for the part's holder.

    A torn last row, which a crash leaves, is moved to a file of its own; one that is whole gets its line end. A part in
    another form, or with damage that no crash explains, is left as it is. Raises OSError.
    """
    try:
        file = part.open("r+b")
    except FileNotFoundError:
        return True
    with file:
        size = os.fstat(file.fileno()).st_size
        end = 0 if _is_torn_head(file, size) else _end_of_rows(file)
        if end is None:
            _LOG.warning("%s is not in the form of the log any more: it is read, but not written.", part)
            return False
        if end == size:
            return True
        if _lacks_line_end(file, end):
            _end_line(file)
        elif _is_torn_row(file, end, size):
            _move_aside(file, end, part)
        else:
            _LOG.warning("%s is damaged after byte %d: it is left as it is.", part, end)
            return False
    return True


def is_written_by_log(file: BinaryIO) -> bool:
    """Whether the part begins as the log writes it, also if its header is torn; other programs leave out the BOM."""
    file.seek(0)
    return HEAD.startswith(file.read(len(HEAD)))


def _is_torn_head(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    return size < len(HEAD) and HEAD.startswith(file.read())


def _has_our_form(file: BinaryIO) -> bool:
    file.seek(0)
    line = file.readline(_LONGEST_HEADER).removeprefix(BOM)
    try:
        if not line.endswith(_NEWLINE) or csv_cells(line) != list(COLUMNS):
            return False
    except UnreadableRow:
        return False
    return form_of(sample_of(file)) == PLAIN


def _lacks_line_end(file: BinaryIO, start: int) -> bool:
    """Whether the last row is whole but for its line end, as some programs save a file. A crash leaves that as well:
    it is taken for one where the log itself has written the file."""
    if is_written_by_log(file):
        return False
    file.seek(start)
    try:
        return is_whole_row(csv_cells(file.read(_LONGEST_ROW)), COLUMNS)
    except UnreadableRow:
        return False


def _end_line(file: BinaryIO) -> None:
    file.seek(0, os.SEEK_END)
    file.write(b"\r\n")
    file.flush()
    os.fsync(file.fileno())


def _end_of_rows(file: BinaryIO) -> int | None:
    """The offset after the last line end outside quotes; None if the part is in another form, or a second header may
    stand in it, below which new rows would be misread. Holds one block at a time."""
    if not _has_our_form(file):
        return None
    file.seek(0)
    end = offset = names = 0
    quoted, before = False, b""
    while block := file.read(_BLOCK):
        quoted_at_end = quoted ^ (block.count(_QUOTE) % 2 == 1)
        found = _last_record_end(block, quoted_at_end)
        if found:
            end = offset + found
        offset += len(block)
        quoted = quoted_at_end
        names += (before + block).count(_NAME)
        before = (before + block)[1 - len(_NAME) :]
    return end if names == 1 else None


def _last_record_end(block: bytes, quoted: bool) -> int:
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


def _is_torn_row(file: BinaryIO, start: int, end: int) -> bool:
    """Whether the bytes are how one row begins. A stray quote, typed in by hand, makes a tail of many rows instead."""
    if end - start > _LONGEST_ROW:
        return False
    file.seek(start)
    tail = file.read(end - start).decode(errors="replace")
    closed = tail + '"' if tail.count('"') % 2 else tail
    try:
        return len(csv_cells(closed.encode())) <= len(COLUMNS)
    except UnreadableRow:
        return False


def _move_aside(file: BinaryIO, start: int, part: Path) -> None:
    file.seek(start)
    handle, name = tempfile.mkstemp(prefix=f"{part.name}.torn-", dir=part.parent)
    with os.fdopen(handle, "wb") as aside:
        shutil.copyfileobj(file, aside)
        aside.flush()
        os.fsync(aside.fileno())
    file.truncate(start)
    os.fsync(file.fileno())
    _LOG.warning("%s ended in an unfinished row: its bytes are in %s.", part, name)
