"""The vote log: appends votes to a CSV so that none is lost, and reads them back.

Knows nothing of who may vote on what, of withdrawn votes, or of results.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import BaseFileLock, FileLock, Timeout

from arena.errors import InputError, VoteRefused
from arena.types import Vote
from arena.vote_parts import FIRST_PART, HEAD, csv_line, part_path, prepare_part
from arena.vote_reading import BadRow, ReadReport, Signature, VoteReading, read_votes, signature
from arena.vote_rows import COLUMNS, SCHEMA, to_row

__all__ = [
    "COLUMNS",
    "FIRST_PART",
    "SCHEMA",
    "BadRow",
    "ReadReport",
    "Signature",
    "VoteLog",
    "VoteReading",
    "read_votes",
    "signature",
]

_MOST_PARTS = 1000  # where locks never work, the search must end


class VoteLog:
    """The votes of one data folder. Holds one part of the log, alone, from construction to `close`.

    `path` is the first part, DATA_DIR/votes.csv; a second process on the folder gets votes-2.csv, and so on.
    Raises InputError("data_dir_unwritable") if the folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        path = Path(path)
        self.folder, self._name = path.parent, path.name
        # Protects the end of the file, and _size and _closed with it: one row at a time.
        self._appending = threading.Lock()
        self._closed = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.part, self._claim = _take_part(self.folder, self._name)
            self._size = _size_of(self.part)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The data folder {self.folder} cannot be written: {reason}."
            raise InputError("data_dir_unwritable", message, folder=str(self.folder), reason=reason) from error

    def append(self, vote: Vote) -> None:
        """Write the vote; returns when the row is on disk. Safe from several threads.

        Raises VoteRefused("not_saved"), with the file as it was, if the row cannot be written, and ValueError for a
        vote without a battle id or a model, which could not be read back.
        """
        line = csv_line(list(to_row(vote).values())).encode()
        with self._appending:
            if self._closed:
                raise _not_saved("the vote log is closed")
            try:
                self._check_end()
                self._write(line)
            except OSError as error:
                raise _not_saved(error.strerror or str(error)) from error

    def read(self, withdrawn: Collection[str] = frozenset()) -> VoteReading:
        """The votes of all parts, lazily; see `read_votes`."""
        return read_votes(self.folder, self._name, withdrawn)

    def signature(self) -> Signature:
        """Changes whenever a part does; see `arena.votes.signature`."""
        return signature(self.folder, self._name)

    def close(self) -> None:
        """Let another process take this part. Later votes are refused."""
        with self._appending:
            self._closed = True
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _check_end(self) -> None:
        """Look at the part anew if it is not as the last append left it: its undoing failed, or somebody edited it."""
        if _size_of(self.part) == self._size:
            return
        if not prepare_part(self.part):
            raise OSError(f"{self.part.name} was changed by another program")
        self._size = _size_of(self.part)

    def _write(self, line: bytes) -> None:
        # Opened anew for each row: a file that was replaced or deleted meanwhile would swallow votes unseen.
        # Unbuffered: what a failed write leaves in a buffer would be written at close, after the undoing.
        with self.part.open("ab", buffering=0) as file:
            data = line if self._size else HEAD + line
            try:
                written = 0
                while written < len(data):
                    written += file.write(data[written:])
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):  # _check_end tries again
                    file.truncate(self._size)
                raise
        if not self._size:
            _sync_folder(self.folder)
        self._size += len(data)


def _take_part(folder: Path, name: str) -> tuple[Path, BaseFileLock]:
    """The first part that nobody holds and that can be appended to, with the lock that holds it."""
    for number in range(1, _MOST_PARTS + 1):
        part = part_path(folder, name, number)
        # Protects the part from other processes. Not bound to a thread: whoever closes the log releases it.
        claim = FileLock(part.with_name(f".{part.name}.lock"), thread_local=False)
        try:
            claim.acquire(timeout=0)
        except Timeout:
            continue
        try:
            usable = prepare_part(part)
        except BaseException:
            claim.release()
            raise
        if usable:
            return part, claim
        claim.release()
    raise OSError(f"none of {_MOST_PARTS} parts could be locked")


def _size_of(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on disk too. Not every system can; the row itself is safe by then."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _not_saved(reason: str) -> VoteRefused:
    return VoteRefused("not_saved", f"The vote was not saved: {reason}.", reason=reason)
