"""Raters from one address: those beyond the limit are marked, and no address is written."""

from types import SimpleNamespace

import pytest

import arena.judging.crowds
from arena.events import CROWDED, EventLog, read_events
from arena.judging.ballots import Ballots, Judgement
from arena.judging.crowds import ADDRESS_RATERS, WINDOW_SECONDS, Crowds, network_of

HOME = "203.0.114.7"


@pytest.fixture
def events(tmp_path):
    with EventLog(tmp_path) as log:
        yield log


def crowded(events):
    return {event.about["judge"]: event.about["crowd"] for event in read_events(events.folder) if event.kind == CROWDED}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (HOME, HOME),
        (f"::ffff:{HOME}", HOME),
        # A household has a /64 of IPv6.
        ("2a01:4f8:1:2:aaaa::1", "2a01:4f8:1:2::/64"),
        ("2a01:4f8:1:2:bbbb::2", "2a01:4f8:1:2::/64"),
        ("2a01:4f8:1:3::1", "2a01:4f8:1:3::/64"),
        # Perhaps a proxy's, with everybody behind it.
        *((private, "") for private in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "172.17.0.1", "100.64.0.1", "::1")),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_an_address_that_may_be_a_proxys_is_no_household(address, network):
    assert network_of(address) == network


def test_raters_beyond_the_limit_of_an_address_are_a_crowd_and_the_address_is_not_written(events, tmp_path):
    crowds = Crowds(events)
    for number in range(ADDRESS_RATERS + 3):
        for _ in range(2):  # further votes change nothing
            crowds.note(f"judge-{number}", HOME)
    crowds.note("elsewhere", "203.0.114.8")
    marked = crowded(events)
    assert list(marked) == [f"judge-{ADDRESS_RATERS + more}" for more in range(3)] and len(set(marked.values())) == 1
    assert b"203.0" not in (tmp_path / "events.jsonl").read_bytes() and HOME not in repr(vars(crowds))


def test_a_class_in_a_room_and_raters_of_an_earlier_process_are_no_crowd(events):
    crowds = Crowds(events, is_known=lambda judge: judge.startswith("known"))
    for number in range(20):
        crowds.note(f"pupil-{number}", HOME, room="ABCDEF")
        crowds.note(f"known-{number}", HOME)
        crowds.note(f"local-{number}", "127.0.0.1")
    assert not crowded(events)


def test_the_count_of_an_address_begins_anew_after_the_window(events, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(arena.judging.crowds, "time", SimpleNamespace(time=lambda: clock.now))
    crowds = Crowds(events)
    for number in range(2 * ADDRESS_RATERS):
        clock.now = (number // ADDRESS_RATERS) * (WINDOW_SECONDS + 1)
        crowds.note(f"judge-{number}", HOME)
    assert not crowded(events)
    crowds.note("one more", HOME)
    assert list(crowded(events)) == ["one more"]


def test_addresses_that_a_script_makes_up_fill_no_memory(events, monkeypatch):
    monkeypatch.setattr(arena.judging.crowds, "MAX_ADDRESSES", 3)
    crowds = Crowds(events)
    for number in range(50):
        crowds.note(f"judge-{number}", f"203.0.113.{number}" if number % 2 else f"203.0.114.{number}")
    assert len(crowds._addresses) == 3


def test_a_rater_is_marked_before_the_vote_is_written_and_a_refused_vote_marks_nobody(events, answered):
    votes = []
    log = SimpleNamespace(append=lambda vote: votes.append((vote.judge, dict(crowded(events)))))
    ballots = Ballots(log, note_rater=Crowds(events).note)
    for number in range(ADDRESS_RATERS + 1):
        ballots.offer(answered(id=f"battle-{number}"))
        ballots.cast(f"battle-{number}", f"judge-{number}", Judgement("tie"), address=HOME)
    *counted, (last, marks) = votes
    assert not any(known for _, known in counted) and set(marks) == {last}
    with pytest.raises(Exception, match="already voted"):
        ballots.cast("battle-0", "somebody else", Judgement("tie"), address=HOME)
    assert set(crowded(events)) == {last}


def test_a_full_disk_refuses_the_vote_and_not_the_mark(answered):
    def full(*arguments, **about):
        raise OSError(28, "the events cannot be written" if about else "the votes cannot be written")

    crowds = Crowds(SimpleNamespace(append=full))
    ballots = Ballots(SimpleNamespace(append=full), note_rater=crowds.note)
    for number in range(ADDRESS_RATERS + 1):
        ballots.offer(answered(id=f"battle-{number}"))
        with pytest.raises(OSError, match="the votes cannot be written"):
            ballots.cast(f"battle-{number}", f"judge-{number}", Judgement("tie"), address=HOME)
        assert ballots.is_open(f"battle-{number}")
