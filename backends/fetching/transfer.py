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


class StatusRefused(Exception):
    """The server answers with an error status for which a retry is no use."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


@dataclass(frozen=True)
class Request:
    """The file's address and size. The headers may hold a login, so they are left out of the repr."""

    url: str
    size: int
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


def transfer(request: Request, partial: Path, report: Callable[[int], None], pause: float = 1.0) -> None:
    """Fills `partial` up to the size; `report` gets the bytes so far. Raises StatusRefused or BackendError."""
    import httpx

    partial.touch()
    # Without ranges a file starts again each time: only more bytes than ever before are progress.
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
                raise BackendError("fetch_cut", f"{message} Run this again to continue.", file=partial.stem)
            if size_of(partial) < request.size:
                time.sleep(pause * 2**fruitless)


def _client() -> httpx.Client:
    import httpx

    try:
        # httpx drops the login on a redirect to another host.
        return httpx.Client(follow_redirects=True, timeout=httpx.Timeout(30, connect=10))
    except (ImportError, ValueError) as error:
        message = f"The proxy in the environment cannot be used: {first_line(error)}"
        raise BackendError("fetch_proxy", message) from error


def _receive(client: httpx.Client, request: Request, partial: Path, report: Callable[[int], None]) -> str:
    """Appends one response to `partial`; returns why the response may be incomplete."""
    have = size_of(partial)
    # Compressed bytes could be neither counted nor resumed.
    headers = {**request.headers, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", request.url, headers=headers) as response:
        status = response.status_code
        if status == 416:
            partial.write_bytes(b"")
            raise _wrong_size(partial, request, have)
        if status in (408, 429) or status >= 500:
            return f"the hub is busy or failing ({status})"
        if status not in (200, 206):
            raise StatusRefused(status)
        begin = 0 if status == 200 else have
        if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            partial.write_bytes(b"")
            return "the server sent another part than requested"
        _write(response, partial, begin, request, report)
    return "the server closed the connection early"


def _write(
    response: httpx.Response, partial: Path, begin: int, request: Request, report: Callable[[int], None]
) -> None:
    """Writes the response from byte `begin` on, up to the size of the file."""
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
        # Otherwise a file could be marked as checked although a power failure lost its bytes.
        file.flush()
        os.fsync(file.fileno())


def _wrong_size(partial: Path, request: Request, seen: int) -> BackendError:
    size = "more than" if seen > request.size else f"{seen:,} instead of"
    message = f"{partial.stem} does not match the hub's list: it has {size} {request.size:,} bytes. Run this again."
    return BackendError("fetch_damaged", message, file=partial.stem)
