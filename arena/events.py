"""The event log: everything besides votes that must survive a restart, one JSON object per line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import merge
from pathlib import Path
from typing import Any

import orjson

from arena.append_log import AppendLog, json_lines_tail, list_parts, writing_to

FIRST_PART = "events.jsonl"


@dataclass(frozen=True)
class Event:
    """What happened (`kind`), when (Unix seconds, UTC), and its other fields by name."""

    kind: str
    time: float
    about: Mapping[str, Any]


class EventLog(AppendLog):
    """The events of one data folder; see `AppendLog`.

    Raises InputError("data_dir_unwritable") if the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        with writing_to(folder):
            super().__init__(folder / FIRST_PART, json_lines_tail)

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Adds an event. It survives the end of this process and, if `durable`, a power failure.

        Raises OSError if it cannot be written.
        """
        line = json.dumps({"kind": kind, "time": time.time(), **about}, ensure_ascii=False) + "\n"
        self.write(line.encode("utf-8", "replace"), sync=durable)

    def read(self) -> Iterator[Event]:
        """The events of all parts; see `read_events`."""
        return read_events(self.folder)


class NoEvents:
    """Replaces the log where nothing can be written: a restart forgets everything."""

    def append(self, kind: str, durable: bool = False, **about: Any) -> None:
        """Does nothing. Raises OSError for a durable event."""
        if durable:
            raise OSError("the data folder cannot be written")

    def read(self) -> Iterator[Event]:
        """Yields nothing."""
        return iter(())


Events = EventLog | NoEvents


def read_events(folder: Path) -> Iterator[Event]:
    """The events of all parts in the data folder, by time. Malformed lines are skipped."""
    # A pair that one process showed may be voted on in another, so parts overlap in time.
    return merge(*map(_read_part, list_parts(folder, FIRST_PART)), key=lambda event: event.time)


def _read_part(part: Path) -> Iterator[Event]:
    with part.open("rb") as file:
        for line in file:
            if event := parse_event(line):
                yield event


def parse_event(line: bytes) -> Event | None:
    """The event in a line; None if the line is malformed."""
    try:
        fields = orjson.loads(line)
        return Event(fields.pop("kind"), float(fields.pop("time")), fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


# ---- what events say of votes

WITHDRAWN, CROWDED, INCLUDED = "withdrawn", "crowded", "included"
"""The kinds of the events that withdraw a vote, put a rater in a crowd, and let an excluded rater or crowd count."""
_KINDS = (WITHDRAWN, CROWDED, INCLUDED)
_MARKS = tuple(f'"{kind}"'.encode() for kind in _KINDS)


@dataclass(frozen=True)
class Marks:
    """The ids of `withdrawn` votes, the `crowds` by rater, and the raters and crowds that the host `included`."""

    withdrawn: frozenset[str] = frozenset()
    crowds: Mapping[str, str] = field(default_factory=dict)
    included: frozenset[str] = frozenset()

    def __or__(self, other: Marks) -> Marks:
        crowds = {**self.crowds, **other.crowds}
        return Marks(self.withdrawn | other.withdrawn, crowds, self.included | other.included)


class MarkReader:
    """The marks in the event log of a folder. Each call reads what is new. Not safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: dict[Path, int] = {}
        self._marks = Marks()

    def __call__(self) -> Marks:
        """All marks now; the same object if nothing is new. Raises OSError if a part cannot be read."""
        new = [event for part in list_parts(self._folder, FIRST_PART) for event in self._new_events(part)]
        if new:
            about = {kind: [event.about for event in new if event.kind == kind] for kind in _KINDS}
            withdrawn = frozenset(str(values.get("vote")) for values in about[WITHDRAWN])
            crowds = {str(values.get("judge")): str(values.get("crowd")) for values in about[CROWDED]}
            latest = {str(values.get("key")): bool(values.get("counts")) for values in about[INCLUDED]}
            included = frozenset(key for key, counts in latest.items() if counts)
            self._marks |= Marks(withdrawn, crowds, included)
            excluded = latest.keys() - included
            self._marks = replace(self._marks, included=self._marks.included - excluded)
        return self._marks

    def _new_events(self, part: Path) -> Iterator[Event]:
        with part.open("rb") as file:
            file.seek(self._ends.get(part, 0))
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    break
                self._ends[part] = self._ends.get(part, 0) + len(line)
                if any(mark in line for mark in _MARKS) and (event := parse_event(line)):
                    yield event
