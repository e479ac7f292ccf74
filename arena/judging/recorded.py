"""Where raters judge recorded answers: what is before them, their vote, and the next. Knows no page."""

from __future__ import annotations

from arena.errors import VoteRefused
from arena.events import Event
from arena.judging.assignments import Assignments, Position, Progress
from arena.judging.ballots import Ballots
from arena.judging.judgement import Judgement
from arena.types import Vote


class RecordedJudging:
    """A walk through a set, with the ballots that take what raters say. `room` goes into every row ("" is none)."""

    def __init__(self, review: Assignments, ballots: Ballots, room: str = "") -> None:
        self.room = room
        # Set once by `close`, and read by every vote.
        self.closed = False
        self._review = review
        self._ballots = ballots

    def replay(self, event: Event) -> None:
        """Takes in what another process told of raters here."""
        self._review.replay(event)

    def close(self) -> None:
        """From now on votes are refused."""
        self.closed = True

    @property
    def progress(self) -> Progress:
        """How far the raters are."""
        return self._review.progress

    def has_begun(self, judge: str) -> bool:
        """Whether anything was ever put before the rater."""
        return self._review.has_begun(judge)

    def is_through(self, judge: str) -> bool:
        """Whether the rater has judged all of it."""
        return self._review.is_through(judge)

    def was_shown(self, battle_id: str, judge: str) -> bool:
        """Whether the battle is, or was, before this rater."""
        return self._review.was_shown(judge, battle_id)

    def position(self, judge: str, *, address: str = "") -> Position:
        """Where the rater stands, with the battle before them open for their vote. Raises VoteRefused once closed, and
        for a rater who begins where too many did within a minute."""
        self._check_open()
        if not self._review.has_begun(judge):
            self._ballots.admit(address, self.room)
        position = self._review.position(judge)
        if position.battle:
            self._ballots.offer(position.battle, judge)
        return position

    def cast(self, battle_id: str, judge: str, judgement: Judgement, *, address: str = "") -> Vote:
        """The rater's vote on the battle before them; returns once it is on disk. Raises VoteRefused."""
        self._check_open()
        repeat_of = self._review.repeat_of(judge, battle_id)
        vote = self._ballots.cast(battle_id, judge, judgement, address=address, room=self.room, repeat_of=repeat_of)
        self._review.voted(judge, battle_id)
        return vote

    def skip(self, battle_id: str, judge: str) -> None:
        """The rater passes the battle by: no vote, and it does not come again. Raises VoteRefused."""
        self._check_open()
        self._review.skip(judge, battle_id)

    def _check_open(self) -> None:
        if self.closed:
            raise VoteRefused("room_closed", "This room is closed: no more votes are taken.")
