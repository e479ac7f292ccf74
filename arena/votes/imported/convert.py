"""Copies parts that another program has saved as the log is written: UTF-8, commas, a line end after each row."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from arena.votes.imported.dialect import PLAIN, Form, column_names, form_of, sample_of
from arena.votes.parts import csv_cells, csv_line, cut_records, is_whole_row, is_written_by_log
from arena.votes.rows import UnreadableRow


class PlainCopies:
    """Copies of foreign parts, in a temporary folder that goes with this object. The parts are left as they are.

    With `are_whole` nobody is writing to the parts: a last row without its line end is a row. Without, that holds for
    parts that another program has saved.
    """

    def __init__(self, are_whole: bool = False) -> None:
        self._are_whole = are_whole
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._known: dict[Path, tuple[tuple[int, int], Path]] = {}

    def plain(self, part: Path) -> Path:
        """The part, or its copy where one is needed, which has the same name. Raises OSError."""
        with part.open("rb") as file:
            if not self._are_whole and is_written_by_log(file):
                return part
            status = os.fstat(file.fileno())
            state = status.st_size, status.st_mtime_ns
            if part in self._known and self._known[part][0] == state:
                return self._known[part][1]
            form = form_of(sample_of(file))
            is_plain = form is None or (form == PLAIN and _ends_with_line(file))
        copy = part if form is None or is_plain else self._copied(part, form)
        self._known[part] = state, copy
        return copy

    def place(self, name: str) -> Path:
        """Where to put another file of this name."""
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="arena-votes-", ignore_cleanup_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder.name)) / name

    def _copied(self, part: Path, form: Form) -> Path:
        copy = self.place(part.name)
        with copy.open("wb") as target:
            target.writelines(_plain_records(part, form))
        return copy


def _ends_with_line(file: BinaryIO) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read() in (b"", b"\n")


def _plain_records(part: Path, form: Form) -> Iterator[bytes]:
    """The records as the log has them; one that is damaged as it is, for the reader to name it."""
    header: tuple[str, ...] = ()
    for record in cut_records(_lines(part, form)):
        cells: list[str] = []
        with suppress(UnreadableRow):
            cells = csv_cells(record.data, form.delimiter)
            header = header or column_names(cells)
        if cells and (is_whole_row(cells, header) if not record.whole else form.delimiter != ","):
            yield csv_line(cells).encode()
        else:
            yield record.data


def _lines(part: Path, form: Form) -> Iterator[bytes]:
    # Bytes that are no character come out again as they were, and spoil one row there.
    errors = "replace" if form.encoding.startswith("utf-16") else "surrogateescape"
    with part.open(encoding=form.encoding, errors=errors, newline="") as text:
        if form.has_hint:
            text.readline()
            yield b"\r\n"  # the lines below keep their numbers
        is_quoted = False
        for line in text:
            is_quoted ^= line.count('"') % 2 == 1
            data = line.encode("utf-8", errors="surrogateescape")
            yield data + b"\n" if form.ends_in_cr and line.endswith("\r") and not is_quoted else data
