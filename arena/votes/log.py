"""Appends votes to a CSV so that none is lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from arena.errors import InputError, VoteRefused
from arena.types import Vote
from arena.votes.claims import take_part
from arena.votes.parts import HEAD, csv_line, prepare_part
from arena.votes.rows import to_row

if TYPE_CHECKING:
    from arena.votes.store import VoteReading


@dataclass
class _Row:
    """A row on its way to the disk; `settled` once it is there, or cannot be by `error`."""

    line: bytes
    settled: bool = False
    error: OSError | None = None


class VoteLog:
    """The votes of one data folder. Holds one part of the log, alone, from construction to `close`.

    `path` is the first part, DATA_DIR/votes.csv; a second process on the folder gets votes-2.csv, and so on.
    Raises InputError("data_dir_unwritable") if the folder cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        path = Path(path)
        self.folder, self._name = path.parent, path.name
        # Protects the end of the file, and _size and _closed with it: one write at a time.
        self._appending = threading.Lock()
        self._closed = False
        # Protects _waiting, the rows that nobody has begun to write.
        self._queueing = threading.Lock()
        self._waiting: list[_Row] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.part, self._claim = take_part(self.folder, self._name, prepare_part)
            self._size = _size_of(self.part)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The data folder {self.folder} cannot be written: {reason}."
            raise InputError("data_dir_unwritable", message, folder=str(self.folder), reason=reason) from error

    def append(self, vote: Vote) -> None:
        """Write the vote; returns when the row is on disk. Safe from several threads, whose rows share a write.

        Raises VoteRefused("not_saved"), with the file as it was, if the row cannot be written, and ValueError for a
        vote without a battle id or a model, which could not be read back.
        """
        row = _Row(csv_line(list(to_row(vote).values())).encode())
        with self._queueing:
            self._waiting.append(row)
        with self._appending:
            # Whoever comes first writes what all have brought meanwhile: to wait for the disk costs the same.
            if not row.settled:
                self._write_waiting()
        if row.error:
            raise _not_saved(row.error.strerror or str(row.error)) from row.error

    def read(self, withdrawn: Collection[str] = frozenset()) -> VoteReading:
        """The votes of all parts; see `read_votes`."""
        # What reads votes reads events too, and those are written as votes are.
        from arena.votes.store import read_votes

        return read_votes(self.folder, self._name, withdrawn)

    def close(self) -> None:
        """Let another process take this part. Later votes are refused."""
        with self._appending:
            self._closed = True
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write_waiting(self) -> None:
        """Write all rows that wait, the lock held: all of them are on disk then, or none and each knows why."""
        with self._queueing:
            rows, self._waiting = self._waiting, []
        error: OSError | None = OSError("it was interrupted")
        try:
            if self._closed:
                raise OSError("the vote log is closed")
            self._check_end()
            self._write(b"".join(row.line for row in rows))
            error = None
        except OSError as reason:
            error = reason
        finally:
            for row in rows:
                row.settled, row.error = True, error

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
