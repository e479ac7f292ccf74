"""An append-only file that one process writes at a time: the base of the logs of votes, events and answers."""

import json
import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Self

from filelock import FileLock, Timeout

from arena.errors import os_error_as

# Limits the search for a free part where locks never work. Parts with higher numbers came from other folders.
MOST_PARTS = 1000
_BLOCK = 1 << 20  # bytes read at once when looking for the last line
_LOG = logging.getLogger(__name__)


def part_path(folder: Path, name: str, number: int) -> Path:
    """Part 1 of `votes.csv` is `votes.csv`, part 2 is `votes-2.csv`, and so on."""
    first = folder / name
    return first if number == 1 else first.with_stem(f"{first.stem}-{number}")


def part_number(file_name: str, name: str) -> int:
    """The number of the part called `file_name`, or 0 if it is not a part of the log `name`."""
    if file_name == name:
        return 1
    stem, suffix = os.path.splitext(name)
    match = re.fullmatch(rf"{re.escape(stem)}-([2-9]|[1-9][0-9]+){re.escape(suffix)}", file_name)
    return int(match[1]) if match else 0


def list_parts(folder: Path, name: str) -> list[Path]:
    """The existing parts of the log, by number; none if there is no such folder."""
    if not folder.is_dir():
        return []
    numbers = ((part_number(path.name, name), path) for path in folder.iterdir())
    return [path for number, path in sorted(numbers) if number and path.is_file()]


