"""All rooms: a class judges some of the pairs together, apart from everybody else; one more room is open to all."""

import secrets
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from arena.errors import InputError, os_error_as
from arena.events import ROOM_CLOSED, Event, Events
from arena.judging.ballots import Ballots
from arena.judging.room import NO_ROOM, Room
from arena.text import typed_code
from arena.types import Battle
from arena.votes.store import VoteStore
from arena.votes.table import hashed

# Letters and digits that are hard to confuse when read from a projector.
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 6
MOST_RATERS = 100_000


def unknown_room(code: str) -> InputError:
    """The error for a code that no room has."""
    return InputError("room_unknown", f"There is no room {code[:20]}. Check the code.", room=code[:20])


class Rooms:
    """The room that is open to all and the rooms of classes. Safe to call from several threads."""

    def __init__(self, pairs: Sequence[Battle], ballots: Ballots, events: Events) -> None:
        self._pairs = tuple(pairs)
        self._ballots = ballots
        self._events = events
        # The room that is open to all.
        self.main = Room(self._pairs, events, ballots)
        self._rooms = {NO_ROOM: self.main}
        # Protects _rooms: the teacher opens rooms while raters look theirs up.
        self._lock = threading.Lock()

    def replay(self, event: Event) -> None:
        """Applies an event of an earlier process."""
        about = event.about
        room = self._rooms.get(about.get("room", NO_ROOM))
        if event.kind == "room_opened" and not room:  # a copy must not replace it
            self._add(about["room"], about["prompts"], about["wanted"], event.time)
        elif room and event.kind == ROOM_CLOSED:
            room.closed = True
        elif room:
            room.replay(event)

    def replay_votes(self, store: VoteStore) -> None:
        """Applies the votes of earlier processes, once their events are replayed. Raises InputError if that fails.

        The log of votes decides what a rater has judged: a crash between a vote and its events loses these.
        """
        votes = store.refresh().every_row
        rows = votes.where(votes.is_named("source", "recorded"))
        shown = [(room, judge, battle) for room in (self.main, *self.rooms) for judge, battle in room.shown]
        battles = hashed(battle for _, _, battle in shown)
        for (room, judge, battle), is_voted in zip(shown, np.isin(battles, rows["battle"]), strict=True):
            if is_voted:
                room.replay(Event("voted", 0.0, {"judge": judge, "battle": battle}))
        is_ours = rows.is_on([side for pair in self._pairs for side in (pair.a, pair.b)])
        for stored in store.stored(rows.where(is_ours & ~np.isin(rows["battle"], battles))):
            self._replay_unnoted(stored.row)

    def _replay_unnoted(self, row: Mapping[str, str]) -> None:
        """Applies a vote on a battle of which no event says that it was shown."""
        room, voted = self._rooms.get(row.get("room", "")), [(row[f"model_{n}"], row[f"response_{n}"]) for n in "ab"]
        for pair in self._pairs:
            sides = [(side.model.id, side.answer.text) for side in (pair.a, pair.b)]
            if room and pair.prompt_id == row["prompt_id"] and sorted(sides) == sorted(voted):
                about: dict[str, Any] = {"judge": row["judge"], "battle": row["question_id"], "pair": pair.id}
                about |= {"swapped": sides != voted, "repeat_of": row["repeat_of"]}
                room.replay(Event("shown", 0.0, about))
                room.replay(Event("voted", 0.0, about))
                return

    @property
    def prompts(self) -> tuple[str, ...]:
        """The ids of all prompts that have answers to judge, in their order."""
        return self.main.prompts

    @property
    def rooms(self) -> tuple[Room, ...]:
        """The rooms of classes, the newest first."""
        with self._lock:
            rooms = [room for room in self._rooms.values() if room is not self.main]
        return tuple(sorted(rooms, key=lambda room: -room.opened_at))

    def room(self, code: str) -> Room:
        """The room of a class with this code, however it is typed. Raises InputError if there is none."""
        code = typed_code(str(code))
        if code not in self._rooms:  # another process may have opened it
            self._events.catch_up()
        room = self._rooms.get(code)
        if room is None or room is self.main:
            raise unknown_room(code)
        return room

    def room_or_main(self, code: str) -> Room:
        """The room with this code; NO_ROOM is open to all. Raises InputError if there is none."""
        return self.room(code) if code != NO_ROOM else self.main

    def open(self, prompts: Collection[str], wanted: int) -> Room:
        """A new room for some of the prompts. Raises InputError for no or unknown prompts, for an invalid number of
        raters, and if the room cannot be written to disk."""
        chosen = [prompt for prompt in self.prompts if prompt in prompts]
        if not chosen or len(chosen) != len(set(prompts)):
            raise InputError("room_prompts", "Choose at least one prompt that has answers.")
        if not 1 <= wanted <= MOST_RATERS:
            message = f"Expected raters must be between 1 and {MOST_RATERS}."
            raise InputError("room_wanted", message, limit=MOST_RATERS)
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        self._log("room_opened", room=code, prompts=chosen, wanted=wanted)
        return self._add(code, chosen, wanted, time.time())

    def close(self, code: str) -> Room:
        """Ends voting in the room; raters who have finished may see the results. Raises InputError."""
        room = self.room(code)
        if not room.closed:
            self._log(ROOM_CLOSED, room=room.code)
            room.closed = True
        return room

    def may_see_names(self, judge: str) -> bool:
        """Whether the rater may learn who wrote what: after judging everything in the open room or in a closed one."""
        return any(room.has_finished(judge) for room in (self.main, *self.rooms) if room is self.main or room.closed)

    def finished_open(self, judge: str) -> Room | None:
        """A room of a class that the rater has finished and that is still open."""
        return next((room for room in self.rooms if room.has_finished(judge) and not room.closed), None)

    def was_shown(self, battle_id: str, judge: str) -> Room | None:
        """The room in which the rater is or was shown the battle."""
        return next((room for room in (self.main, *self.rooms) if room.was_shown(battle_id, judge)), None)

    def _add(self, code: str, prompts: Collection[str], wanted: int, opened_at: float) -> Room:
        room = Room(self._pairs, self._events, self._ballots, code, prompts, wanted, opened_at)
        with self._lock:
            self._rooms[code] = room
        return room

    def _log(self, kind: str, **about: object) -> None:
        with os_error_as("room_unwritable", "The room could not be saved"):
            self._events.append(kind, durable=True, **about)
