"""Walks raters through recorded pairs of answers: each pair once, sides drawn, one in eight again later.

Knows raters by what may be stored of them (`judge`), no page, and nothing of what a vote says.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from arena.battle import new_battle_id
from arena.errors import VoteRefused
from arena.events import Event, Events
from arena.judging.pairs import Pair
from arena.types import Battle

# Of so many votes of a rater's one is asked for again, with so many other battles between at least.
REPEAT_EVERY, REPEAT_GAP = 8, 3


@dataclass(frozen=True)
class Position:
    """Where a rater stands: how many of `total` battles are behind them, and the one before them, if any."""

    done: int
    total: int
    battle: Battle | None


@dataclass(frozen=True)
class Progress:
    """How many raters have begun, how many of them have nothing before them any more, and all their votes."""

    begun: int
    through: int
    votes: int


@dataclass(slots=True)  # there may be millions
class _Shown:
    """A battle that was put before a rater. `outcome` is empty while it is."""

    battle_id: str
    pair: str
    swapped: bool
    repeat_of: str = ""
    outcome: str = ""


@dataclass(slots=True)
class _Rater:
    shown: list[_Shown] = field(default_factory=list)

    def having(self, outcome: str) -> list[_Shown]:
        return [entry for entry in self.shown if entry.outcome == outcome and not entry.repeat_of]


class Assignments:
    """The walk of all raters through one set of pairs, in one `room` ("" is none)."""

    def __init__(self, pairs: Sequence[Pair], events: Events, room: str = "") -> None:
        self._pairs = {pair.key: pair for pair in pairs}
        self._events = events
        self._room = room
        self._raters: dict[str, _Rater] = {}
        # The battles that have no outcome yet, by id.
        self._open: dict[str, _Shown] = {}
        # How many raters each pair was shown to, and to how many of them with its first answer on side a.
        self._times: Counter[str] = Counter()
        self._straight: Counter[str] = Counter()
        # Protects all of the above: what one rater gets next depends on what the others got.
        self._lock = threading.Lock()

    def restore(self, events: Iterable[Event]) -> None:
        """Goes on where another process left off; see `replay`."""
        for event in events:
            self.replay(event)

    def replay(self, event: Event) -> None:
        """Takes in what was told of this room by another process. What is told of pairs not in this set is passed
        over, and so are events of other kinds."""
        about = event.about
        if about.get("room", "") != self._room:
            return
        with self._lock:
            if event.kind == "shown" and (pair := self._pairs.get(about.get("pair", ""))):
                shown = _Shown(about["battle"], pair.key, about["swapped"], about["repeat_of"])
                self._open[shown.battle_id] = shown
                self._note(about["judge"], shown)
            elif event.kind in ("voted", "skipped") and (ended := self._open.pop(about.get("battle", ""), None)):
                ended.outcome = event.kind

    def has_begun(self, judge: str) -> bool:
        """Whether anything was ever put before the rater."""
        with self._lock:
            return judge in self._raters

    def position(self, judge: str) -> Position:
        """Where the rater stands; a next battle is drawn if none is before them."""
        with self._lock:
            rater = self._raters.setdefault(judge, _Rater())
            shown = next((entry for entry in rater.shown if not entry.outcome), None) or self._draw(judge, rater)
            done = sum(1 for entry in rater.shown if entry.outcome)
            most = len(self._pairs) - len(rater.having("skipped"))
            total = len(self._pairs) + most // REPEAT_EVERY
            battle = self._pairs[shown.pair].battle(shown.battle_id, shown.swapped) if shown else None
            return Position(done, total, battle)

    def was_shown(self, judge: str, battle_id: str) -> bool:
        """Whether the battle is, or was, before the rater."""
        with self._lock:
            return any(entry.battle_id == battle_id for entry in self._raters.get(judge, _Rater()).shown)

    def repeat_of(self, judge: str, battle_id: str) -> str:
        """The battle that this one repeats, or "". Raises VoteRefused if it is not before the rater."""
        with self._lock:
            return self._before(judge, battle_id).repeat_of

    def voted(self, judge: str, battle_id: str) -> None:
        """The rater's vote on the battle before them is on disk. Raises VoteRefused if that is another."""
        self._end(judge, battle_id, "voted")

    def skip(self, judge: str, battle_id: str) -> None:
        """The rater would rather not judge it; it does not come again. Raises VoteRefused as `voted`."""
        self._end(judge, battle_id, "skipped")

    @property
    def progress(self) -> Progress:
        """How far all raters are."""
        with self._lock:
            begun = [rater for rater in self._raters.values() if rater.shown]
            votes = sum(entry.outcome == "voted" for rater in begun for entry in rater.shown)
            return Progress(len(begun), sum(1 for rater in begun if self._is_through(rater)), votes)

    def is_through(self, judge: str) -> bool:
        """Whether the rater has begun and has nothing before them any more."""
        with self._lock:
            rater = self._raters.get(judge)
            return rater is not None and self._is_through(rater)

    def _is_through(self, rater: _Rater) -> bool:
        return all(entry.outcome for entry in rater.shown) and not self._fresh(rater) and not _due(rater, last=True)

    def _end(self, judge: str, battle_id: str, outcome: str) -> None:
        with self._lock:
            self._before(judge, battle_id).outcome = outcome
            self._open.pop(battle_id, None)
        self._tell(outcome, judge=judge, battle=battle_id, room=self._room)

    def _before(self, judge: str, battle_id: str) -> _Shown:
        rater = self._raters.get(judge, _Rater())
        shown = next((entry for entry in rater.shown if entry.battle_id == battle_id), None)
        if shown is None:
            raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
        if shown.outcome:
            raise VoteRefused("vote_twice", "This battle has been judged already.")
        return shown

    def _draw(self, judge: str, rater: _Rater) -> _Shown | None:
        """The next battle of a rater who has none before them, the lock held."""
        fresh = self._fresh(rater)
        again = _due(rater, last=not fresh)
        if again:
            shown = _Shown(new_battle_id(), again.pair, not again.swapped, again.battle_id)
        elif fresh:
            shown = self._fresh_draw(fresh)
        else:
            return None
        self._open[shown.battle_id] = shown
        self._note(judge, shown)
        about = {"battle": shown.battle_id, "pair": shown.pair, "swapped": shown.swapped, "repeat_of": shown.repeat_of}
        self._tell("shown", judge=judge, room=self._room, **about)
        return shown

    def _fresh(self, rater: _Rater) -> list[str]:
        seen = {entry.pair for entry in rater.shown}
        return [key for key in self._pairs if key not in seen]

    def _fresh_draw(self, fresh: Sequence[str]) -> _Shown:
        """Of the pairs that the fewest have seen any one, its sides as fewer have seen it."""
        fewest = min(self._times[key] for key in fresh)
        key = secrets.choice([key for key in fresh if self._times[key] == fewest])
        lead = 2 * self._straight[key] - self._times[key]
        return _Shown(new_battle_id(), key, lead > 0 or (lead == 0 and secrets.randbelow(2) == 1))

    def _note(self, judge: str, shown: _Shown) -> None:
        self._raters.setdefault(judge, _Rater()).shown.append(shown)
        if not shown.repeat_of:
            self._times[shown.pair] += 1
            self._straight[shown.pair] += not shown.swapped

    def _tell(self, kind: str, **about: Any) -> None:
        # What cannot be written is forgotten at a restart, and no reason to show nothing: a vote is refused by itself.
        with suppress(OSError):
            self._events.append(kind, **about)


def _due(rater: _Rater, last: bool) -> _Shown | None:
    """A battle that it is time to show again, judged a while ago; any if it is the `last` chance."""
    voted = rater.having("voted")
    repeated = {entry.repeat_of for entry in rater.shown if entry.repeat_of}
    if len(repeated) >= len(voted) // REPEAT_EVERY:
        return None
    recent = {entry.battle_id for entry in rater.shown[-REPEAT_GAP:]}
    once = [entry for entry in voted if entry.battle_id not in repeated]
    old = [entry for entry in once if entry.battle_id not in recent]
    return secrets.choice(old or once) if old or last else None
