"""Which battles may be judged, and judging them once. Knows no page; the log does the writing."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from arena.errors import ArenaError, VoteRefused
from arena.language import language_of
from arena.text import clean
from arena.types import Battle, Vote, Winner

CRITERIA = ("correct", "complete", "clear")
VERDICTS = ("a", "tie", "b")
MAX_COMMENT_CHARACTERS = 2000
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
    cast: bool = False


class Ballots:
    """The battles that have ended, each open for one vote."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._ballots: OrderedDict[str, _Ballot] = OrderedDict()
        # Protects _ballots and the `cast` marks: of two votes for one battle the second must see the first.
        self._lock = threading.Lock()

    def offer(self, battle: Battle) -> None:
        """A battle has ended. Kept whether votable or not, so that a refusal can say why; the oldest go."""
        with self._lock:
            self._ballots[battle.id] = _Ballot(battle, time.time())
            while len(self._ballots) > MAX_BALLOTS:
                self._ballots.popitem(last=False)

    def is_open(self, battle_id: str) -> bool:
        """Whether the battle can be judged now."""
        with self._lock:
            ballot = self._ballots.get(battle_id)
            return ballot is not None and ballot.battle.votable and not ballot.cast

    def cast(
        self, battle_id: str, winner: str, judge: str, criteria: Mapping[str, str] | None = None, comment: str = ""
    ) -> Vote:
        """Judge a battle; returns the vote once it is on disk. Raises VoteRefused, and then nothing is written."""
        checked = _winner(winner), _criteria(criteria or {}), _comment(comment or "")
        ballot = self._claim(battle_id)
        now = time.time()
        vote = Vote(
            id=uuid.uuid4().hex,
            battle=ballot.battle,
            winner=checked[0],
            judge=judge,
            time=now,
            language=language_of(ballot.battle.prompt),
            criteria=checked[1],
            comment=checked[2],
            dwell=round(now - ballot.opened_at, 1),
        )
        try:
            self._log.append(vote)
        except BaseException:  # whatever went wrong, there is no row
            with self._lock:
                ballot.cast = False
            raise
        return vote

    def _claim(self, battle_id: str) -> _Ballot:
        with self._lock:
            ballot = self._ballots.get(battle_id)
            if ballot is None:
                raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
            if not ballot.battle.votable:
                raise VoteRefused("vote_unfinished", "Both answers must have ended without error, and not be empty.")
            if ballot.cast:
                raise VoteRefused("vote_twice", "This battle has been judged already.")
            ballot.cast = True
            return ballot


def _winner(value: str) -> Winner:
    try:
        return Winner(value)
    except ValueError as error:
        message = f"The winner must be one of {', '.join(Winner)}."
        raise VoteRefused("vote_winner", message, known=", ".join(Winner)) from error


def _criteria(criteria: Mapping[str, str]) -> dict[str, str]:
    good = isinstance(criteria, Mapping) and all(
        name in CRITERIA and verdict in VERDICTS for name, verdict in criteria.items()
    )
    if not good:
        message = f"Criteria are {', '.join(CRITERIA)}, each with one of {', '.join(VERDICTS)}."
        raise VoteRefused("vote_criteria", message)
    return dict(criteria)


def _comment(comment: str) -> str:
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
        message = f"A comment is a text of at most {MAX_COMMENT_CHARACTERS} characters."
        raise VoteRefused("vote_comment", message, limit=MAX_COMMENT_CHARACTERS)
    return clean(comment)


class JudgeKey:
    """Turns a rater's random id into what the CSV may hold. The key lives beside the votes and never leaves."""

    def __init__(self, path: Path) -> None:
        self._key = _read_or_make(path)

    def judge(self, rater: str) -> str:
        """A keyed hash: the same rater is the same judge, and nobody without the key can tell who."""
        return self._hash(f"rater:{rater}")[:24]

    def derive(self, purpose: str) -> str:
        """Another secret from the same key, for one purpose."""
        return self._hash(f"purpose:{purpose}")

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _read_or_make(path: Path) -> bytes:
    """The key in `path`; made if missing, for this run only if nothing can be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path) or secrets.token_bytes(32)
    except OSError:
        return secrets.token_bytes(32)
    key = secrets.token_bytes(32)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
    except OSError:  # the disk is full; an empty file would be in the way of a key for good
        path.unlink(missing_ok=True)
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
