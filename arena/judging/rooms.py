"""Rooms: a class that judges some of the pairs together, apart from everybody else. Knows no page and no token."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from arena.errors import InputError
from arena.events import Event, Events
from arena.judging.assignments import Assignments
from arena.judging.ballots import Ballots
from arena.judging.pairs import Pair
from arena.judging.recorded import RecordedJudging

# Letters and digits that nobody takes for one another when they are read from a wall.
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE = 6
MOST_RATERS = 100_000
NO_ROOM = ""


@dataclass(frozen=True)
class Room:
    """What was asked for: the ids of the prompts, how many raters are `wanted`, and since when (Unix seconds)."""

    code: str
    prompts: tuple[str, ...]
    wanted: int
    opened_at: float
    closed: bool = False


class Rooms:
    """The walk that is open to all (its code is NO_ROOM) and those of the rooms."""

    def __init__(self, pairs: Sequence[Pair], ballots: Ballots, events: Events) -> None:
        self._pairs = tuple(pairs)
        self._ballots = ballots
        self._events = events
        self._rooms: dict[str, Room] = {}
        self._desks = {NO_ROOM: self._desk(NO_ROOM, self._pairs)}
        # Protects _rooms and _desks: the teacher opens and closes while raters look their room up.
        self._lock = threading.Lock()

    def restore(self, events: Iterable[Event]) -> None:
        """Goes on where another process left off."""
        for event in events:
            about = event.about
            if event.kind == "room_opened":
                room = Room(about["room"], tuple(about["prompts"]), about["wanted"], event.time)
                self._add(room)
            elif event.kind == "room_closed":
                self._mark_closed(about["room"])
            elif desk := self._desks.get(about.get("room", NO_ROOM)):
                desk.replay(event)

    @property
    def main(self) -> RecordedJudging:
        """The walk that is open to all."""
        return self._desks[NO_ROOM]

    @property
    def prompts(self) -> tuple[str, ...]:
        """The ids of all prompts that have answers to judge, in their order."""
        return tuple(dict.fromkeys(pair.prompt_id for pair in self._pairs))

    @property
    def rooms(self) -> tuple[Room, ...]:
        """All rooms, the newest first."""
        with self._lock:
            return tuple(sorted(self._rooms.values(), key=lambda room: -room.opened_at))

    def room(self, code: str) -> Room:
        """The room with this code, however it is typed. Raises InputError if there is none."""
        with self._lock:
            room = self._rooms.get(_typed(code))
        if room is None:
            raise InputError("room_unknown", f"There is no room {_typed(code)[:20]}.", room=_typed(code)[:20])
        return room

    def desk(self, code: str) -> RecordedJudging:
        """Where the raters of a room judge; NO_ROOM is the walk open to all. Raises InputError if there is none."""
        return self._desks[self.room(code).code] if code != NO_ROOM else self.main

    def open(self, prompts: Collection[str], wanted: int) -> Room:
        """A new room for some of the prompts. Raises InputError for none or unknown ones and for no number of raters,
        and if it could not be kept over a restart."""
        chosen = tuple(prompt for prompt in self.prompts if prompt in prompts)
        if not chosen or len(chosen) != len(set(prompts)):
            raise InputError("room_prompts", "Choose at least one of the prompts that have answers.")
        if not 1 <= wanted <= MOST_RATERS:
            raise InputError("room_wanted", f"The raters wanted must be from 1 to {MOST_RATERS}.", limit=MOST_RATERS)
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE))
        room = Room(code, chosen, wanted, time.time())
        self._tell("room_opened", room=code, prompts=list(chosen), wanted=wanted)
        self._add(room)
        return room

    def close(self, code: str) -> Room:
        """No more votes are taken there, and whoever was through may see the results. Raises InputError."""
        room = self.room(code)
        if not room.closed:
            self._tell("room_closed", room=room.code)
            self._mark_closed(room.code)
        return self.room(code)

    def may_see_names(self, judge: str) -> bool:
        """Whether it no longer matters that the rater learns who wrote what: they have judged all that is open to all,
        or all of a room that is closed."""
        with self._lock:
            desks = [desk for code, desk in self._desks.items() if code == NO_ROOM or desk.closed]
        return any(desk.is_through(judge) for desk in desks)

    def was_shown(self, battle_id: str, judge: str) -> RecordedJudging | None:
        """The desk where the battle is, or was, before this rater."""
        with self._lock:
            desks = list(self._desks.values())
        return next((desk for desk in desks if desk.was_shown(battle_id, judge)), None)

    def _desk(self, code: str, pairs: Sequence[Pair]) -> RecordedJudging:
        return RecordedJudging(Assignments(pairs, self._events, code), self._ballots, code)

    def _add(self, room: Room) -> None:
        chosen = set(room.prompts)
        desk = self._desk(room.code, [pair for pair in self._pairs if pair.prompt_id in chosen])
        with self._lock:
            self._rooms[room.code] = room
            self._desks[room.code] = desk

    def _mark_closed(self, code: str) -> None:
        with self._lock:
            if code in self._rooms:
                self._rooms[code] = replace(self._rooms[code], closed=True)
                self._desks[code].close()

    def _tell(self, kind: str, **about: object) -> None:
        try:
            self._events.append(kind, durable=True, **about)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError("room_unwritable", f"The room cannot be kept: {reason}.", reason=reason) from error


def _typed(code: str) -> str:
    return "".join(str(code).split()).upper()
