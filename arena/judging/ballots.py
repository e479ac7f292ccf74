"""Which battles may be judged, and judging them once. Knows no page; the log does the writing."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from arena.errors import ArenaError, VoteRefused
from arena.judging.judgement import Judgement, checked
from arena.judging.leaks import is_leaked
from arena.judging.limits import RateLimits
from arena.language import language_of
from arena.types import Battle, Vote

MAX_BALLOTS = 2000


class Log(Protocol):
    """Where votes go: arena.votes.VoteLog, or what stands in for it when nothing can be written."""

    def append(self, vote: Vote) -> None:
        """Returns only when the vote is on disk; raises VoteRefused if it cannot be."""
        ...

    def read(self) -> Iterator[Vote]:
        """All votes so far."""
        ...


class ClosedLog:
    """The log of a process that cannot write one: every vote is refused with the reason."""

    def __init__(self, reason: ArenaError) -> None:
        self._reason = reason

    def append(self, vote: Vote) -> None:
        """Refuses the vote."""
        raise VoteRefused(self._reason.code, str(self._reason), **self._reason.details)

    def read(self) -> Iterator[Vote]:
        """There are none."""
        return iter(())


@dataclass
class _Ballot:
    battle: Battle
    opened_at: float
    judge: str
    cast: bool = False


class Ballots:
    """The battles that have ended, each open for one vote."""

    def __init__(self, log: Log, limits: RateLimits | None = None) -> None:
        self._log = log
        self._limits = limits or RateLimits()
        self._ballots: OrderedDict[str, _Ballot] = OrderedDict()
        # Protects _ballots and the `cast` marks: of two votes for one battle the second must see the first.
        self._lock = threading.Lock()

    def admit(self, address: str, room: str) -> None:
        """A rater begins. Raises VoteRefused where too many do from one address: a script can be any number of them."""
        self._limits.count_rater(address, in_room=bool(room))

    @property
    def refuses_all(self) -> bool:
        """Whether no vote can be kept here."""
        return isinstance(self._log, ClosedLog)

    def offer(self, battle: Battle, judge: str = "") -> None:
        """A battle has ended. Kept whether votable or not, so that a refusal can say why; the oldest go.

        `judge` is the only one who may judge it, "" anybody who has its id. What is offered again stays as it is, for
        it may have been judged.
        """
        with self._lock:
            self._ballots.setdefault(battle.id, _Ballot(battle, time.time(), judge))
            while len(self._ballots) > MAX_BALLOTS:
                self._ballots.popitem(last=False)

    def is_open(self, battle_id: str) -> bool:
        """Whether the battle can be judged now."""
        with self._lock:
            ballot = self._ballots.get(battle_id)
            return ballot is not None and ballot.battle.votable and not ballot.cast

    def cast(
        self,
        battle_id: str,
        judge: str,
        judgement: Judgement,
        *,
        address: str = "",
        room: str = "",
        repeat_of: str = "",
    ) -> Vote:
        """Judge a battle; returns the vote once it is on disk. Raises VoteRefused, and then nothing is written.

        `address` is where it came from, for the rate limit alone: it is not stored.
        """
        self._limits.count_vote(judge, address, in_room=bool(room))
        judged = checked(judgement)
        ballot = self._claim(battle_id, judge)
        now = time.time()
        vote = Vote(
            id=uuid.uuid4().hex,
            battle=ballot.battle,
            winner=judged.winner,
            judge=judge,
            time=now,
            language=language_of(ballot.battle.prompt),
            criteria=judged.criteria,
            any_right=judged.any_right,
            comment=judged.comment,
            leaked=is_leaked(ballot.battle),
            room=room,
            repeat_of=repeat_of,
            dwell=round(now - ballot.opened_at, 1),
        )
        try:
            self._log.append(vote)
        except BaseException:  # whatever went wrong, there is no row
            with self._lock:
                ballot.cast = False
            raise
        return vote

    def _claim(self, battle_id: str, judge: str) -> _Ballot:
        with self._lock:
            ballot = self._ballots.get(battle_id)
            if ballot is None or ballot.judge not in ("", judge):
                raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
            if not ballot.battle.votable:
                raise VoteRefused("vote_unfinished", "Both answers must have ended without error, and not be empty.")
            if ballot.cast:
                raise VoteRefused("vote_twice", "This battle has been judged already.")
            ballot.cast = True
            return ballot
