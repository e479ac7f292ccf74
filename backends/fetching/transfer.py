"""One file over HTTP into a partial file, going on where it stopped. Knows no hub and no hash.

Neither hub's library is used here: huggingface_hub 2.4 throws a partial file away when its process ends, and
modelscope_hub's own retries can hold a failing download for minutes without a word. Plain HTTP also leaves hf_xet out,
which would fetch by ways that no test here sees.
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

# In a row, without a single new byte.
TRIES = 5


class StatusRefused(Exception):
    """The server answers with an error that asking again does not mend."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


@dataclass(frozen=True)
class Request:
    """Where the bytes are, and how many there must be. A login in the headers never shows in a text of this."""

    url: str
    size: int
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


def transfer(request: Request, partial: Path, report: Callable[[int], None], pause: float = 1.0) -> None:
    """Fill `partial` up to the size; `report` is told how much is there. Raises StatusRefused, BackendError."""
    import httpx

    partial.touch()
    # Without ranges a file begins anew each time: only what is more than ever before is progress.
    fruitless, furthest = 0, size_of(partial)
    with _client() as client:
        while size_of(partial) < request.size:
            try:
                reason = _receive(client, request, partial, report)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            fruitless = 0 if size_of(partial) > furthest else fruitless + 1
            furthest = max(furthest, size_of(partial))
            if fruitless == TRIES:
                message = f"{partial.stem} stopped at {size_of(partial):,} of {request.size:,} bytes: {reason}."
                raise BackendError("fetch_cut", f"{message} Run this again to go on.", file=partial.stem)
            if size_of(partial) < request.size:
                time.sleep(pause * 2**fruitless)


def _client() -> httpx.Client:
    import httpx

    try:
        # On a redirect to another host httpx drops the login.
        return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30, connect=10))
    except (ImportError, ValueError) as error:
        message = f"The proxy that the environment names cannot be used here: {first_line(error)}"
        raise BackendError("fetch_proxy", message) from error


def _receive(client: httpx.Client, request: Request, partial: Path, report: Callable[[int], None]) -> str:
    """One answer, as far as it goes; why there may be no more of it."""
    have = size_of(partial)
    # Compressed bytes could not be counted, nor gone on with.
    headers = {**request.headers, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", request.url, headers=headers) as response:
        status = response.status_code
        if status == 416:
            partial.write_bytes(b"")
            raise _wrong_size(partial, request, have)
        if status in (408, 429) or status >= 500:
            return f"the hub is busy or out of order ({status})"
        if status not in (200, 206):
            raise StatusRefused(status)
        begin = 0 if status == 200 else have
        if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            partial.write_bytes(b"")
            return "the server sent another part than was asked for"
        _write(response, partial, begin, request, report)
    return "the server ends before the file does"


def _write(
    response: httpx.Response, partial: Path, begin: int, request: Request, report: Callable[[int], None]
) -> None:
    """Append what comes from byte `begin` on; never more than the file may have."""
    with partial.open("r+b") as file:
        file.truncate(begin)
        file.seek(begin)
        for chunk in response.iter_bytes():
            begin += len(chunk)
            if begin > request.size:
                file.truncate(0)
                raise _wrong_size(partial, request, begin)
            file.write(chunk)
            report(begin)
        # A name is given to checked files alone; after a power cut it must not stand over bytes that never arrived.
        file.flush()
        os.fsync(file.fileno())


def _wrong_size(partial: Path, request: Request, seen: int) -> BackendError:
    words = "more than" if seen > request.size else f"{seen:,} instead of"
    message = f"{partial.stem} is not what the hub's list says: it has {words} {request.size:,} bytes. Run this again."
    return BackendError("fetch_damaged", message, file=partial.stem)
