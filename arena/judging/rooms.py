"""Rooms: a class judges some of the pairs together, apart from everybody else; one more room is open to all."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from arena.errors import InputError, VoteRefused
from arena.events import Event, Events
from arena.judging.assignments import Assignment, Assignments
from arena.judging.ballots import Ballots, Judgement
from arena.judging.pairs import Pair
from arena.types import Vote

# Letters and digits that are not mistaken for one another when read from a wall.
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 6
MOST_RATERS = 100_000
# The code of the room that is open to all.
NO_ROOM = ""


@dataclass(frozen=True)
class Room:
    """A room as it was opened: its prompts' ids, the expected number of raters, and the time in Unix seconds."""

    code: str
    prompts: tuple[str, ...]
    wanted: int
    opened_at: float
    closed: bool = False


class RoomJudging(Assignments):
    """The judging in one room: assigns battles to its raters and takes their votes."""

    def __init__(self, pairs: Sequence[Pair], events: Events, ballots: Ballots, room: str = NO_ROOM) -> None:
        super().__init__(pairs, events, room)
        self.closed = False
        self._ballots = ballots

    def close(self) -> None:
        """From now on votes are refused."""
        self.closed = True

    def assign(self, judge: str, *, address: str = "") -> Assignment:
        """The rater's assignment, its battle open for the rater's vote.

        Raises VoteRefused if the room is closed, and for a new rater if too many start within a minute.
        """
        self._check_open()
        if not self.has_started(judge):
            self._ballots.admit(address, self.room)
        assignment = super().assign(judge)
        if assignment.battle:
            self._ballots.offer(assignment.battle, judge)
        return assignment

    def cast(self, battle_id: str, judge: str, judgement: Judgement, *, address: str = "") -> Vote:
        """The rater's vote on the current battle, returned once it is on disk. Raises VoteRefused."""
        self._check_open()
        repeat_of = self.repeat_of(battle_id, judge)
        vote = self._ballots.cast(battle_id, judge, judgement, address=address, room=self.room, repeat_of=repeat_of)
        self.record_vote(battle_id, judge)
        return vote

    def skip(self, battle_id: str, judge: str) -> None:
        """The rater skips the current battle: no vote, and it is not shown again. Raises VoteRefused."""
        self._check_open()
        super().skip(battle_id, judge)

    def _check_open(self) -> None:
        if self.closed:
            raise VoteRefused("room_closed", "The room is closed; voting has ended.")


class Rooms:
    """The room that is open to all and the rooms of classes. Safe to call from several threads."""

    def __init__(self, pairs: Sequence[Pair], ballots: Ballots, events: Events) -> None:
        self._pairs = tuple(pairs)
        self._ballots = ballots
        self._events = events
        self._rooms: dict[str, Room] = {}
        self._judging = {NO_ROOM: RoomJudging(self._pairs, events, ballots)}
        # Protects _rooms and _judging: the teacher opens and closes while raters look their room up.
        self._lock = threading.Lock()

    def restore(self, events: Iterable[Event]) -> None:
        """Replays the events of an earlier process."""
        for event in events:
            about = event.about
            if event.kind == "room_opened":
                self._add(Room(about["room"], tuple(about["prompts"]), about["wanted"], event.time))
            elif event.kind == "room_closed":
                self._mark_closed(about["room"])
            elif judging := self._judging.get(about.get("room", NO_ROOM)):
                judging.replay(event)

    @property
    def main(self) -> RoomJudging:
        """The judging that is open to all."""
        return self._judging[NO_ROOM]

    @property
    def prompts(self) -> tuple[str, ...]:
        """The ids of all prompts that have answers to judge, in their order."""
        return tuple(dict.fromkeys(pair.prompt_id for pair in self._pairs))

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The rooms of classes, the newest first."""
        with self._lock:
            return tuple(sorted(self._rooms.values(), key=lambda room: -room.opened_at))

    def room(self, code: str) -> Room:
        """The room with this code, in any case and spacing. Raises InputError if there is none."""
        code = "".join(str(code).split()).upper()
        with self._lock:
            room = self._rooms.get(code)
        if room is None:
            raise InputError("room_unknown", f"There is no room {code[:20]}. Check the code.", room=code[:20])
        return room

    def judging(self, code: str) -> RoomJudging:
        """The judging in a room; NO_ROOM is open to all. Raises InputError if there is none."""
        return self._judging[self.room(code).code] if code != NO_ROOM else self.main

    def open(self, prompts: Collection[str], wanted: int) -> Room:
        """A new room for some of the prompts. Raises InputError for no or unknown prompts, for an invalid number of
        raters, and if the room cannot be written to disk."""
        chosen = tuple(prompt for prompt in self.prompts if prompt in prompts)
        if not chosen or len(chosen) != len(set(prompts)):
            raise InputError("room_prompts", "Choose at least one of the prompts that have answers.")
        if not 1 <= wanted <= MOST_RATERS:
            message = f"The expected raters must be from 1 to {MOST_RATERS}."
            raise InputError("room_wanted", message, limit=MOST_RATERS)
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        room = Room(code, chosen, wanted, time.time())
        self._log("room_opened", room=code, prompts=list(chosen), wanted=wanted)
        self._add(room)
        return room

    def close(self, code: str) -> Room:
        """Ends voting in the room; raters who have finished may see the results. Raises InputError."""
        room = self.room(code)
        if not room.closed:
            self._log("room_closed", room=room.code)
            self._mark_closed(room.code)
        return self.room(code)

    def may_see_names(self, judge: str) -> bool:
        """Whether the rater may learn who wrote what: all that is open to all is judged, or all of a closed room."""
        with self._lock:
            ended = [judging for code, judging in self._judging.items() if code == NO_ROOM or judging.closed]
        return any(judging.has_finished(judge) for judging in ended)

    def was_shown(self, battle_id: str, judge: str) -> RoomJudging | None:
        """The judging in which the rater is or was shown the battle."""
        with self._lock:
            rooms = list(self._judging.values())
        return next((judging for judging in rooms if judging.was_shown(battle_id, judge)), None)

    def _add(self, room: Room) -> None:
        chosen = set(room.prompts)
        pairs = [pair for pair in self._pairs if pair.prompt_id in chosen]
        judging = RoomJudging(pairs, self._events, self._ballots, room.code)
        with self._lock:
            self._rooms[room.code] = room
            self._judging[room.code] = judging

    def _mark_closed(self, code: str) -> None:
        with self._lock:
            if code in self._rooms:
                self._rooms[code] = replace(self._rooms[code], closed=True)
                self._judging[code].close()

    def _log(self, kind: str, **about: object) -> None:
        try:
            self._events.append(kind, durable=True, **about)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError("room_unwritable", f"The room cannot be saved: {reason}.", reason=reason) from error
