"""One room: each pair once per rater, evenly, sides drawn, one vote in eight again, and the same after a restart."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
from vote_samples import make_side

from arena.errors import VoteRefused
from arena.events import EventLog, read_events
from arena.judging.ballots import Ballots, Judgement
from arena.judging.pairs import pairs_of
from arena.judging.room import REPEAT_GAP, Room, RoomProgress
from arena.recorded import Recorded

TIE = Judgement("tie")


def pairs(number, models=("one", "two")):
    sides = [(n, make_side(model, f"{model} on {n}")) for n in range(number) for model in models]
    return pairs_of(Recorded(f"q{n}", f"prompt {n}", side) for n, side in sides)


def new_room(number, events, models=("one", "two")):
    """A room with this number of prompts that the models answered; its votes are not kept."""
    return Room(pairs(number, models), events, Ballots(SimpleNamespace(append=lambda vote: None)))


@pytest.fixture
def events(tmp_path):
    with EventLog(tmp_path) as events:
        yield events


def judge_all(room, judge, skips=()):
    """The battles of a rater, each with the id that it repeats; those at the places in `skips` are skipped."""
    seen = []
    while (battle := room.assign(judge).battle) is not None:
        room.assign(judge)
        if len(seen) in skips:
            room.skip(battle.id, judge)
            seen.append((battle, ""))
        else:
            seen.append((battle, room.cast(battle.id, judge, TIE).repeat_of))
    return seen


def test_a_rater_sees_every_pair_once(events):
    room = new_room(5, events)
    places = []
    for _ in range(5):
        position = room.assign("r")
        places.append((position.done, position.total))
        assert room.assign("r").battle == position.battle
        room.cast(position.battle.id, "r", TIE)
    assert places == [(n, 5) for n in range(5)]
    assert room.assign("r").battle is None and room.assign("r").done == 5
    assert len({battle.prompt_id for battle, _ in judge_all(room, "s")}) == 5


def test_one_vote_in_eight_is_asked_again_with_the_sides_swapped(events):
    for number, again in ((7, 0), (8, 1), (16, 2), (20, 2)):
        room = new_room(number, events)
        assert room.assign("r").total == number + again
        seen = judge_all(room, "r")
        repeats = [(place, battle, repeat_of) for place, (battle, repeat_of) in enumerate(seen) if repeat_of]
        assert len(seen) == number + again and len(repeats) == again
        first = {battle.id: (place, battle) for place, (battle, repeat_of) in enumerate(seen) if not repeat_of}
        assert len({repeat_of for _, _, repeat_of in repeats}) == again
        for place, battle, repeat_of in repeats:
            then, before = first[repeat_of]
            assert battle.id != before.id and (battle.a, battle.b) == (before.b, before.a)
            assert place - then > REPEAT_GAP


def test_a_skipped_battle_counts_as_done_and_is_never_repeated(events):
    room = new_room(9, events)
    seen = judge_all(room, "r", skips={0})
    assert len(seen) == 10 and seen[-1][1] not in ("", seen[0][0].id)
    position = room.assign("r")
    assert (position.done, position.total) == (10, 10)
    room = new_room(8, events)
    assert len(judge_all(room, "r", skips={0})) == 8
    assert room.assign("r").total == 8


def test_pairs_and_sides_are_assigned_evenly(events):
    room = new_room(4, events)
    shown, left = Counter(), Counter()
    for rater in range(42):  # nobody stays for more than one
        battle = room.assign(f"r{rater}").battle
        shown[battle.prompt_id] += 1
        left[battle.prompt_id] += battle.a.model.id == "one"
    assert sorted(shown.values()) == [10, 10, 11, 11]
    assert all(abs(2 * left[prompt] - shown[prompt]) <= 1 for prompt in shown)


@pytest.mark.parametrize("models", ["abc", "abcd", "abcde", "abcdef"])
def test_of_many_models_a_rater_reads_no_answer_twice_and_all_pairs_are_judged_evenly(events, models, monkeypatch):
    """An answer whose model was named after a vote is not blind in another pair."""
    draw = random.Random(models)
    fixed = SimpleNamespace(choice=draw.choice, randbelow=draw.randrange)
    monkeypatch.setattr("arena.judging.room.secrets", fixed)
    room, shown = new_room(4, events, models), Counter()
    own = 4 * (len(models) // 2)
    for rater, stay in enumerate([2, 100, 5, 100, 3, 100, 100, 1] * 2):
        assert room.assign(f"r{rater}").total == own + own // 8
        seen = []
        while len(seen) < stay and (battle := room.assign(f"r{rater}").battle):
            if not room.cast(battle.id, f"r{rater}", TIE).repeat_of:
                seen.append(battle)
        answers = [side.answer.text for battle in seen for side in (battle.a, battle.b)]
        assert len(answers) == len(set(answers)) and len(seen) == min(stay, own)
        assert len({battle.prompt_id for battle in seen[:4]}) == len(seen[:4])
        assert room.has_finished(f"r{rater}") == (stay >= own)
        shown.update((battle.prompt_id, *sorted((battle.a.model.id, battle.b.model.id))) for battle in seen)
    assert len(shown) == 4 * len(models) * (len(models) - 1) // 2
    assert max(shown.values()) - min(shown.values()) <= 3


def test_an_answer_that_a_model_gave_twice_is_read_once(events):
    one = [Recorded("q", "prompt", make_side("one", "always"), repeat) for repeat in (0, 1)]
    two = [Recorded("q", "prompt", make_side("two", f"run {repeat}"), repeat) for repeat in (0, 1)]
    room = Room(pairs_of([*one, *two]), events, Ballots(SimpleNamespace(append=lambda vote: None)))
    assert room.assign("r").total == len(judge_all(room, "r")) == 1


def test_sides_are_drawn_at_random(events):
    firsts = Counter(new_room(1, events).assign("r").battle.a.model.id for _ in range(64))
    assert firsts["one"] > 8 and firsts["two"] > 8


def test_a_restart_changes_nothing(events, tmp_path):
    room = new_room(16, events)
    for _ in range(9):
        room.cast(room.assign("r").battle.id, "r", TIE)
    room.skip(room.assign("r").battle.id, "r")
    before, other = room.assign("r"), room.assign("other")
    restarted = new_room(16, events)
    for event in read_events(tmp_path):
        restarted.replay(event)
    assert restarted.assign("r") == before and restarted.assign("other") == other
    seen = judge_all(restarted, "r")
    assert len(seen) + before.done == 17 and restarted.assign("r").total == 17
    assert restarted.progress == RoomProgress(started=2, finished=1, votes=9 + len(seen))


def test_copies_of_events_change_nothing(events, tmp_path):
    """A backup restores a folder's own older events beside its own, with the same times."""
    room = new_room(16, events)
    for _ in range(9):
        room.cast(room.assign("r").battle.id, "r", TIE)
    room.skip(room.assign("r").battle.id, "r")
    before = room.assign("r")
    for copy in (list(read_events(tmp_path)), list(read_events(tmp_path))[:7]):
        restarted = new_room(16, events)
        for event in sorted([*read_events(tmp_path), *copy], key=lambda event: event.time):
            restarted.replay(event)
        assert restarted.assign("r") == before
        assert restarted.progress == room.progress == RoomProgress(started=1, finished=0, votes=9)
        assert restarted.shown == room.shown and len(room.shown) == 11


