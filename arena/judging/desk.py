"""Where raters judge recorded answers: what is before them, their vote, and the next. Knows no page."""

from __future__ import annotations

from arena.judging.ballots import Ballots
from arena.judging.judgement import Judgement
from arena.judging.review import Position, Review
from arena.types import Vote
from arena.votes.withdrawn import Withdrawals


class Desk:
    """A walk through a set, with the ballots that take what raters say. `room` goes into every row."""

    def __init__(self, review: Review, ballots: Ballots, withdrawals: Withdrawals, room: str = "") -> None:
        self._review = review
        self._ballots = ballots
        self._room = room
        self.withdrawals = withdrawals

    def has_begun(self, judge: str) -> bool:
        """Whether anything was ever put before the rater."""
        return self._review.has_begun(judge)

    def may_see_names(self, judge: str) -> bool:
        """Whether it no longer matters that the rater learns who wrote what: they have judged all of it."""
        return self._review.is_through(judge)

    def was_shown(self, battle_id: str, judge: str) -> bool:
        """Whether the battle is, or was, before this rater."""
        return self._review.was_shown(judge, battle_id)

    def position(self, judge: str) -> Position:
        """Where the rater stands, with the battle before them open for their vote."""
        position = self._review.position(judge)
        if position.battle:
            self._ballots.offer(position.battle, judge)
        return position

    def cast(self, battle_id: str, judge: str, judgement: Judgement) -> Vote:
        """The rater's vote on the battle before them; returns once it is on disk. Raises VoteRefused."""
        repeat_of = self._review.repeat_of(judge, battle_id)
        vote = self._ballots.cast(battle_id, judge, judgement, self._room, repeat_of)
        self._review.voted(judge, battle_id)
        return vote

    def skip(self, battle_id: str, judge: str) -> None:
        """The rater passes the battle by: no vote, and it does not come again. Raises VoteRefused."""
        self._review.skip(judge, battle_id)
