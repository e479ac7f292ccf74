"""Parts of a vote log into a table, from where the last reading ended. Knows nothing of what is counted."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from arena.results.rows import InDoubt, add_rows
from arena.results.table import TableBuilder
from arena.votes.parts import BOM, csv_cells, cut_records, whole_records
from arena.votes.reading import BadRow
from arena.votes.rows import UnreadableRow, named_cells, to_vote

BLOCK = 4 << 20  # bytes read at once
_MARK = 4 << 10  # bytes by which a part is known again

Progress = Callable[[int, int], None]
"""Told how many bytes are read, of how many."""


@dataclass(frozen=True)
class Block:
    """Where some rows stand: the number of their part, and the bytes."""

    part: int
    start: int
    length: int


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
    # What a part is called where one of its rows is told of.
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
            for block in _blocks(file, part.end, size):
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
            rows = _quickly(block.removeprefix(BOM) if part.line == 1 else block)
            header = part.header or tuple(rows.pop(0) if rows else ())
            add_rows(rows, header, len(self.blocks) - 1, self.builder)
            return replace(after, header=header)
        except InDoubt:
            return self._take_each(part, block, after)

    def _take_each(self, part: PartState, block: bytes, after: PartState) -> PartState:
        """The same, looking at each row by itself."""
        header, good = part.header, list[list[str]]()
        for record in cut_records(io.BytesIO(block), part.line):
            try:
                cells = csv_cells(record.data)
                if header and cells:
                    to_vote(named_cells(header, cells))
                    good.append(cells)
            except UnreadableRow as error:
                self.bad.append(BadRow(self.name(part.path), record.line, str(error)))
                if not header:  # nothing tells what the cells below are
                    return replace(after, lost=True)
                continue
            header = header or tuple(cells)
        add_rows(good, header, len(self.blocks) - 1, self.builder)
        return replace(after, header=header)


def _blocks(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Whole records, some at a time; a torn one at the end is left."""
    file.seek(start)
    left, held = end - start, b""
    # Ever more at once where no row ends: what is held is looked through again each time.
    while left and (more := file.read(min(max(BLOCK, len(held)), left))):
        left -= len(more)
        held += more
        if whole := whole_records(held):
            yield held[:whole]
            held = held[whole:]


def _quickly(block: bytes) -> list[list[str]]:
    """All rows that are not empty. Raises InDoubt."""
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
