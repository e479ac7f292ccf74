"""The key that hides raters: it turns a rater's random id into the judge that the CSV stores."""

import base64
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

# Letters of a receipt's code, 5 bits each.
_CODE_LENGTH = 16


class JudgeKey:
    """Hashes raters' ids with a key that lives in a file beside the votes and never leaves the machine.

    If `secret` is given, the key is derived from it instead, so that a rater stays the same judge on a host whose disk
    does not outlive a restart.
    """

    def __init__(self, path: Path, secret: str = "") -> None:
        self._key = hashlib.sha256(secret.encode("utf-8", "replace")).digest() if secret else _read_or_create(path)

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


def _read_or_create(path: Path) -> bytes:
    """The key in `path`, created if missing. A key that cannot be read or written lasts for this run only."""
    key = secrets.token_bytes(32)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        with suppress(OSError):
            key = path.read_bytes() or key
        return key
    except OSError:
        return key
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
    except OSError:  # the disk is full; an empty file would block a key for good
        path.unlink(missing_ok=True)
    return key
