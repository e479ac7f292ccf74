"""Reads files of votes that another program has saved: in UTF-16 or GBK, with semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from arena.errors import InputError
from arena.votes.parts import BOM, LONGEST_CELL, csv_line
from arena.votes.rows import REQUIRED

_SAMPLE = 1 << 20  # bytes that tell what a file is
_FEW = 10  # a file in UTF-8 with single damaged bytes has fewer than one in so many
_WORKBOOK = b"PK\x03\x04"


class Converted:
    """Copies of such files as the log is written, in a temporary folder that goes with this object."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copies: dict[Path, Path] = {}

    def paths(self, files: Iterable[Path]) -> list[Path]:
        """Each file, or its copy where one is needed. Raises InputError for what is no file of votes, and OSError."""
        return [self._readable(file) for file in files]

    def original(self, path: Path) -> Path:
        """The file that a path is the copy of."""
        return next((file for file, copy in self._copies.items() if copy == path), path)

    def _readable(self, file: Path) -> Path:
        if file in self._copies:
            return self._copies[file]
        with file.open("rb") as opened:
            sample = opened.read(_SAMPLE)
        if sample.startswith(_WORKBOOK):
            raise InputError(
                "votes_workbook", f"{file.name} is an Excel workbook: save it as CSV (UTF-8) first.", path=file.name
            )
        encoding = _encoding(sample)
        header = sample.decode(encoding, errors="ignore").lstrip("\ufeff").split("\n", 1)[0]
        delimiter = max(",;\t", key=header.count)
        if missing := [name for name in REQUIRED if header.strip() and name not in header]:
            message = f"{file.name} has no column {missing[0]}: is it a file of votes?"
            raise InputError("votes_column", message, path=file.name, column=missing[0])
        if encoding == "utf-8" and delimiter == ",":
            return file
        self._copies[file] = copy = self._place() / f"{len(self._copies) + 1}.csv"
        _convert(file, copy, encoding, delimiter)
        return copy

    def _place(self) -> Path:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="arena-votes-", ignore_cleanup_errors=True)
        return Path(self._folder.name)


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample[:64]:
        return "utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"
    # Up to the last line end: the sample may end within a character.
    whole = sample[: sample.rfind(b"\n") + 1] if len(sample) == _SAMPLE else sample
    damaged = whole.decode("utf-8", errors="replace").count("\ufffd")
    beyond_ascii = len(whole.translate(None, bytes(range(128))))
    if damaged * _FEW >= beyond_ascii > 0:
        with suppress(UnicodeDecodeError):
            whole.decode("gb18030")
            return "gb18030"
    return "utf-8"  # single damaged rows are named where they are read


def _convert(file: Path, copy: Path, encoding: str, delimiter: str) -> None:
    csv.field_size_limit(LONGEST_CELL)
    with (
        file.open(encoding=encoding, errors="replace", newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        target.write(BOM.decode())
        for row in csv.reader(_without_bom(source), delimiter=delimiter):
            target.write(csv_line(row))


def _without_bom(lines: Iterable[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        yield line if number else line.lstrip("\ufeff")
