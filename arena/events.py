"""The event log: everything besides votes that must survive a restart, one JSON object per line."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import Any

import orjson

from arena.append_log import AppendLog, list_parts, writing_to

FIRST_PART = "events.jsonl"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Event:
    """What happened (`kind`), when (Unix seconds, UTC), and its other fields by name."""

    kind: str
    time: float
    about: Mapping[str, Any]


class EventLog(AppendLog):
    """The events of one data folder; see `AppendLog`. Raises InputError("data_dir_unwritable")."""

    def __init__(self, folder: Path) -> None:
        with writing_to(folder):
            super().__init__(folder / FIRST_PART)
        self._followers: list[tuple[NewEvents, Sequence[Callable[[Event], None]]]] = []
        self._own: set[Path] = set()
        # Protects the two above.
        self._following = threading.Lock()

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Adds an event, which survives this process and, if `durable`, a power failure. Raises OSError."""
        line = json.dumps({"kind": kind, "time": time.time(), **about}, ensure_ascii=False) + "\n"
        self.write(line.encode("utf-8", "replace"), sync=durable)

    def follow(self, *replays: Callable[[Event], None]) -> None:
        """Passes on all events of earlier processes, and at each `catch_up` those of others. Raises OSError."""
        new = NewEvents(self.folder)
        _replay(new.read(), replays)
        with self._following:
            self._followers.append((new, replays))

    def catch_up(self) -> None:
        """Passes on what other processes on the folder have added since the last call, as far as it can be read."""
        with self._following:
            self._own.add(self.part)
            for new, replays in self._followers:
                try:
                    _replay(new.read(self._own), replays)
                except OSError as error:
                    _LOG.warning("Events of other processes cannot be read: %s", error)


def _replay(events: Iterable[Event], replays: Sequence[Callable[[Event], None]]) -> None:
    for event in events:
        for replay in replays:
            replay(event)


class NoEvents:
    """Replaces the log where nothing can be written: a restart forgets everything."""

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Does nothing. Raises OSError for a durable event."""
        if durable:
            raise OSError("the data folder cannot be written")

    def follow(self, *replays: Callable[[Event], None]) -> None:
        """Passes on nothing."""

    def catch_up(self) -> None:
        """Passes on nothing."""


Events = EventLog | NoEvents


def parse_event(line: bytes) -> Event | None:
    """The event in a line; None if the line is malformed."""
    try:
        fields = orjson.loads(line)
        return Event(fields.pop("kind"), float(fields.pop("time")), fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class NewEvents:
    """Reads events with one of the marks in their line, each event once. Not safe to use from several threads."""

    def __init__(self, folder: Path, marks: Sequence[bytes] = (b"",)) -> None:
        self._folder = folder
        self._marks = marks
        self._ends: dict[Path, int] = {}

    def read(self, besides: Collection[Path] = ()) -> Iterator[Event]:
        """Those since the last call, by time, but for these parts. Raises OSError if a part cannot be read."""
        parts = (part for part in list_parts(self._folder, FIRST_PART) if part not in besides)
        # A pair that one process showed may be voted on in another, so parts overlap in time.
        return merge(*map(self._new_events, parts), key=lambda event: event.time)

    def _new_events(self, part: Path) -> Iterator[Event]:
        with part.open("rb") as file:
            file.seek(self._ends.get(part, 0))
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                if any(mark in line for mark in self._marks) and (event := parse_event(line)):
                    yield event
                # Only now: if another part cannot be read, `merge` drops the event, and it must come again.
                self._ends[part] = self._ends.get(part, 0) + len(line)


def read_events(folder: Path) -> Iterator[Event]:
    """The events of all parts in the data folder, by time. Malformed lines are skipped."""
    return NewEvents(folder).read()


# ---- what events say of votes

WITHDRAWN, CROWDED, INCLUDED, ROOM_CLOSED = "withdrawn", "crowded", "included", "room_closed"
"""The kinds of the events that withdraw a vote, put a rater in a crowd, let an excluded rater or crowd count, and end
voting in a room."""


@dataclass(frozen=True)
class Marks:
    """The ids of `withdrawn` votes, the `crowds` by rater, the raters and crowds that the host `included`, and the
    codes of `closed_rooms`."""

    withdrawn: frozenset[str] = frozenset()
    crowds: Mapping[str, str] = field(default_factory=dict)
    included: frozenset[str] = frozenset()
    closed_rooms: frozenset[str] = frozenset()


class MarkReader:
    """The marks in the event logs of these folders. Not safe to use from several threads."""

    def __init__(self, *folders: Path) -> None:
        kinds = [f'"{kind}"'.encode() for kind in (WITHDRAWN, CROWDED, INCLUDED, ROOM_CLOSED)]
        self._logs = [NewEvents(folder, kinds) for folder in folders]
        self._withdrawn: set[str] = set()
        self._crowds: dict[str, str] = {}
        self._closed_rooms: set[str] = set()
        # By log: what one host excludes again, another one may include.
        self._included: dict[tuple[NewEvents, str], bool] = {}
        # None once something is new.
        self._marks: Marks | None = Marks()

    def __call__(self) -> Marks:
        """All marks now; the same object if nothing is new. Raises OSError if a part cannot be read."""
        for log, event in ((each, event) for each in self._logs for event in each.read()):
            self._marks, about = None, event.about
            if event.kind == WITHDRAWN:
                self._withdrawn.add(str(about.get("vote")))
            elif event.kind == CROWDED:
                self._crowds[str(about.get("judge"))] = str(about.get("crowd"))
            elif event.kind == INCLUDED:
                self._included[log, str(about.get("key"))] = bool(about.get("counts"))
            elif event.kind == ROOM_CLOSED:
                self._closed_rooms.add(str(about.get("room")))
        if self._marks is None:
            included = frozenset(key for (_, key), counts in self._included.items() if counts)
            withdrawn, closed_rooms = frozenset(self._withdrawn), frozenset(self._closed_rooms)
            self._marks = Marks(withdrawn, dict(self._crowds), included, closed_rooms)
        return self._marks
