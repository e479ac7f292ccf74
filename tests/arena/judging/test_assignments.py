"""Raters walked through pairs: each once, evenly, sides drawn, one in eight again, and all of it after a restart."""

from collections import Counter

import pytest
from vote_samples import make_side

from arena.answers import Recorded
from arena.errors import VoteRefused
from arena.events import EventLog, read_events
from arena.judging.assignments import REPEAT_GAP, Assignments, RoomProgress
from arena.judging.pairs import pairs_of


def pairs(number):
    sides = [(n, make_side(model, f"{model} on {n}")) for n in range(number) for model in ("one", "two")]
    return pairs_of(Recorded(f"q{n}", f"prompt {n}", side) for n, side in sides)


@pytest.fixture
def log(tmp_path):
    with EventLog(tmp_path) as log:
        yield log


def judge_all(assignments, judge, skips=()):
    """All battles of a rater; those at the places in `skips` are skipped."""
    seen = []
    while (battle := assignments.assign(judge).battle) is not None:
        assignments.assign(judge)
        repeat_of = assignments.repeat_of(battle.id, judge)
        seen.append((battle, repeat_of))
        (assignments.skip if len(seen) - 1 in skips else assignments.record_vote)(battle.id, judge)
    return seen


def test_a_rater_sees_every_pair_once_and_hears_how_far_they_are(log):
    assignments = Assignments(pairs(5), log)
    places = []
    for _ in range(5):
        position = assignments.assign("r")
        places.append((position.done, position.total))
        assert assignments.assign("r").battle == position.battle
        assignments.record_vote(position.battle.id, "r")
    assert places == [(n, 5) for n in range(5)]
    assert assignments.assign("r").battle is None and assignments.assign("r").done == 5
    assert len({battle.prompt_id for battle, _ in judge_all(assignments, "s")}) == 5


def test_one_in_eight_comes_again_with_the_sides_swapped(log):
    for number, again in ((7, 0), (8, 1), (16, 2), (20, 2)):
        assignments = Assignments(pairs(number), log, room=str(number))
        assert assignments.assign("r").total == number + again
        seen = judge_all(assignments, "r")
        repeats = [(place, battle, repeat_of) for place, (battle, repeat_of) in enumerate(seen) if repeat_of]
        assert len(seen) == number + again and len(repeats) == again
        first = {battle.id: (place, battle) for place, (battle, repeat_of) in enumerate(seen) if not repeat_of}
        assert len({repeat_of for _, _, repeat_of in repeats}) == again
        for place, battle, repeat_of in repeats:
            then, before = first[repeat_of]
            assert battle.id != before.id and (battle.a, battle.b) == (before.b, before.a)
            assert place - then > REPEAT_GAP


def test_a_skipped_battle_is_behind_the_rater_and_never_repeated(log):
    assignments = Assignments(pairs(9), log)
    seen = judge_all(assignments, "r", skips={0})
    assert len(seen) == 10 and seen[-1][1] not in ("", seen[0][0].id)
    position = assignments.assign("r")
    assert (position.done, position.total) == (10, 10)
    assignments = Assignments(pairs(8), log, room="2")
    assert len(judge_all(assignments, "r", skips={0})) == 8
    assert assignments.assign("r").total == 8


def test_pairs_and_sides_are_given_out_evenly(log):
    assignments = Assignments(pairs(4), log)
    shown, left = Counter(), Counter()
    for rater in range(42):  # nobody stays for more than one
        battle = assignments.assign(f"r{rater}").battle
        shown[battle.prompt_id] += 1
        left[battle.prompt_id] += battle.a.model.id == "one"
    assert sorted(shown.values()) == [10, 10, 11, 11]
    assert all(abs(2 * left[prompt] - shown[prompt]) <= 1 for prompt in shown)


def test_which_side_comes_first_is_drawn(log):
    firsts = Counter(Assignments(pairs(1), log, room=str(n)).assign("r").battle.a.model.id for n in range(64))
    assert firsts["one"] > 8 and firsts["two"] > 8


def test_a_restart_changes_nothing(log, tmp_path):
    given = pairs(16)
    assignments = Assignments(given, log)
    for _ in range(9):
        assignments.record_vote(assignments.assign("r").battle.id, "r")
    assignments.skip(assignments.assign("r").battle.id, "r")
    before, other = assignments.assign("r"), assignments.assign("other")
    again = Assignments(given, log)
    for event in read_events(tmp_path):
        again.replay(event)
    assert again.assign("r") == before and again.assign("other") == other
    seen = judge_all(again, "r")
    assert len(seen) + before.done == 17 and again.assign("r").total == 17
    assert again.progress == RoomProgress(started=2, finished=1, votes=9 + len(seen))


def test_what_belongs_to_another_room_or_another_set_is_passed_over(log, tmp_path):
    Assignments(pairs(3), log, room="x").assign("r")
    assignments = Assignments(pairs(2), log)
    for event in read_events(tmp_path):
        assignments.replay(event)
    assert assignments.progress == RoomProgress(0, 0, 0)
    assignments = Assignments(pairs(0), log, room="x")
    for event in read_events(tmp_path):
        assignments.replay(event)
    assert assignments.progress == RoomProgress(0, 0, 0) and assignments.assign("r").battle is None


def test_only_the_battle_before_the_rater_is_taken_and_once(log):
    assignments = Assignments(pairs(3), log)
    battle = assignments.assign("r").battle
    for judge, battle_id in (("other", battle.id), ("r", "unknown")):
        with pytest.raises(VoteRefused, match="no such battle"):
            assignments.record_vote(battle_id, judge)
    assignments.record_vote(battle.id, "r")
    for end in (assignments.record_vote, assignments.skip, assignments.repeat_of):
        with pytest.raises(VoteRefused, match="already been judged"):
            end(battle.id, "r")


def test_a_full_disk_does_not_keep_a_rater_from_reading():
    class Full:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    assignments = Assignments(pairs(2), Full())
    assignments.record_vote(assignments.assign("r").battle.id, "r")
    assert assignments.assign("r").done == 1 and assignments.assign("r").battle is not None
