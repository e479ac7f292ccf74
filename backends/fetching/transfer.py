"""Downloads one file over HTTP and resumes where it stopped.

It does not use the hubs' libraries: huggingface_hub 2.4 deletes a partial file when its process ends, modelscope_hub
can retry a failing download for minutes without a message, and hf_xet is not covered by tests here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from arena.errors import BackendError
from backends.folder.checkpoint import first_line
from backends.folder.manifest import size_of

if TYPE_CHECKING:
    import httpx

# Consecutive attempts without a new byte.
TRIES = 5
# Before the first retry; then twice as long each time.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Transfer:
    """The download of `url`, a file of `size` bytes, to `path`; with `end` of its first `end` bytes only.

    `report` gets the bytes so far. `refused` returns the error for an HTTP status that a retry cannot fix.
    """

    url: str
    size: int
    path: Path
    report: Callable[[int], None]
    refused: Callable[[int], BackendError]
    # They may hold a login.
    headers: Mapping[str, str] = field(repr=False)
    end: int = 0

    def run(self) -> None:
        """Fills the file up to its size or end. Raises BackendError."""
        import httpx

        self.path.touch()
        # Without ranges a file starts again each time: only more bytes than ever before are progress.
        fruitless, furthest, enough = 0, size_of(self.path), self.end or self.size
        with _client() as client:
            while (have := size_of(self.path)) < enough:
                try:
                    reason = self._receive(client, have)
                except httpx.HTTPError as error:
                    reason = str(error) or type(error).__name__
                have = size_of(self.path)
                fruitless = 0 if have > furthest else fruitless + 1
                furthest = max(furthest, have)
                if fruitless == TRIES:
                    message = f"{self.path.stem} stopped at {have:,} of {self.size:,} bytes: {reason}."
                    raise BackendError("fetch_cut", f"{message} Run this again to continue.", file=self.path.stem)
                if have < enough:
                    time.sleep(PAUSE_SECONDS * 2**fruitless)

    def _receive(self, client: httpx.Client, have: int) -> str:
        """Appends one response to the `have` bytes; returns why the response may be incomplete."""
        # Compressed bytes could be neither counted nor resumed.
        headers = {**self.headers, "Accept-Encoding": "identity"}
        if have or self.end:
            headers["Range"] = f"bytes={have}-{self.end - 1 if self.end else ''}"
        with client.stream("GET", self.url, headers=headers) as response:
            status = response.status_code
            if status == 416:
                self.path.write_bytes(b"")
                raise self._wrong_size(have)
            if status in (408, 429) or status >= 500:
                return f"the hub is busy or failing ({status})"
            if status not in (200, 206):
                raise self.refused(status)
            if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self.path.write_bytes(b"")
                return "the server sent another part than requested"
            self._write(response, 0 if status == 200 else have)
        return "the server closed the connection early"

    def _write(self, response: httpx.Response, done: int) -> None:
        """Writes the response after the first `done` bytes."""
        with self.path.open("r+b") as file:
            file.truncate(done)
            file.seek(done)
            for chunk in response.iter_bytes():
                done += len(chunk)
                if done > self.size:
                    file.truncate(0)
                    raise self._wrong_size(done)
                file.write(chunk)
                self.report(done)
                # A server without ranges sends all of the file.
                if self.end and done >= self.end:
                    break
            # Otherwise a file could be marked as checked although a power failure lost its bytes.
            file.flush()
            os.fsync(file.fileno())

    def _wrong_size(self, seen: int) -> BackendError:
        name, size = self.path.stem, "more than" if seen > self.size else f"{seen:,} instead of"
        message = f"{name} does not match the hub's list: it has {size} {self.size:,} bytes. Run this again."
        return BackendError("fetch_damaged", message, file=name)


def _client() -> httpx.Client:
    import httpx

    try:
        # httpx drops the login on a redirect to another host.
        return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30, connect=10))
    except (ImportError, ValueError) as error:
        line = first_line(error)
        message = f"The proxy in the environment cannot be used: {line}"
        raise BackendError("fetch_proxy", message, reason=line) from error
