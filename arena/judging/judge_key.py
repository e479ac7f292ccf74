"""The key that hides raters: it turns a rater's random id into the judge that the CSV stores."""

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from arena.append_log import size_of, sync_folder

# Letters of a receipt's code, 5 bits each.
_CODE_LENGTH = 16
_LOCK_SECONDS = 10.0


class JudgeKey:
    """Hashes raters' ids with a key that lives in a file beside the votes and never leaves the machine.

    With `secret` the key is derived from it: a rater stays the same judge where the disk does not outlive a restart.
    """

    def __init__(self, path: Path, secret: str = "") -> None:
        self._path = path
        self._is_saved = bool(secret)
        self._key = hashlib.sha256(secret.encode("utf-8", "replace")).digest() if secret else secrets.token_bytes(32)
        with suppress(OSError):  # the disk may be full: nobody can vote before `save` succeeds
            self.save()

    def save(self) -> None:
        """Puts the key on disk unless it is there: receipts must outlive a restart. Raises OSError."""
        if not self._is_saved:
            if not size_of(self._path):
                _create(self._path, self._key)
            self._key = self._path.read_bytes()
            self._is_saved = True

    def judge(self, rater: str) -> str:
        """A keyed hash: the same rater is the same judge, and nobody without the key can tell who."""
        return self._hash(f"rater:{rater}")[:24]

    def code(self, judge: str) -> str:
        """The code on a judge's receipts, and nowhere else: whoever has it may withdraw the votes."""
        digest = bytes.fromhex(self._hash(f"withdraw:{judge}"))
        return base64.b32encode(digest)[:_CODE_LENGTH].decode()

    def derive(self, purpose: str) -> str:
        """Another secret from the same key, for one purpose."""
        return self._hash(f"purpose:{purpose}")

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _create(path: Path, key: bytes) -> None:
    """Writes the key, whole or not at all; leaves one that another process has written meanwhile."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        # Not by a hard link, which some disks refuse; the log of votes needs locks as well.
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=_LOCK_SECONDS):
            if not size_of(path):
                os.replace(name, path)
        sync_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)
