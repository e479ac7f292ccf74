"""Reads the parts of a vote log into a table, from where the last reading ended."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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


@dataclass
class Part:
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

    def is_same(self) -> bool:
        """Whether the file still begins with what was read."""
        with suppress(OSError):
            is_as_long = not self.end or self.path.stat().st_size >= self.end
            return is_as_long and _mark(self.path, self.end) == self.mark
        return False


@dataclass(eq=False)
class Reading:
    """Everything that was read so far."""

    builder: TableBuilder = field(default_factory=TableBuilder)
    parts: list[Part] = field(default_factory=list)
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
        paths = list(parts)[: len(self.parts)]
        return [part.path for part in self.parts] == paths and all(part.is_same() for part in self.parts if part.end)

    def read_new(self, parts: Mapping[Path, str], progress: Progress) -> int:
        """Reads what was added to the parts; returns how many end in the middle of a row. Raises OSError."""
        self.parts += [Part(path, name) for path, name in list(parts.items())[len(self.parts) :]]
        sizes = [(part, part.path.stat().st_size) for part in self.parts]
        done, total = 0, sum(max(0, size - part.end) for part, size in sizes)
        for part, size in sizes:
            for length in self._read_part(part, size):
                done += length
                progress(done, total)
        return sum(part.end < size and not part.lost for part, size in sizes)

    def _read_part(self, part: Part, size: int) -> Iterator[int]:
        if part.lost or part.end >= size:
            return
        with part.path.open("rb") as file:
            for data in whole_blocks(file, part.end, size, BLOCK):
                end = part.end + len(data)
                while part.end < end and not part.lost:
                    take = self._take_rows if part.header else self._take_header
                    take(part, data[part.end - end :])
                part.mark = _mark(part.path, part.end)
                yield len(data)
                if part.lost:
                    break

    def _take_header(self, part: Part, data: bytes) -> None:
        """Reads the first row that is not empty."""
        part.end += len(BOM) if part.line == 1 and data.startswith(BOM) else 0
        for record in cut_records(io.BytesIO(data), part.line):
            part.end += len(record.data)
            part.line = record.line + record.data.count(b"\n")
            try:
                part.header = header_in(record.data)
            except UnreadableRow as error:
                # The columns of the cells below are unknown.
                self.bad.append(BadRow(part.name, record.line, str(error)))
                part.lost = True
            if part.header or part.lost:
                break

    def _take_rows(self, part: Part, data: bytes) -> None:
        """Reads all rows at once, or if one of them is doubtful one at a time."""
        try:
            add_columns(block_columns(data, part.header), len(self.blocks), self.builder)
        except UnreadableRow:
            self._take_each(part, data)
            return
        self.blocks.append(Block(part.path, part.end, len(data), part.header))
        part.end += len(data)
        part.line += data.count(b"\n")

    def _take_each(self, part: Part, data: bytes) -> None:
        """Reads the rows up to the next header."""
        good, start, header = list[Mapping[str, str]](), part.end, part.header
        for record in cut_records(io.BytesIO(data), part.line):
            row = before_header(record.data, header)
            try:
                if vote := vote_in(row, header):
                    good.append(vote.row)
                    if vote.lost:
                        self.damaged.append(BadRow(part.name, record.line, f"no JSON in {', '.join(vote.lost)}"))
            except UnreadableRow as error:
                self.bad.append(BadRow(part.name, record.line, str(error)))
            part.end += len(row)
            part.line = record.line + row.count(b"\n")
            if len(row) < len(record.data):
                part.header = ()
                break
        add_columns({name: [row[name] for row in good] for name in header}, len(self.blocks), self.builder)
        self.blocks.append(Block(part.path, start, part.end - start, header, mixed=True))


def _mark(path: Path, end: int) -> str:
    """Identifies the content up to the byte `end`."""
    with path.open("rb") as file:
        begin = file.read(min(_MARK, end))
        file.seek(max(0, end - _MARK))
        return hashlib.blake2b(begin + file.read(min(_MARK, end)), digest_size=16).hexdigest()
