"""The event log: everything but votes that must outlive a restart, one JSON object a line, only ever added to.

Knows nothing of what an event means.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import orjson

from arena.errors import InputError
from arena.votes.claims import take_part
from arena.votes.parts import list_parts

FIRST_PART = "events.jsonl"


@dataclass(frozen=True)
class Event:
    """What happened (`kind`), when (Unix seconds, UTC), and the rest by name."""

    kind: str
    time: float
    about: Mapping[str, Any]


class Events(Protocol):
    """Where events go: an EventLog, or what stands in for it."""

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Raises OSError if it cannot be written."""
        ...


class EventLog:
    """The events of one data folder. Holds one part of the log, alone, from construction to `close`.

    Raises InputError("data_dir_unwritable") if the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        # Protects the end of the part: one line at a time.
        self._appending = threading.Lock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.part, self._claim = take_part(self.folder, FIRST_PART, _end_line)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The data folder {self.folder} cannot be written: {reason}."
            raise InputError("data_dir_unwritable", message, folder=str(self.folder), reason=reason) from error

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Add an event. It outlives this process in any case and, if `durable`, the machine's failure as well.

        Raises OSError if it cannot be written.
        """
        line = json.dumps({"kind": kind, "time": time.time(), **about}, ensure_ascii=False) + "\n"
        with self._appending, self.part.open("ab", buffering=0) as file:
            data = line.encode("utf-8", "replace")
            before = file.tell()
            if file.write(data) != len(data):
                file.truncate(before)
                raise OSError(f"{self.part.name} took a part of a line")
            if durable:
                os.fsync(file.fileno())

    def read(self) -> Iterator[Event]:
        """The events of all parts in the order of time; a line that a crash cut off is left out."""
        return read_events(self.folder)

    def close(self) -> None:
        """Let another process take this part."""
        self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class NoEvents:
    """Stands in for the log where nothing can be written: a restart forgets everything."""

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Does nothing; raises OSError for what has to outlive this process."""
        if durable:
            raise OSError("the data folder cannot be written")

    def read(self) -> Iterator[Event]:
        """There are none."""
        return iter(())


def read_events(folder: Path) -> Iterator[Event]:
    """The events of a data folder, as EventLog.read."""
    # What one process put before a rater another may have taken the vote on, and no part is older as a whole.
    return merge(*map(_events_of, list_parts(folder, FIRST_PART)), key=lambda event: event.time)


def _events_of(part: Path) -> Iterator[Event]:
    with part.open("rb") as file:
        for line in file:
            if event := parse_event(line):
                yield event


def parse_event(line: bytes) -> Event | None:
    """The event in a line; None if there is none."""
    try:
        found = orjson.loads(line)
        return Event(found.pop("kind"), float(found.pop("time")), found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _end_line(part: Path) -> bool:
    """What a crash cut off stays as it is, on a line of its own that no reader takes for an event."""
    with part.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
    return True
