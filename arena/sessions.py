"""Keeps what a browser tab shows for an hour on disk, so that a reload or a restart of the server loses nothing."""

import hashlib
import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from arena.types import Battle, Vote

KEEP_SECONDS = 3600.0
# A longer conversation is not kept: it would cost too much to write after each answer.
MOST_BYTES = 2_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """What a browser's tab shows: the mode, the named conversation and the blind battle, each with its last vote, and
    the code of the room in which it rates."""

    mode: str = ""
    chat: tuple[Battle, ...] = ()
    chat_vote: Vote | None = None
    blind: tuple[Battle, ...] = ()
    blind_vote: Vote | None = None
    room: str = ""


_SESSION = TypeAdapter(Session)


@dataclass(frozen=True)
class Sessions:
    """The sessions in a folder, one file each. No method raises: a session that cannot be kept is lost."""

    folder: Path
    seconds: float = KEEP_SECONDS

    def save(self, key: str, session: Session) -> None:
        """Replaces what is kept under the key, which nobody must be able to guess. Drops what is too old."""
        try:
            self._drop_old()
            path, data = self._path(key), _SESSION.dump_json(session)
            if len(data) > MOST_BYTES:
                path.unlink(missing_ok=True)  # nothing rather than an earlier state
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(data)
            part.replace(path)
        except OSError as error:
            _log.warning("A session cannot be kept: %s", error)

    def load(self, key: str) -> Session | None:
        """What is kept under the key; None if there is nothing, it is too old, or another version wrote it."""
        path = self._path(key)
        try:
            if path.stat().st_mtime < time.time() - self.seconds:
                return None
            return _SESSION.validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()}.json"

    def _drop_old(self) -> None:
        before = time.time() - self.seconds
        for path in self.folder.glob("*.*") if self.folder.exists() else ():
            with suppress(FileNotFoundError):  # another thread or process has renamed or dropped it
                if path.stat().st_mtime < before:
                    path.unlink()
