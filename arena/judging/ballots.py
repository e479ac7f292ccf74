"""Ballots: checks a rater's judgement of a battle and writes it as a vote, once per battle."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.errors import ArenaError, VoteRefused
from arena.judging.leaks import is_leaked
from arena.judging.limits import RateLimits
from arena.text import clean, language_of
from arena.types import CRITERIA, VERDICTS, Battle, Vote, Winner

if TYPE_CHECKING:
    from arena.votes import VoteLog

MAX_BALLOTS = 2000
MAX_COMMENT_CHARACTERS = 2000


@dataclass(frozen=True)
class Judgement:
    """What a rater submits, unchecked: `winner` is one of the Winner values; `any_right` is None if not answered."""

    winner: str
    criteria: Mapping[str, str] | None = None
    comment: str = ""
    any_right: bool | None = None


class ClosedLog:
    """The log of a process that cannot write one: it refuses every vote with the reason."""

    def __init__(self, reason: ArenaError) -> None:
        self._reason = reason

    def append(self, vote: Vote) -> None:
        """Raises VoteRefused."""
        raise VoteRefused(self._reason.code, str(self._reason), **self._reason.details)

    def read(self) -> Iterator[Vote]:
        """No votes."""
        return iter(())


@dataclass
class _Ballot:
    battle: Battle
    opened_at: float
    judge: str
    cast: bool = False


class Ballots:
    """The battles that have ended, each open for one vote. Safe to call from several threads."""

    def __init__(self, log: VoteLog | ClosedLog, limits: RateLimits | None = None) -> None:
        self._log = log
        self._limits = limits or RateLimits()
        self._ballots: OrderedDict[str, _Ballot] = OrderedDict()
        # Protects _ballots and the `cast` marks: of two votes for one battle the second must see the first.
        self._lock = threading.Lock()

    def admit(self, address: str, room: str) -> None:
        """Counts a new rater. Raises VoteRefused if too many start from one address, as a script could."""
        self._limits.count_rater(address, in_room=bool(room))

    @property
    def refuses_all(self) -> bool:
        """Whether no vote can be written here."""
        return isinstance(self._log, ClosedLog)

    def offer(self, battle: Battle, judge: str = "") -> None:
        """Opens an ended battle for `judge`, or for anybody who has its id if that is "".

        A battle that cannot be voted on is kept too, so that the refusal can give the reason. Offering again changes
        nothing, because the battle may have been judged. Evicts the oldest ballots beyond MAX_BALLOTS.
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
        """Judges a battle and returns the vote once it is on disk. Raises VoteRefused, and then nothing is written.

        `address` serves the rate limit only and is not stored.
        """
        self._limits.count_vote(judge, address, in_room=bool(room))
        winner, criteria = _winner(judgement.winner), _criteria(judgement.criteria or {})
        comment, any_right = _comment(judgement.comment or ""), _any_right(judgement.any_right)
        ballot = self._claim(battle_id, judge)
        now = time.time()
        vote = Vote(
            id=uuid.uuid4().hex,
            battle=ballot.battle,
            winner=winner,
            judge=judge,
            time=now,
            language=language_of(ballot.battle.prompt),
            criteria=criteria,
            any_right=any_right,
            comment=comment,
            leaked=is_leaked(ballot.battle),
            room=room,
            repeat_of=repeat_of,
            dwell=round(now - ballot.opened_at, 1),
        )
        try:
            self._log.append(vote)
        except BaseException:  # whatever failed, there is no row
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
                raise VoteRefused("vote_unfinished", "Both answers must have text and have ended without error.")
            if ballot.cast:
                raise VoteRefused("vote_twice", "This battle has already been judged.")
            ballot.cast = True
            return ballot


def _winner(value: str) -> Winner:
    try:
        return Winner(value)
    except ValueError as error:
        *others, last = Winner
        message = f"Winner must be {', '.join(others)} or {last}."
        raise VoteRefused("vote_winner", message, known=", ".join(Winner)) from error


def _criteria(criteria: Mapping[str, str]) -> dict[str, str]:
    is_valid = isinstance(criteria, Mapping) and all(
        name in CRITERIA and verdict in VERDICTS for name, verdict in criteria.items()
    )
    if not is_valid:
        message = f"Criteria are {', '.join(CRITERIA)}, each with one of {', '.join(VERDICTS)}."
        raise VoteRefused("vote_criteria", message)
    return dict(criteria)


def _comment(comment: str) -> str:
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
        message = f"A comment is text of at most {MAX_COMMENT_CHARACTERS} characters."
        raise VoteRefused("vote_comment", message, limit=MAX_COMMENT_CHARACTERS)
    return clean(comment)


def _any_right(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise VoteRefused("vote_any_right", "any_right must be true, false or left out.")
