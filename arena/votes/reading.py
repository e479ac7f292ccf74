"""Reads the parts of a vote log into a table, from where the last reading ended."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from arena.votes.columns import InDoubt, add_rows
from arena.votes.parts import BOM, LONGEST_CELL, csv_cells, cut_records, whole_records
from arena.votes.rows import UnreadableRow, named_cells, tidied, to_vote
from arena.votes.table import TableBuilder

BLOCK = 4 << 20  # bytes read at once
_MARK = 4 << 10  # bytes by which a part is known again

Progress = Callable[[int, int], None]
"""Told how many bytes are read, of how many."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no vote: the part's file name, the line it starts at (from 1), and why."""

    part: str
    line: int
    reason: str


@dataclass(frozen=True)
class Block:
    """Where some rows stand: the number of their part, and the bytes. `is_plain` if each row is a vote as `to_row`
    writes it."""

    part: int
    start: int
    length: int
    is_plain: bool = True


@dataclass(frozen=True)
class PartState:
    """How far a part is read: up to the byte `end`, before the line `line` (from 1). `header` has its columns.

    `mark` is what the bytes at both ends of what was read came to. `lost` is set where nothing more can be read of it.
    """

    path: Path
    end: int = 0
    line: int = 1
    header: tuple[str, ...] = ()
    mark: str = ""
    lost: bool = False


@dataclass(eq=False)
class Reading:
    """All that was read so far."""

    builder: TableBuilder = field(default_factory=TableBuilder)
    parts: list[PartState] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    # What a part is called in error messages.
    name: Callable[[Path], str] = lambda path: path.name
    # Whether nobody is writing to the parts, so that a last row without its line end is a row.
    are_whole: bool = False

    def follow(self, paths: Sequence[Path]) -> bool:
        """Whether the parts are those read so far, and more of them: else all has to be read anew."""
        return [part.path for part in self.parts] == list(paths[: len(self.parts)]) and all(map(_is_same, self.parts))

    def read_new(self, paths: Sequence[Path], progress: Progress) -> int:
        """Read what was added to the parts; how many end in the middle of a row. Raises OSError."""
        self.parts += [PartState(path) for path in paths[len(self.parts) :]]
        sizes = [part.path.stat().st_size for part in self.parts]
        done, total = 0, sum(max(0, size - part.end) for part, size in zip(self.parts, sizes, strict=True))
        unfinished = 0
        for number, size in enumerate(sizes):
            for length in self._read_part(number, size):
                done += length
                progress(done, total)
            part = self.parts[number]
            unfinished += part.end < size and not part.lost
        return unfinished

    def _read_part(self, number: int, size: int) -> Iterator[int]:
        part = self.parts[number]
        if part.lost or part.end >= size:
            return
        with part.path.open("rb") as file:
            for block in _blocks(file, part, size, self.are_whole):
                part = self._take(number, part, block)
                # Noted at once: should the next block fail, this one is not read again.
                self.parts[number] = part = replace(part, mark=_mark(part.path, part.end))
                yield len(block)
                if part.lost:
                    break

    def _take(self, number: int, part: PartState, block: bytes) -> PartState:
        """One block of whole records."""
        self.blocks.append(Block(number, part.end, len(block)))
        after = replace(part, end=part.end + len(block), line=part.line + block.count(b"\n"))
        try:
            rows = block_rows(block.removeprefix(BOM) if part.line == 1 else block)
            header = part.header or tuple(rows.pop(0) if rows else ())
            add_rows(rows, header, len(self.blocks) - 1, self.builder)
            return replace(after, header=header)
        except InDoubt:
            return self._take_each(part, block, after)

    def _take_each(self, part: PartState, block: bytes, after: PartState) -> PartState:
        """The same, looking at each row by itself."""
        self.blocks[-1] = replace(self.blocks[-1], is_plain=False)
        header, good = part.header, list[list[str]]()
        for record in cut_records(io.BytesIO(block), part.line):
            try:
                if header:
                    good += [[row[name] for name in header] for row in _good_row(record.data, header)]
                else:
                    header = tuple(csv_cells(record.data))
            except UnreadableRow as error:
                self.bad.append(BadRow(self.name(part.path), record.line, str(error)))
                if not header:  # nothing tells what the cells below are
                    return replace(after, lost=True)
        add_rows(good, header, len(self.blocks) - 1, self.builder)
        return replace(after, header=header)


def good_rows(data: bytes, header: Sequence[str], block: Block) -> list[dict[str, str]]:
    """The votes of a block again, each as cells by column. `data` are its bytes without a BOM."""
    if block.is_plain:
        rows = block_rows(data)[0 if block.start else 1 :]
        return [dict(zip(header, row, strict=True)) for row in rows]
    found: list[dict[str, str]] = []
    is_below_header = block.start > 0
    for record in cut_records(io.BytesIO(data), 2):
        if is_below_header:
            with suppress(UnreadableRow):  # counted when the block was read first
                found += _good_row(record.data, header)
        is_below_header = is_below_header or bool(record.data.strip())
    return found


def _good_row(record: bytes, header: Sequence[str]) -> list[dict[str, str]]:
    """The cells of a vote, as `to_row` would write them; none for an empty line. Raises UnreadableRow."""
    cells = csv_cells(record)
    if not cells:
        return []
    row = tidied(named_cells(header, cells))
    to_vote(row)
    return [row]


def _blocks(file: BinaryIO, part: PartState, size: int, are_whole: bool) -> Iterator[bytes]:
    """Whole records, some at a time; a torn one at the end is left."""
    file.seek(part.end)
    left, held, header = size - part.end, b"", part.header
    # Ever more at once where no row ends: what is held is looked through again each time.
    while left and (more := file.read(min(max(BLOCK, len(held)), left))):
        left -= len(more)
        held += more
        if whole := whole_records(held):
            header = header or _first_row(held[:whole])
            yield held[:whole]
            held = held[whole:]
    if are_whole and held and len(_first_row(held)) == len(header):
        yield held


def _first_row(block: bytes) -> tuple[str, ...]:
    """The cells of the first row; none where it cannot be read."""
    with suppress(UnreadableRow):
        for record in cut_records(io.BytesIO(block)):
            if cells := csv_cells(record.data):
                return tuple(cells)
    return ()


def block_rows(block: bytes) -> list[list[str]]:
    """All rows of a block that are not empty, the header among them. Raises InDoubt."""
    csv.field_size_limit(LONGEST_CELL)  # an answer may be longer than csv's own limit, 131,072 characters
    try:
        # Lines end at LF alone: a CR that stands by itself is refused, as it is in a single record.
        lines = io.StringIO(block.decode(), newline="\n")
        return [row for row in csv.reader(lines, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InDoubt(str(error)) from error


def _is_same(part: PartState) -> bool:
    if not part.end:  # nothing of it was read
        return True
    try:
        return part.path.stat().st_size >= part.end and _mark(part.path, part.end) == part.mark
    except OSError:
        return False


def _mark(path: Path, end: int) -> str:
    """What tells a part from another one in its place."""
    with path.open("rb") as file:
        begin = file.read(min(_MARK, end))
        file.seek(max(0, end - _MARK))
        return hashlib.blake2b(begin + file.read(min(_MARK, end)), digest_size=16).hexdigest()
