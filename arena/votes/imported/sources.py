"""Where votes are read from: a data folder, or named files, which are checked, unpacked and copied as needed."""

import codecs
import glob
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from arena.append_log import list_parts, part_number
from arena.errors import InputError, os_error_as
from arena.events import MarkReader
from arena.votes.imported.dialect import PLAIN, Form, column_names, form_of, sample_of, text_of
from arena.votes.records import FIRST_PART, csv_cells, csv_line, cut_records, is_whole_row, is_written_by_log
from arena.votes.rows import REQUIRED, UnreadableRow

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
_IN_WORKBOOKS = ("xl/", "content.xml", "Index/")  # of Excel, LibreOffice and Numbers


class DataFolder:
    """The votes of a data folder, which may grow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.marks = MarkReader(folder)
        self._copies = PlainCopies()

    def files(self) -> list[Path]:
        """The parts of the log."""
        return list_parts(self._folder, FIRST_PART)

    def parts(self) -> dict[Path, str]:
        """The parts in the format of the log, some of them copies, and their names for error messages."""
        return {self._copies.plain(file): file.name for file in self.files()}


class ImportedFiles:
    """The votes of the named files, with their further parts, as they were when they were first read.

    Some parts are temporary copies, which are deleted with this object. The marks in the event log beside one of the
    files hold for all copies of a vote. Raises InputError for a file that is missing or does not contain votes.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        logs = _named_logs(files)
        self.marks = MarkReader(*{log.parent for log in logs})
        self._copies = PlainCopies(are_whole=True)
        self._names: dict[Path, Path] = {}
        for file in (part for log in logs for part in list_parts(log.parent, log.name)):
            with os_error_as("votes_unreadable", f"{file.name} cannot be read", path=file.name):
                self._names[self._plain_part(file)] = file

    def files(self) -> list[Path]:
        """The original files, further parts among them."""
        return list(self._names.values())

    def parts(self) -> dict[Path, str]:
        """All parts in the format of the log, file by file, and the original file of each as it was named."""
        return {part: str(file) for part, file in self._names.items()}

    def _plain_part(self, file: Path) -> Path:
        path, sample = file, _sample(file)
        if sample.startswith(_ZIP):
            path = self._unpacked(file)
            sample = _sample(path)
        if form_of(sample) is None:
            raise _refusal_of(sample, file.name)
        return self._copies.plain(path)

    def _unpacked(self, file: Path) -> Path:
        """The votes in a zip, as `export` writes it."""
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                if any(name.startswith(_IN_WORKBOOKS) for name in names):
                    raise _refusal(file.name, "votes_workbook")
                votes = [name for name in names if part_number(PurePosixPath(name).name, FIRST_PART)]
                if len(votes) != 1:
                    raise _refusal(file.name, "votes_packed")
                path = self._copies.new_path(file.name)
                with archive.open(votes[0]) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
                return path
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # damaged, or it needs a password
            raise _refusal(file.name, "votes_packed") from error


def _named_logs(files: Iterable[Path]) -> list[Path]:
    """The files that the names and patterns (`host*/votes.csv`) match, each once; of a folder its votes.csv.

    Further parts of another named file are left out: `list_parts` adds them. Raises InputError for a missing file.
    """
    logs: dict[Path, Path] = {}
    for file in files:
        named = [file, *sorted(map(Path, glob.glob(str(file))))]
        candidates = [path / FIRST_PART if path.is_dir() else path for path in named]
        matches = [path for path in candidates if list_parts(path.parent, path.name)]
        if not matches:
            raise no_votes(file)
        for path in matches:
            logs.setdefault(path.resolve(), path)
    further = {part for path in logs for part in list_parts(path.parent, path.name) if part != path}
    return [path for resolved, path in logs.items() if resolved not in further]


def _sample(path: Path) -> bytes:
    with path.open("rb") as file:
        return sample_of(file)


# ---- errors that say what to do


def no_votes(path: Path) -> InputError:
    """The error for a file that does not exist, or a folder without votes."""
    if path.is_dir():
        message = f"The folder {path} has no {FIRST_PART}. Vote on the page first, or name a vote file."
        return InputError("votes_none", message, path=str(path), file=FIRST_PART)
    message = f"{path} does not exist. Name a vote file, or a folder that has a {FIRST_PART}."
    return InputError("votes_missing", message, path=str(path), file=FIRST_PART)


_REFUSALS = {
    "votes_empty": "is empty. Name another vote file.",
    "votes_workbook": "is a workbook. Open it and save it as CSV (UTF-8).",
    "votes_packed": "is an archive. Unpack it and name the vote files in it.",
    "votes_binary": "is not a text file. Export the votes as CSV from the program that wrote it.",
    "votes_page": "is a web page or XML, not CSV. Download the votes again, or save them as CSV.",
    "votes_json": "is JSON, not CSV. Name the votes.csv that this app writes or exports.",
}


def _refusal(name: str, code: str) -> InputError:
    return InputError(code, f"{name} {_REFUSALS[code]}", path=name)


def _refusal_of(sample: bytes, name: str) -> InputError:
    """The error for a file without votes, by what the file is instead."""
    text = text_of(sample).strip()
    is_binary = sample.startswith(_PARQUET) or (b"\0" in sample and not sample.startswith(_UTF_16))
    kinds = {
        "votes_empty": not text,
        "votes_workbook": sample.startswith(_OLD_WORKBOOK),
        "votes_packed": sample.startswith((_ZIP, *_COMPRESSED)),
        "votes_binary": is_binary,
        "votes_page": text.startswith("<"),
        "votes_json": text.startswith(("{", "[")),
    }
    if code := next((code for code, holds in kinds.items() if holds), None):
        return _refusal(name, code)
    first = text.splitlines()[0].lower()
    column = next((column for column in REQUIRED if column not in first), REQUIRED[0])
    message = f"{name} has no column {column}. The first line of a vote file must name {', '.join(REQUIRED)}."
    return InputError("votes_column", message, path=name, column=column)


# ---- copies in the format of the log


class PlainCopies:
    """Copies of parts that other programs saved, in UTF-8 with commas and a line end after each row.

    They lie in a temporary folder that is deleted with this object. With `are_whole` no program is writing to the
    parts: a last row without its line end is a row. Without it, that holds only for parts that another program saved.
    """

    def __init__(self, are_whole: bool = False) -> None:
        self._are_whole = are_whole
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._known: dict[Path, tuple[tuple[int, int], Path]] = {}

    def plain(self, part: Path) -> Path:
        """The part, or where one is needed its copy, which has the same name. Raises OSError."""
        with part.open("rb") as file:
            if not self._are_whole and is_written_by_log(file):
                return part
            status = os.fstat(file.fileno())
            state = status.st_size, status.st_mtime_ns
            if part in self._known and self._known[part][0] == state:
                return self._known[part][1]
            form = form_of(sample_of(file))
            file.seek(max(0, status.st_size - 1))
            is_plain = form == PLAIN and file.read() in (b"", b"\n")
        copy = part
        if form and not is_plain:
            copy = self.new_path(part.name)
            with copy.open("wb") as target:
                target.writelines(_plain_records(part, form))
        self._known[part] = state, copy
        return copy

    def new_path(self, name: str) -> Path:
        """A path in a new temporary folder for a file of this name."""
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="arena-votes-", ignore_cleanup_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder.name)) / name


def _plain_records(part: Path, form: Form) -> Iterator[bytes]:
    """The records as the log writes them; a damaged one unchanged, so that the reader reports it."""
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
    # Undecodable bytes are written again unchanged, and spoil one row there.
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