def size_of(path: Path) -> int:
    """The size in bytes; 0 if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def writing_to(folder: Path) -> AbstractContextManager[None]:
    """Turns an OSError in the block into the error for a data folder that cannot be written."""
    return os_error_as("data_dir_unwritable", f"The data folder {folder} cannot be written", folder=str(folder))


class LogBusy(OSError):
    """Other processes hold all parts of the log."""


@dataclass(frozen=True)
class Tail:
    """What follows the last whole record of a file, which ends at the byte `end`.

    `unended` is a record that only lacks its line end, `torn` the beginning of a record. A `foreign` file must not be
    appended to: it is damaged, or another program has changed it.
    """

    end: int
    kind: Literal["unended", "torn", "foreign"] = "torn"


def json_lines_tail(file: BinaryIO) -> Tail:
    """The tail of a file with one JSON object per line."""
    start = file.seek(0, os.SEEK_END)
    tail = b""
    while start and b"\n" not in tail:
        size = min(_BLOCK, start)
        start -= size
        file.seek(start)
        tail = file.read(size) + tail
    end = start + tail.rfind(b"\n") + 1
    try:
        json.loads(tail[end - start :])
    except (ValueError, RecursionError):
        return Tail(end)
    return Tail(end, "unended")


@dataclass
class _Entry:
    """Bytes to write. `settled` is set once they are written or failed with `error`."""

    data: bytes
    sync: bool
    settled: bool = False
    error: OSError | None = None


class AppendLog:
    """One part of a log, which this object alone writes until `close`. Safe to use from several threads.

    Takes the first part that no other process holds. A torn record at its end, left by a crash, is moved to a file of
    its own (`votes.csv.torn-...`). `head` begins a new part; the file gets `mode`. Raises LogBusy if all parts are
    held, and OSError if the folder cannot be written.
    """

    mode = 0o600  # votes and events are their owner's alone
    head, line_end = b"", b"\n"
    most_parts = MOST_PARTS

    def __init__(self, path: Path, tail: Callable[[BinaryIO], Tail] = json_lines_tail) -> None:
        self.folder, self._name, self._tail = path.parent, path.name, tail
        # Protects the end of the file, _size and _closed: one write at a time.
        self._appending = threading.Lock()
        self._closed = False
        # Protects _waiting, the entries that no thread has begun to write.
        self._queueing = threading.Lock()
        self._waiting: list[_Entry] = []
        _make_folder(self.folder)
        self._take_part()

    def write(self, data: bytes, sync: bool = True) -> None:
        """Appends whole records; returns once they are written and, with `sync`, safe from a power failure.

        Concurrent calls share one write. Raises OSError and leaves the file as it was.
        """
        entry = _Entry(data, sync)
        with self._queueing:
            self._waiting.append(entry)
        with self._appending:
            # The first thread writes the entries of all: one fsync costs as much as many.
            if not entry.settled:
                self._write_waiting()
        if entry.error:
            raise OSError(*entry.error.args) from entry.error

    def close(self) -> None:
        """Lets another process take this part. Later writes fail."""
        with self._appending:
            self._closed = True
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _take_part(self) -> None:
        for number in range(1, self.most_parts + 1):
            part = part_path(self.folder, self._name, number)
            # Protects the part from other processes. Not bound to a thread: any thread may close the log.
            claim = FileLock(part.with_name(f".{part.name}.lock"), thread_local=False)
            try:
                claim.acquire(timeout=0)
            except Timeout:
                continue
            is_usable = False
            try:
                is_usable = self._repair(part)
            finally:
                if not is_usable:
                    claim.release()
            if is_usable:
                self.part, self._size = part, size_of(part)
                self._claim, self._claimed = claim, os.stat(claim.lock_file)
                # Whether the part's name in the folder is safe from a power failure.
                self._is_named = False
                return
        raise LogBusy(f"none of {self.most_parts} parts could be locked")

    def _repair(self, part: Path) -> bool:
        """Makes the part end with a whole record; False if it must be left as it is. Needs the part's lock."""
        try:
            file = part.open("r+b")
        except FileNotFoundError:
            return True
        with file:
            tail, size = self._tail(file), os.fstat(file.fileno()).st_size
            if tail.kind == "foreign":
                _LOG.warning("%s is damaged or from another program or version: it is read, but not written.", part)
                return False
            if tail.end < size:
                if tail.kind == "unended":
                    file.seek(0, os.SEEK_END)
                    file.write(self.line_end)
                else:
                    _move_aside(file, tail.end, part)
                file.flush()
                os.fsync(file.fileno())
        return True

    def _write_waiting(self) -> None:
        """Writes all waiting entries. Afterwards all of them are on disk, or none is and each has the error."""
        with self._queueing:
            entries, self._waiting = self._waiting, []
        error: OSError | None = OSError("it was interrupted")
        try:
            if self._closed:
                raise OSError(f"{self.part.name} is closed")
            self._check_part()
            self._append(b"".join(entry.data for entry in entries), any(entry.sync for entry in entries))
            error = None
        except OSError as failure:
            error = failure
        finally:
            for entry in entries:
                entry.settled, entry.error = True, error

    def _check_part(self) -> None:
        """Takes a part anew if the lock was deleted together with the folder: others may write the part by now.

        Repairs the part if its size changed since the last append: undoing it failed, or the file was edited.
        """
        is_ours = False
        with suppress(FileNotFoundError):
            is_ours = os.path.samestat(os.stat(self._claim.lock_file), self._claimed)
        if not is_ours and self.folder.is_dir():
            self._claim.release()
            self._take_part()
        if size_of(self.part) != self._size:
            if not self._repair(self.part):
                raise OSError(f"{self.part.name} was changed by another program")
            self._size = size_of(self.part)

    def _append(self, data: bytes, sync: bool) -> None:
        # Opened anew each time: a file that was replaced or deleted would swallow records unnoticed.
        # Unbuffered: a buffer would be written at close, after a failed write was undone.
        if not self._size:
            self.part.touch(self.mode)
            self._is_named = False
        with self.part.open("ab", buffering=0) as file:
            data = data if self._size else self.head + data
            try:
                written = 0
                while written < len(data):
                    written += file.write(data[written:])
                if sync:
                    os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):  # _check_part tries again
                    file.truncate(self._size)
                raise
        if sync and not self._is_named:
            sync_folder(self.folder)
            self._is_named = True
        self._size += len(data)


def _move_aside(file: BinaryIO, start: int, part: Path) -> None:
    file.seek(start)
    handle, name = tempfile.mkstemp(prefix=f"{part.name}.torn-", dir=part.parent)
    with os.fdopen(handle, "wb") as aside:
        shutil.copyfileobj(file, aside)
        aside.flush()
        os.fsync(aside.fileno())
    file.truncate(start)
    _LOG.warning("%s ended in an unfinished record: its bytes are in %s.", part, name)


def _make_folder(folder: Path) -> None:
    """Makes the folder and those above it; their names survive a power failure."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Makes the name of a new file durable. Not every system supports it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
