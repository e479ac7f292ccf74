"""Files of votes that people bring: checked, unpacked, and copied where another program has saved them."""

from __future__ import annotations

import codecs
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.votes.imported.convert import PlainCopies
from arena.votes.imported.dialect import form_of, sample_of, text_of
from arena.votes.imported.named import named_logs, parts_of_logs
from arena.votes.parts import part_number
from arena.votes.rows import REQUIRED
from arena.votes.withdrawn import withdrawn_beside

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_IN_WORKBOOKS = ("xl/", "content.xml", "Index/")  # of Excel, LibreOffice and Numbers


class ImportedFiles:
    """The parts of all files that are named, as the log is written: the files themselves, or copies that go with this
    object. Raises InputError for a file that is not there or not votes."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._logs = named_logs(files)
        self._copies = PlainCopies(are_whole=True)
        self._named: dict[Path, Path] = {}
        for file in parts_of_logs(self._logs):
            try:
                self._named[self._part(file)] = file
            except OSError as error:
                reason = error.strerror or str(error)
                message = f"{file.name} cannot be read: {reason}."
                raise InputError("votes_unreadable", message, path=file.name, reason=reason) from error

    @property
    def parts(self) -> list[Path]:
        """All of them, file by file."""
        return list(self._named)

    @property
    def files(self) -> set[Path]:
        """Where they lie, further parts among them."""
        return {file.resolve() for file in self._named.values()}

    def withdrawn(self) -> frozenset[str]:
        """The votes that were withdrawn, as the events beside the files tell."""
        return withdrawn_beside(self._logs)

    def name(self, part: Path) -> str:
        """What the file was called where it was named."""
        return str(self._named[part])

    def _part(self, file: Path) -> Path:
        sample = _sample(file)
        path = self._unpacked(file) if sample.startswith(_ZIP) else file
        sample = sample if path is file else _sample(path)
        if form_of(sample) is None:
            raise _refusal(sample, file.name)
        return self._copies.plain(path)

    def _unpacked(self, file: Path) -> Path:
        """The votes in a zip, as `export` makes it."""
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                if any(name.startswith(_IN_WORKBOOKS) for name in names):
                    raise _workbook(file.name)
                votes = [name for name in names if part_number(PurePosixPath(name).name)]
                if len(votes) != 1:
                    raise _packed(file.name)
                path = self._copies.place(file.name)
                with archive.open(votes[0]) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
                return path
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # damaged, or it needs a password
            raise _packed(file.name) from error


def _sample(path: Path) -> bytes:
    with path.open("rb") as file:
        return sample_of(file)


def _refusal(sample: bytes, name: str) -> InputError:
    """Says what a file is that has no votes, and what to do."""
    text = text_of(sample).strip()
    if not text:
        return InputError("votes_empty", f"{name} is empty: there are no votes in it.", path=name)
    if sample.startswith(_OLD_WORKBOOK):
        return _workbook(name)
    if sample.startswith((_ZIP, *_PACKED)):
        return _packed(name)
    if sample.startswith(_PARQUET) or (b"\0" in sample and not sample.startswith(_UTF_16)):
        message = f"{name} is not text: export the votes from the program that wrote it, as CSV."
        return InputError("votes_binary", message, path=name)
    if text.startswith("<"):
        message = f"{name} is a web page or XML, not CSV: download or save the votes again, as CSV."
        return InputError("votes_page", message, path=name)
    if text.startswith(("{", "[")):
        message = f"{name} is JSON, not CSV: name the votes.csv that the app writes or exports."
        return InputError("votes_json", message, path=name)
    first = text.splitlines()[0].lower()
    column = next((column for column in REQUIRED if column not in first), REQUIRED[0])
    message = f"{name} has no column {column}: the first line of a file of votes names {', '.join(REQUIRED)}."
    return InputError("votes_column", message, path=name, column=column)


def _workbook(name: str) -> InputError:
    message = f"{name} is a workbook: open it and save it as CSV (UTF-8)."
    return InputError("votes_workbook", message, path=name)


def _packed(name: str) -> InputError:
    message = f"{name} is packed, and no votes can be read from it: unpack it and name the files of votes."
    return InputError("votes_packed", message, path=name)
