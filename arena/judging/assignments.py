"""Assigns pairs of recorded answers to raters: each pair once, sides drawn at random, one vote in eight asked again."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from arena.battle import new_battle_id
from arena.errors import VoteRefused
from arena.events import Event, Events
from arena.judging.pairs import Pair
from arena.types import Battle

# One vote in REPEAT_EVERY of a rater is asked for again, after at least REPEAT_GAP other battles.
REPEAT_EVERY, REPEAT_GAP = 8, 3


@dataclass(frozen=True)
class Assignment:
    """The battle that a rater has to judge, None after the last; `done` of `total` battles are behind the rater."""

    done: int
    total: int
    battle: Battle | None


@dataclass(frozen=True)
class RoomProgress:
    """How many raters have started, how many of them have finished, and the votes of all."""

    started: int
    finished: int
    votes: int


@dataclass(slots=True)  # there may be millions
class _Shown:
    """A battle that a rater was shown. `outcome` is voted or skipped, empty before."""

    battle_id: str
    pair: str
    swapped: bool
    repeat_of: str = ""
    outcome: str = ""


@dataclass(slots=True)
class _Rater:
    shown: list[_Shown] = field(default_factory=list)

    def first_shown_with(self, outcome: str) -> list[_Shown]:
        return [entry for entry in self.shown if entry.outcome == outcome and not entry.repeat_of]


class Assignments:
    """The assignments of all raters in one room ("" is open to all). Safe to call from several threads."""

    def __init__(self, pairs: Sequence[Pair], events: Events, room: str = "") -> None:
        self._pairs = {pair.key: pair for pair in pairs}
        self._events = events
        self.room = room
        self._raters: dict[str, _Rater] = {}
        # The battles that have no outcome yet, by id.
        self._open: dict[str, _Shown] = {}
        # By pair: how many raters saw it, and how many of them saw its first answer on side a.
        self._times: Counter[str] = Counter()
        self._unswapped: Counter[str] = Counter()
        # Protects all of the above: what one rater gets next depends on what the others got.
        self._lock = threading.Lock()

    def replay(self, event: Event) -> None:
        """Applies an event of an earlier process. Ignores other rooms, pairs that are not in this set, other kinds."""
        about = event.about
        if about.get("room", "") != self.room:
            return
        with self._lock:
            if event.kind == "shown" and (pair := self._pairs.get(about.get("pair", ""))):
                self._note(about["judge"], _Shown(about["battle"], pair.key, about["swapped"], about["repeat_of"]))
            elif event.kind in ("voted", "skipped") and (shown := self._open.pop(about.get("battle", ""), None)):
                shown.outcome = event.kind

    def has_started(self, judge: str) -> bool:
        """Whether the rater was ever shown a battle."""
        with self._lock:
            return judge in self._raters

    def has_finished(self, judge: str) -> bool:
        """Whether the rater has started and has nothing left to judge."""
        with self._lock:
            rater = self._raters.get(judge)
            return rater is not None and self._has_finished(rater)

    def was_shown(self, battle_id: str, judge: str) -> bool:
        """Whether the rater is or was shown the battle."""
        with self._lock:
            return any(entry.battle_id == battle_id for entry in self._raters.get(judge, _Rater()).shown)

    def assign(self, judge: str) -> Assignment:
        """The rater's assignment; draws the next battle if the last one is judged."""
        with self._lock:
            rater = self._raters.setdefault(judge, _Rater())
            shown = next((entry for entry in rater.shown if not entry.outcome), None) or self._draw(judge, rater)
            done = sum(1 for entry in rater.shown if entry.outcome)
            votable = len(self._pairs) - len(rater.first_shown_with("skipped"))
            battle = self._pairs[shown.pair].battle(shown.battle_id, shown.swapped) if shown else None
            return Assignment(done, len(self._pairs) + votable // REPEAT_EVERY, battle)

    def repeat_of(self, battle_id: str, judge: str) -> str:
        """The id that the current battle repeats, or "". Raises VoteRefused if `battle_id` is not the current one."""
        with self._lock:
            return self._current(battle_id, judge).repeat_of

    def record_vote(self, battle_id: str, judge: str) -> None:
        """The vote on the rater's current battle is on disk. Raises VoteRefused for another battle."""
        self._end(battle_id, judge, "voted")

    def skip(self, battle_id: str, judge: str) -> None:
        """The rater skips the current battle, and is not shown it again. Raises VoteRefused for another battle."""
        self._end(battle_id, judge, "skipped")

    @property
    def progress(self) -> RoomProgress:
        """The progress of all raters."""
        with self._lock:
            raters = [rater for rater in self._raters.values() if rater.shown]
            votes = sum(entry.outcome == "voted" for rater in raters for entry in rater.shown)
            return RoomProgress(len(raters), sum(map(self._has_finished, raters)), votes)

    def _has_finished(self, rater: _Rater) -> bool:
        is_open = any(not entry.outcome for entry in rater.shown)
        return not (is_open or self._unseen(rater) or _due_repeat(rater, is_last=True))

    def _end(self, battle_id: str, judge: str, outcome: str) -> None:
        with self._lock:
            self._current(battle_id, judge).outcome = outcome
            self._open.pop(battle_id, None)
        self._log(outcome, judge=judge, battle=battle_id, room=self.room)

    def _current(self, battle_id: str, judge: str) -> _Shown:
        rater = self._raters.get(judge, _Rater())
        shown = next((entry for entry in rater.shown if entry.battle_id == battle_id), None)
        if shown is None:
            raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
        if shown.outcome:
            raise VoteRefused("vote_twice", "This battle has already been judged.")
        return shown

    def _draw(self, judge: str, rater: _Rater) -> _Shown | None:
        """The next battle of a rater who has no current one; the lock is held."""
        unseen = self._unseen(rater)
        if repeated := _due_repeat(rater, is_last=not unseen):
            shown = _Shown(new_battle_id(), repeated.pair, not repeated.swapped, repeated.battle_id)
        elif unseen:
            shown = self._draw_from(unseen)
        else:
            return None
        self._note(judge, shown)
        about = {"battle": shown.battle_id, "pair": shown.pair, "swapped": shown.swapped, "repeat_of": shown.repeat_of}
        self._log("shown", judge=judge, room=self.room, **about)
        return shown

    def _unseen(self, rater: _Rater) -> list[str]:
        seen = {entry.pair for entry in rater.shown}
        return [key for key in self._pairs if key not in seen]

    def _draw_from(self, unseen: Sequence[str]) -> _Shown:
        """One of the pairs that the fewest raters have seen, with its sides the way that fewer raters have seen it."""
        fewest = min(self._times[key] for key in unseen)
        key = secrets.choice([key for key in unseen if self._times[key] == fewest])
        lead = 2 * self._unswapped[key] - self._times[key]
        return _Shown(new_battle_id(), key, lead > 0 or (lead == 0 and secrets.randbelow(2) == 1))

    def _note(self, judge: str, shown: _Shown) -> None:
        self._open[shown.battle_id] = shown
        self._raters.setdefault(judge, _Rater()).shown.append(shown)
        if not shown.repeat_of:
            self._times[shown.pair] += 1
            self._unswapped[shown.pair] += not shown.swapped

    def _log(self, kind: str, **about: Any) -> None:
        # An event that cannot be written is lost at a restart. That is no reason to show no battle: the vote itself is
        # refused if it cannot be written.
        with suppress(OSError):
            self._events.append(kind, **about)


def _due_repeat(rater: _Rater, is_last: bool) -> _Shown | None:
    """A battle to show again: one judged a while ago, or any if this is the `is_last` chance."""
    voted = rater.first_shown_with("voted")
    repeated = {entry.repeat_of for entry in rater.shown if entry.repeat_of}
    if len(repeated) >= len(voted) // REPEAT_EVERY:
        return None
    recent = {entry.battle_id for entry in rater.shown[-REPEAT_GAP:]}
    unrepeated = [entry for entry in voted if entry.battle_id not in repeated]
    old = [entry for entry in unrepeated if entry.battle_id not in recent]
    return secrets.choice(old or unrepeated) if old or is_last else None
