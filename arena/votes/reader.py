"""Reads the parts of a vote log into a table, from where the last reading ended."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from arena.votes.blocks import Block, Rows, before_header, block_rows, header_in, votes_in
from arena.votes.columns import InDoubt, add_columns, columns_of
from arena.votes.imported.cells import tidied_columns
from arena.votes.parts import BOM, cut_records, whole_records
from arena.votes.rows import UnreadableRow
from arena.votes.table import TableBuilder

BLOCK = 4 << 20  # bytes read at once
PIECE = 256 << 10  # bytes of a block tried at once where one of its rows is in doubt
_MARK = 4 << 10  # bytes by which a part is known again

Progress = Callable[[int, int], None]
"""Told how many bytes are read, of how many."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no vote, or a vote of which some is lost: its part, the line it starts at (from 1), and why."""

    part: str
    line: int
    reason: str


@dataclass(frozen=True)
class PartState:
    """How far a part is read: up to the byte `end`, before the line `line` (from 1). `header` has its columns; it is
    empty before a header is read.

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
    headers: list[tuple[str, ...]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    # Votes that count without a text that is damaged.
    damaged: list[BadRow] = field(default_factory=list)
    # What a part is called in error messages.
    name: Callable[[Path], str] = lambda path: path.name

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
            for data in _whole_blocks(file, part.end, size, BLOCK):
                part = self._take(number, part, data)
                # Noted at once: should the next block fail, this one is not read again.
                self.parts[number] = part = replace(part, mark=_mark(part.path, part.end))
                yield len(data)
                if part.lost:
                    break

    def _take(self, number: int, part: PartState, data: bytes) -> PartState:
        """Some whole records."""
        end = part.end + len(data)
        while part.end < end and not part.lost:
            left = data[part.end - end :]
            part = self._take_rows(number, part, left) if part.header else self._take_header(part, left)
        return part

    def _take_header(self, part: PartState, data: bytes) -> PartState:
        """The first row that is not empty."""
        end = part.end + (len(BOM) if part.line == 1 and data.startswith(BOM) else 0)
        for record in cut_records(io.BytesIO(data), part.line):
            end += len(record.data)
            part = replace(part, end=end, line=record.line + record.data.count(b"\n"))
            try:
                if header := header_in(record.data):
                    return replace(part, header=header)
            except UnreadableRow as error:
                # Nothing tells what the cells below are.
                self.bad.append(BadRow(self.name(part.path), record.line, str(error)))
                return replace(part, lost=True)
        return part

    def _take_rows(self, number: int, part: PartState, data: bytes) -> PartState:
        """The rows below a header, or some of them."""
        if part.header not in self.headers:
            self.headers.append(part.header)
        self.blocks.append(Block(number, part.end, len(data), self.headers.index(part.header)))
        try:
            rows = block_rows(data)
            columns = columns_of(rows, part.header)
            tidy = tidied_columns(columns)
            add_columns(tidy, len(rows), len(self.blocks) - 1, self.builder)
        except InDoubt:
            pieces = list(_whole_blocks(io.BytesIO(data), 0, len(data), PIECE))
            if len(pieces) == 1:
                return self._take_each(part, data)
            self.blocks.pop()
            for piece in pieces:
                part = self._take(number, part, piece)
            return part
        if any(tidy[name] is not cells for name, cells in columns.items()):
            self.blocks[-1] = replace(self.blocks[-1], rows=Rows.UNTIDY)
        return replace(part, end=part.end + len(data), line=part.line + data.count(b"\n"))

    def _take_each(self, part: PartState, data: bytes) -> PartState:
        """The same, looking at each row by itself."""
        good, start = list[dict[str, str]](), part.end
        for record in cut_records(io.BytesIO(data), part.line):
            row = before_header(record.data, part.header)
            good += self._vote_in(part, record.line, row)
            part = replace(part, end=part.end + len(row), line=record.line + row.count(b"\n"))
            if len(row) < len(record.data):
                break
        self.blocks[-1] = replace(self.blocks[-1], length=part.end - start, rows=Rows.MIXED)
        columns = {name: [row[name] for row in good] for name in part.header}
        add_columns(columns, len(good), len(self.blocks) - 1, self.builder)
        return part if part.end == start + len(data) else replace(part, header=())

    def _vote_in(self, part: PartState, line: int, data: bytes) -> list[dict[str, str]]:
        """The cells of the vote in a record, if there is one; else it is noted why."""
        try:
            votes = votes_in(data, part.header)
        except UnreadableRow as error:
            self.bad.append(BadRow(self.name(part.path), line, str(error)))
            return []
        lost = [BadRow(self.name(part.path), line, f"no JSON in {', '.join(vote.lost)}") for vote in votes if vote.lost]
        self.damaged += lost
        return [vote.row for vote in votes]


def _whole_blocks(file: BinaryIO, start: int, end: int, length: int) -> Iterator[bytes]:
    """Whole records, some at a time; a torn one at the end is left."""
    file.seek(start)
    left, held = end - start, b""
    # Ever more at once where no row ends: what is held is looked through again each time.
    while left and (more := file.read(min(max(length, len(held)), left))):
        left -= len(more)
        held += more
        if whole := whole_records(held):
            yield held[:whole]
            held = held[whole:]


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