def test_events_about_pairs_of_another_set_are_ignored(events, tmp_path):
    new_room(3, events).assign("r")
    room = new_room(0, events)
    for event in read_events(tmp_path):
        room.replay(event)
    assert room.progress == RoomProgress(0, 0, 0) and room.assign("r").battle is None


def test_only_the_current_battle_of_a_rater_can_be_judged_and_only_once(events):
    room = new_room(3, events)
    battle = room.assign("r").battle
    for judge, battle_id in (("other", battle.id), ("r", "unknown")):
        for end in (lambda *about: room.cast(*about, TIE), room.skip):
            with pytest.raises(VoteRefused, match="no such battle"):
                end(battle_id, judge)
    room.cast(battle.id, "r", TIE)
    for end in (lambda *about: room.cast(*about, TIE), room.skip):
        with pytest.raises(VoteRefused, match="already voted"):
            end(battle.id, "r")


def test_a_vote_overrules_a_skip_that_came_while_it_was_written(events, tmp_path):
    battle, rows = None, []

    def write(vote):
        room.skip(battle.id, "r")
        rows.append(vote)

    room = Room(pairs(2), events, Ballots(SimpleNamespace(append=write)))
    battle = room.assign("r").battle
    assert [room.cast(battle.id, "r", TIE)] == rows
    restarted = new_room(2, events)
    for event in read_events(tmp_path):
        restarted.replay(event)
    for each in (room, restarted):
        assert each.progress == RoomProgress(started=1, finished=0, votes=1)
        with pytest.raises(VoteRefused, match="already voted"):
            each.skip(battle.id, "r")


def test_a_skip_while_a_vote_fails_stays_a_skip(events):
    def write(vote):
        room.skip(battle.id, "r")
        raise OSError(28, "No space left on device")

    room = Room(pairs(2), events, Ballots(SimpleNamespace(append=write)))
    battle = room.assign("r").battle
    with pytest.raises(OSError, match="No space"):
        room.cast(battle.id, "r", TIE)
    assert room.progress.votes == 0 and room.assign("r").done == 1


def test_with_a_full_disk_a_rater_still_gets_battles():
    class FullDisk:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    room = new_room(2, FullDisk())
    room.cast(room.assign("r").battle.id, "r", TIE)
    assert room.assign("r").done == 1 and room.assign("r").battle is not None
