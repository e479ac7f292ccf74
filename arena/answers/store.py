"""The file that answers are added to, one at a time, each on disk before the next is asked for.

Knows nothing of what is asked.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from filelock import FileLock, Timeout

from arena.answers.files import read_recorded
from arena.answers.lines import to_line
from arena.answers.record import Recorded
from arena.errors import InputError

_LOG = logging.getLogger(__name__)
FILE_NAME = "answers.jsonl"


class AnswerStore:
    """The answers in `path`, which it alone may add to, from construction to `close`. Safe from several threads.

    Raises InputError("answers_busy") while another process has it, ("answers_unwritable") where nothing can be written,
    and what `read_recorded` raises for a file with a mistake.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        # Protects the file from other processes. Not bound to a thread: whoever closes the store releases it.
        self._claim = FileLock(self.path.with_name(f".{self.path.name}.lock"), thread_local=False)
        # Protects the end of the file, and _keys with it: one answer at a time.
        self._appending = threading.Lock()
        self._take()
        try:
            _end_line(self.path)
            known = read_recorded(self.path) if _has_text(self.path) else ()
        except OSError as error:
            self._claim.release()
            raise self._unwritable(error) from error
        except InputError:
            self._claim.release()
            raise
        self._keys = {entry.key: entry for entry in known if entry.key}

    def get(self, key: str, /) -> Recorded | None:
        """The answer with this key, if it was ever made; also one that failed."""
        with self._appending:
            return self._keys.get(key)

    def append(self, entry: Recorded) -> None:
        """Keep an answer; returns once it is on disk. Raises InputError, with the file as it was, if it cannot be."""
        line = json.dumps(to_line(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._appending:
            try:
                with self.path.open("ab", buffering=0) as file:
                    _write(file, line)
            except OSError as error:
                raise self._unwritable(error) from error
            self._keys[entry.key] = entry

    def close(self) -> None:
        """Let others add to the file."""
        self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._claim.acquire(timeout=0)
        except Timeout as error:
            message = f"Another batch is adding to {self.path}."
            raise InputError("answers_busy", message, path=str(self.path)) from error
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InputError:
        reason = error.strerror or str(error)
        message = f"Answers cannot be kept in {self.path}: {reason}."
        return InputError("answers_unwritable", message, path=str(self.path), reason=reason)


def _write(file: BinaryIO, line: bytes) -> None:
    """The whole line and nothing else, on disk; or the file as it was."""
    before = file.seek(0, os.SEEK_END)
    try:
        written = 0
        while written < len(line):
            written += file.write(line[written:])
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(before)
        raise


def _has_text(path: Path) -> bool:
    return path.exists() and bool(path.read_bytes().strip())


def _end_line(path: Path) -> None:
    """Make the file end with a whole line: what a crash cut off is moved to a file of its own."""
    if not path.exists():
        with path.open("ab"):  # tells now, and not after the first answer, that nothing can be written
            return
    with path.open("r+b") as file:
        data = file.read()
        torn = data[data.rfind(b"\n") + 1 :]
        if not torn:
            return
        try:
            json.loads(torn)
        except (ValueError, RecursionError):
            aside = path.with_name(f"{path.name}.torn-{time.time_ns()}")
            aside.write_bytes(torn)
            file.truncate(len(data) - len(torn))
            _LOG.warning("%s ended in an unfinished line: its bytes are in %s.", path, aside.name)
        else:
            file.write(b"\n")  # a whole line of somebody's who does not end the last one
        os.fsync(file.fileno())
