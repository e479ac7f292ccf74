"""Limits on votes, new raters, and attempts at secrets."""

import pytest
from vote_samples import make_side, make_vote

from arena.errors import InputError, VoteRefused
from arena.events import NoEvents
from arena.judging import limits
from arena.judging.ballots import Ballots, Judgement
from arena.judging.limits import Admin, RateLimits
from arena.judging.pairs import pairs_of
from arena.judging.room import Room
from arena.recorded import Recorded

PAIRS = pairs_of(Recorded("q1", "prompt", make_side(model, f"{model} on it")) for model in ("one", "two"))


@pytest.fixture(autouse=True)
def low_limits(monkeypatch):
    """Limits that a test reaches."""
    for name, count in (("RATER_VOTES", 3), ("ADDRESS_VOTES", 5), ("ADDRESS_VOTES_IN_A_ROOM", 8), ("TRIES", 2)):
        monkeypatch.setattr(limits, name, count)


def accepted(count, call):
    """How many of `count` calls were not refused."""
    done = 0
    for number in range(count):
        try:
            call(number)
            done += 1
        except (VoteRefused, InputError) as error:
            assert error.code in ("vote_rate", "too_many_tries", "rater_rate")
    return done


def test_raters_addresses_and_rooms_have_separate_limits():
    for judge, address, in_room, limit in (
        (lambda number: "one", lambda number: f"address {number}", False, 3),
        (lambda number: f"rater {number}", lambda number: "one", False, 5),
        (lambda number: f"rater {number}", lambda number: "one", True, 8),
        (lambda number: f"rater {number}", lambda number: "", False, 20),
    ):
        rates = RateLimits()
        assert accepted(20, lambda n: rates.count_vote(judge(n), address(n), in_room)) == limit  # noqa: B023


@pytest.mark.parametrize(("in_room", "limit"), [(False, 5), (True, 8)])
def test_the_number_of_new_raters_from_an_address_is_limited(in_room, limit):
    ballots = Ballots(InputError("x", "x"))
    room = Room(PAIRS, NoEvents(), ballots, "ROOMAB" if in_room else "")
    assert accepted(20, lambda number: room.assign(f"rater {number}", address="one")) == limit
    assert room.progress.started == limit
    assert accepted(limit, lambda number: room.assign(f"rater {number}", address="one")) == limit
    assert room.assign("rater 19", address="another").battle


def test_after_a_minute_votes_are_accepted_again(monkeypatch):
    import time

    rates, now = RateLimits(), time.time()
    assert accepted(9, lambda n: rates.count_vote("one", "", False)) == 3
    monkeypatch.setattr(time, "time", lambda: now + 59)
    assert accepted(9, lambda n: rates.count_vote("one", "", False)) == 0
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert accepted(9, lambda n: rates.count_vote("one", "", False)) == 3


def test_a_vote_over_the_limit_is_not_written_and_can_be_cast_later():
    written = []

    class Log:
        append = staticmethod(written.append)

    ballots = Ballots(Log())
    for number in range(5):
        ballots.offer(make_vote(number).battle)
    ids = [make_vote(number).battle.id for number in range(5)]
    assert accepted(5, lambda n: ballots.cast(ids[n], "one", Judgement("tie"), address="here")) == 3
    assert len(written) == 3 and not ballots.is_open(ids[0]) and ballots.is_open(ids[4])
    ballots.cast(ids[4], "another", Judgement("tie"), address="here")
    assert written[-1].battle.id == ids[4]


def test_attempts_at_the_token_are_limited_and_right_ones_count():
    admin = Admin("correct horse 马", RateLimits())
    admin.check("correct horse 马", "here")
    for wrong in ("correct horse", "", "correcthorse 马", "Correct horse 马", "\ud800"):
        with pytest.raises(InputError) as refused:
            admin.check(wrong, f"from {wrong!r}")
        assert refused.value.code == "admin_wrong" and "horse" not in str(refused.value)
    for index, typed in enumerate(
        (" correct horse 马\n", "\ufeffcorrect horse 马\u200b", "ｃｏｒｒｅｃｔ　ｈｏｒｓｅ　马")
    ):
        admin.check(typed, f"typed {index}")
    assert accepted(9, lambda n: admin.check("correct horse 马", "there")) == 2
