"""Ballots: checks a rater's judgement of a battle and writes it as a vote, once per battle."""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arena.errors import ArenaError, VoteRefused, os_error_as
from arena.judging.leaks import is_leaked
from arena.judging.limits import RateLimits
from arena.text import clean, language_of
from arena.types import CRITERIA, VERDICTS, Battle, Vote, Winner
from arena.votes import VoteLog

MAX_BALLOTS = 2000
MAX_COMMENT_CHARACTERS = 2000


@dataclass(frozen=True)
class Judgement:
    """What a rater submits, unchecked: `winner` is one of the Winner values; `any_right` is None if not answered.

    Only `may_publish=True` is consent to publish the vote.
    """

    winner: str
    criteria: Mapping[str, str] | None = None
    comment: str = ""
    any_right: bool | None = None
    may_publish: bool = False

    def repeats(self, vote: Vote) -> bool:
        """Whether a vote says the same."""
        judged = (vote.winner, dict(vote.criteria), vote.comment, vote.any_right, bool(vote.may_publish))
        comment, may_publish = clean(self.comment or ""), self.may_publish is True
        return judged == (self.winner, dict(self.criteria or {}), comment, self.any_right, may_publish)


@dataclass
class _Ballot:
    battle: Battle
    opened_at: float
    judge: str
    # The id of the vote that was cast; "" while it is written, None before.
    vote_id: str | None = None


class Ballots:
    """The battles that have ended, each open for one vote. Safe to call from several threads.

    `log` is an error where none can be written: every vote is refused with it.
    `save_key` is called before each vote: it raises OSError while raters' hashes would not outlive a restart.
    `vote_on` is the vote that the log has on a battle, which another process may have written.
    `note_rater` gets the judge, the address and the room of each vote that is about to be written.
    """

    def __init__(
        self,
        log: VoteLog | ArenaError,
        limits: RateLimits | None = None,
        save_key: Callable[[], None] = lambda: None,
        vote_on: Callable[[str], Vote | None] = lambda battle_id: None,
        note_rater: Callable[[str, str, str], None] = lambda judge, address, room: None,
    ) -> None:
        self._log = log
        self._vote_on = vote_on
        self._save_key = save_key
        self._note_rater = note_rater
        self.limits = limits or RateLimits()
        self._ballots: OrderedDict[str, _Ballot] = OrderedDict()
        # Protects _ballots and their `vote_id`: of two votes for one battle the second must see the first.
        self._lock = threading.Lock()

    @property
    def refuses_all(self) -> bool:
        """Whether no vote can be written here."""
        return isinstance(self._log, ArenaError)

    def offer(self, battle: Battle, judge: str = "") -> None:
        """Opens an ended battle for `judge`, or for anybody who has its id if that is "".

        A battle that cannot be voted on is kept too, so that the refusal can give the reason. Offering again changes
        nothing, because the battle may have been judged. Evicts the oldest ballots beyond MAX_BALLOTS.
        """
        with self._lock:
            self._ballots.setdefault(battle.id, _Ballot(battle, time.time(), judge))
            while len(self._ballots) > MAX_BALLOTS:
                self._ballots.popitem(last=False)

    def resume(self, battle: Battle, judge: str = "") -> Vote | None:
        """Opens a battle that another process may have shown, unless the log has a vote on it, which is returned.

        That process may have died before it noted anything else: a second vote would get a receipt and not count.
        """
        if battle.id in self._ballots:
            return None
        vote = self._vote_on(battle.id)
        if vote is None:
            self.offer(battle, judge)
        return vote

    def is_open(self, battle_id: str) -> bool:
        """Whether the battle can be judged now."""
        with self._lock:
            ballot = self._ballots.get(battle_id)
            return ballot is not None and ballot.battle.votable and ballot.vote_id is None

    def cast(
        self,
        battle_id: str,
        judge: str,
        judgement: Judgement,
        *,
        address: str = "",
        room: str = "",
        repeat_of: str = "",
        instead_of: Vote | None = None,
        withdraw_others: Callable[[Vote], None] = lambda vote: None,
    ) -> Vote:
        """Judges a battle and returns the vote once it is on disk. Raises VoteRefused, and then nothing is written.

        `address` is for the limits and not stored. The vote replaces `instead_of`, an earlier one on the battle, which
        `withdraw_others` withdraws. If that raises, the earlier one still counts and can be changed again.
        """
        self.limits.count_vote(judge, address, in_room=bool(room))
        judgement = _checked(judgement)
        ballot = self._claim(battle_id, judge, instead_of)
        try:
            now = time.time()
            vote = Vote(
                id=uuid.uuid4().hex,
                battle=ballot.battle,
                judge=judge,
                time=now,
                language=language_of(ballot.battle.prompt),
                leaked=is_leaked(ballot.battle),
                room=room,
                repeat_of=repeat_of,
                dwell=round(now - ballot.opened_at, 1),
                **vars(judgement),
            )
            with os_error_as("not_saved", "The vote was NOT saved", VoteRefused):
                self._save_key()
            if isinstance(self._log, ArenaError):
                raise VoteRefused(self._log.code, f"The vote was NOT saved. {self._log}", **self._log.details)
            self._note_rater(judge, address, room)
            self._log.append(vote)
            if instead_of:
                withdraw_others(vote)
        except BaseException:  # whatever failed, there is no row that counts
            with self._lock:
                ballot.vote_id = instead_of.id if instead_of else None
            raise
        with self._lock:
            ballot.vote_id = vote.id
        return vote

    def _claim(self, battle_id: str, judge: str, instead_of: Vote | None) -> _Ballot:
        with self._lock:
            if instead_of:  # a restart has forgotten the ballot
                again = _Ballot(instead_of.battle, time.time(), instead_of.judge, instead_of.id)
                self._ballots.setdefault(battle_id, again)
            ballot = self._ballots.get(battle_id)
            if ballot is None or ballot.judge not in ("", judge):
                raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
            if not ballot.battle.votable:
                raise VoteRefused("vote_unfinished", "Both answers must finish without an error and must not be empty.")
            if ballot.vote_id != (instead_of.id if instead_of else None):
                raise VoteRefused("vote_twice", "You have already voted on this battle.")
            ballot.vote_id = ""
            return ballot


def _checked(judgement: Judgement) -> Judgement:
    """The judgement as a vote has it. Raises VoteRefused for invalid values; programs can send anything."""
    if judgement.winner not in list(Winner):
        *others, last = Winner
        message = f"Winner must be {', '.join(others)} or {last}."
        raise VoteRefused("vote_winner", message, known=", ".join(Winner))
    criteria = judgement.criteria or {}
    if not isinstance(criteria, Mapping) or not all(
        name in CRITERIA and verdict in VERDICTS for name, verdict in criteria.items()
    ):
        message = f"Criteria are {', '.join(CRITERIA)}, each with one of {', '.join(VERDICTS)}."
        raise VoteRefused("vote_criteria", message)
    comment = judgement.comment or ""
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_CHARACTERS:
        message = f"A comment may have {MAX_COMMENT_CHARACTERS} characters at most."
        raise VoteRefused("vote_comment", message, limit=MAX_COMMENT_CHARACTERS)
    if not isinstance(judgement.any_right, (bool, type(None))):
        raise VoteRefused("vote_any_right", "“Is at least one answer correct?” must be yes, no or empty.")
    winner, may_publish = Winner(judgement.winner), judgement.may_publish is True
    return Judgement(winner, dict(criteria), clean(comment), judgement.any_right, may_publish)
