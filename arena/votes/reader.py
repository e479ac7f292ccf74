"""Reads the parts of a vote log into a table, from where the last reading ended."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from arena.votes.records import BOM, Block, before_header, block_columns, cut_records, header_in, vote_in, whole_blocks
from arena.votes.rows import UnreadableRow
from arena.votes.table import TableBuilder, add_columns

BLOCK = 4 << 20  # bytes read at once
_MARK = 4 << 10  # bytes that identify a part

Progress = Callable[[int, int], None]
"""Takes the bytes read so far, and their total."""


@dataclass(frozen=True)
class BadRow:
    """A row that is not a vote, or a vote with lost texts: its part, its first line (from 1), and the reason."""

    part: str
    line: int
    reason: str


@dataclass(frozen=True)
class PartState:
    """How far a part is read: up to the byte `end`, before the line `line` (from 1).

    `name` is for error messages. `header` has its columns, none before the header is read. `mark` is a hash of both
    ends of what was read. `lost` means that nothing more can be read.
    """

    path: Path
    name: str
    end: int = 0
    line: int = 1
    header: tuple[str, ...] = ()
    mark: str = ""
    lost: bool = False


@dataclass(eq=False)
class Reading:
    """Everything that was read so far."""

    builder: TableBuilder = field(default_factory=TableBuilder)
    parts: list[PartState] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    # Votes that count although one of their texts is damaged.
    damaged: list[BadRow] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of bytes read so far."""
        return sum(part.end for part in self.parts)

    def follow(self, parts: Mapping[Path, str]) -> bool:
        """Whether the parts continue what was read so far; if not, everything must be read again."""
        return [part.path for part in self.parts] == list(parts)[: len(self.parts)] and all(map(_is_same, self.parts))

    def read_new(self, parts: Mapping[Path, str], progress: Progress) -> int:
        """Reads what was added to the parts, given with their names for error messages.

        Returns how many end in the middle of a row. Raises OSError.
        """
        self.parts += [PartState(path, name) for path, name in list(parts.items())[len(self.parts) :]]
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
            for data in whole_blocks(file, part.end, size, BLOCK):
                part = self._take(number, part, data)
                # Saved at once: if the next block fails, this one is not read again.
                self.parts[number] = part = replace(part, mark=_mark(part.path, part.end))
                yield len(data)
                if part.lost:
                    break

    def _take(self, number: int, part: PartState, data: bytes) -> PartState:
        end = part.end + len(data)
        while part.end < end and not part.lost:
            left = data[part.end - end :]
            part = self._take_rows(number, part, left) if part.header else self._take_header(part, left)
        return part

    def _take_header(self, part: PartState, data: bytes) -> PartState:
        """Reads the first row that is not empty."""
        end = part.end + (len(BOM) if part.line == 1 and data.startswith(BOM) else 0)
        for record in cut_records(io.BytesIO(data), part.line):
            end += len(record.data)
            part = replace(part, end=end, line=record.line + record.data.count(b"\n"))
            try:
                if header := header_in(record.data):
                    return replace(part, header=header)
            except UnreadableRow as error:
                # The columns of the cells below are unknown.
                self.bad.append(BadRow(part.name, record.line, str(error)))
                return replace(part, lost=True)
        return part

    def _take_rows(self, number: int, part: PartState, data: bytes) -> PartState:
        """Reads all rows at once, or if one of them is doubtful one at a time."""
        self.blocks.append(Block(number, part.end, len(data), part.header))
        try:
            add_columns(block_columns(data, part.header), len(self.blocks) - 1, self.builder)
        except UnreadableRow:
            return self._take_each(part, data)
        return replace(part, end=part.end + len(data), line=part.line + data.count(b"\n"))

    def _take_each(self, part: PartState, data: bytes) -> PartState:
        """Reads the rows up to the next header."""
        good, start = list[Mapping[str, str]](), part.end
        for record in cut_records(io.BytesIO(data), part.line):
            row = before_header(record.data, part.header)
            try:
                if vote := vote_in(row, part.header):
                    good.append(vote.row)
                    if vote.lost:
                        self.damaged.append(BadRow(part.name, record.line, f"no JSON in {', '.join(vote.lost)}"))
            except UnreadableRow as error:
                self.bad.append(BadRow(part.name, record.line, str(error)))
            part = replace(part, end=part.end + len(row), line=record.line + row.count(b"\n"))
            if len(row) < len(record.data):
                part = replace(part, header=())
                break
        block = self.blocks[-1] = replace(self.blocks[-1], length=part.end - start, mixed=True)
        add_columns({name: [row[name] for row in good] for name in block.header}, len(self.blocks) - 1, self.builder)
        return part


def _is_same(part: PartState) -> bool:
    if not part.end:  # nothing of it was read
        return True
    try:
        return part.path.stat().st_size >= part.end and _mark(part.path, part.end) == part.mark
    except OSError:
        return False


def _mark(path: Path, end: int) -> str:
    """Identifies the content up to the byte `end`."""
    with path.open("rb") as file:
        begin = file.read(min(_MARK, end))
        file.seek(max(0, end - _MARK))
        return hashlib.blake2b(begin + file.read(min(_MARK, end)), digest_size=16).hexdigest()
