"""Rooms are separate, survive a restart, stay closed, and show their results to raters who finished."""

import shutil
from types import SimpleNamespace

import pytest
from vote_samples import log_path, make_side, read_votes

from arena.errors import InputError, VoteRefused
from arena.events import Event, EventLog, NoEvents, read_events
from arena.judging.ballots import Ballots, Judgement
from arena.judging.pairs import pairs_of
from arena.judging.room import NO_ROOM, RoomProgress
from arena.judging.rooms import MOST_RATERS, Rooms
from arena.recorded import Recorded
from arena.results.selection import Filters
from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import VoteStore

PAIRS = pairs_of(
    Recorded(f"q{n}", f"prompt {n}", make_side(model, f"{model} on {n}")) for n in range(3) for model in ("one", "two")
)


@pytest.fixture
def log(tmp_path):
    with VoteLog(log_path(tmp_path)) as log:
        yield log


@pytest.fixture
def events(tmp_path):
    with EventLog(tmp_path) as events:
        yield events


@pytest.fixture
def rooms(log, events):
    return Rooms(PAIRS, Ballots(log), events)


def judge_all(room, judge):
    """The rater judges everything; returns the prompts' ids."""
    seen = []
    while battle := room.assign(judge).battle:
        room.cast(battle.id, judge, Judgement("model_a"))
        seen.append(battle.prompt_id)
    return seen


def test_a_room_has_its_own_prompts_raters_and_votes(rooms, tmp_path):
    room = rooms.open(["q2", "q0"], 30)
    assert (room.prompts, room.wanted, room.closed) == (("q0", "q2"), 30, False)
    assert len(room.code) == 6 and not set(room.code) & set("01OIL")
    assert sorted(judge_all(room, "r")) == ["q0", "q2"]
    assert room.progress == RoomProgress(started=1, finished=1, votes=2)
    assert rooms.main.progress == RoomProgress(0, 0, 0) and len(judge_all(rooms.main, "r")) == 3
    assert sorted(vote.room for vote in read_votes(tmp_path)) == ["", "", "", room.code, room.code]
    results = ResultsService(VoteStore(tmp_path))
    assert [results.figures(Filters(room=code)).votes for code in (room.code, None, "OTHER")] == [2, 5, 0]


def test_a_code_may_be_typed_in_any_case_and_spacing(rooms):
    room = rooms.open(["q1"], 1)
    assert rooms.room(f" {room.code[:3].lower()} {room.code[3:]}\n") == room
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in room.code)
    invisible = "\u200b".join(("\ufeff", *room.code, "\u200e"))
    for typed in (
        wide,
        wide.lower(),
        invisible,
        "-".join(room.code),
        f"{room.code[:3]}–{room.code[3:]}",
        f"“{room.code}”",
    ):
        assert rooms.room(typed) is room
    assert rooms.room_or_main(room.code.lower()) is room and rooms.room_or_main(NO_ROOM) is rooms.main
    for code in ("", "NOSUCH", "x" * 5000):
        with pytest.raises(InputError) as refused:
            rooms.room(code)
        assert refused.value.code == "room_unknown" and len(str(refused.value)) < 60


def test_a_closed_room_refuses_votes_and_shows_names_to_raters_who_finished(rooms):
    room = rooms.open(["q0", "q1"], 2)
    judge_all(room, "done")
    half = room.assign("half").battle
    assert not rooms.may_see_names("done")
    assert rooms.finished_open("done") is room and rooms.finished_open("half") is None
    assert rooms.close(room.code).closed and rooms.close(room.code).closed
    for call in (
        lambda: room.cast(half.id, "half", Judgement("tie")),
        lambda: room.skip(half.id, "half"),
        lambda: room.assign("new"),
    ):
        with pytest.raises(VoteRefused, match="closed"):
            call()
    assert rooms.finished_open("done") is None
    assert rooms.may_see_names("done") and not rooms.may_see_names("half") and not rooms.may_see_names("new")
    judge_all(rooms.main, "half")
    assert rooms.may_see_names("half")


@pytest.mark.parametrize(
    ("prompts", "wanted", "code"),
    [
        ([], 3, "room_prompts"),
        (["q1", "q9"], 3, "room_prompts"),
        (["q1"], 0, "room_wanted"),
        (["q1"], MOST_RATERS + 1, "room_wanted"),
    ],
)
def test_a_room_without_prompts_or_raters_is_not_opened(rooms, prompts, wanted, code):
    with pytest.raises(InputError) as refused:
        rooms.open(prompts, wanted)
    assert refused.value.code == code and rooms.rooms == ()


def test_a_restart_changes_nothing(rooms, log, events, tmp_path):
    first, second = rooms.open(["q0", "q1"], 20), rooms.open(["q2"], 5)
    first.cast(first.assign("r").battle.id, "r", Judgement("tie"))
    first.skip(first.assign("s").battle.id, "s")
    judge_all(rooms.main, "m")
    before = first.assign("r")
    rooms.close(second.code)
    restarted = Rooms(PAIRS, Ballots(log), events)
    for event in read_events(tmp_path):
        restarted.replay(event)
    assert [room.code for room in restarted.rooms] == [second.code, first.code]
    assert [(room.prompts, room.wanted, room.closed) for room in restarted.rooms] == [
        (("q2",), 5, True),
        (("q0", "q1"), 20, False),
    ]
    assert restarted.room(first.code).assign("r") == before
    assert restarted.room(first.code).progress == RoomProgress(started=2, finished=0, votes=1)
    assert restarted.main.progress == rooms.main.progress == RoomProgress(started=1, finished=1, votes=3)


@pytest.mark.parametrize("lost", [("voted",), ("shown", "voted")])
def test_a_vote_whose_events_a_crash_has_lost_is_not_asked_for_again(rooms, log, events, tmp_path, lost):
    first = rooms.open(["q0", "q1"], 20)
    for room, judge in ((first, "r"), (rooms.main, "m"), (rooms.main, "m")):
        room.cast(room.assign(judge).battle.id, judge, Judgement("tie"))
    restarted = Rooms(PAIRS, Ballots(log), events)
    for event in read_events(tmp_path):
        if event.kind not in lost:
            restarted.replay(event)
    restarted.replay_votes(VoteStore(tmp_path))
    assert restarted.main.progress == rooms.main.progress
    assert restarted.room(first.code).progress == rooms.room(first.code).progress
    assert len(judge_all(restarted.main, "m")) == 1
    votes = VoteStore(tmp_path).refresh()
    assert (votes.report.rows, votes.report.duplicates) == (4, 0)


@pytest.mark.parametrize("lost", [(), ("shown", "voted")])
def test_copies_of_a_folders_own_files_lock_no_rater_out(tmp_path, lost):
    """A backup restores them under another name after an older disk was put back."""
    for life in range(3):
        with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
            store = VoteStore(tmp_path)
            rooms = Rooms(PAIRS, Ballots(log, vote_on=store.vote_on), events)
            events.follow(rooms.replay)
            rooms.replay_votes(store)
            assert rooms.main.progress.votes == life and rooms.main.assign("r").done == life
            rooms.main.cast(rooms.main.assign("r").battle.id, "r", Judgement("model_a"))
        lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        held = "".join(line for line in lines if not any(f'"{kind}"' in line for kind in lost))
        for name in ("events.jsonl", "events-1000000001.jsonl"):
            (tmp_path / name).write_text(held, encoding="utf-8")
        shutil.copy(tmp_path / "votes.csv", tmp_path / "votes-1000000001.csv")
    assert VoteStore(tmp_path).refresh().report.rows == 3


def test_many_votes_of_another_process_that_no_event_notes_are_found(tmp_path):
    shown = [
        {"judge": "r", "room": "", "battle": f"b{n}", "pair": PAIRS[0].id, "swapped": False, "repeat_of": ""}
        for n in range(2000)
    ]
    voted = SimpleNamespace()
    rooms = Rooms(PAIRS, Ballots(None, vote_on=lambda battle: voted if battle[1:].isdigit() else None), NoEvents())
    for about in shown:
        rooms.replay(Event("shown", 0.0, about))
    assert rooms.main.assign("r").done == 2000 and rooms.main.progress.votes == 2000


def test_a_restored_copy_of_its_events_resets_no_running_room(rooms, events, tmp_path):
    events.follow(rooms.replay)
    room = rooms.open(["q0", "q1", "q2"], 3)
    closed = rooms.close(rooms.open(["q0"], 1).code)
    room.cast(room.assign("r").battle.id, "r", Judgement("model_a"))
    early = events.part.read_bytes()
    room.cast(room.assign("r").battle.id, "r", Judgement("model_a"))
    shown = room.assign("r")
    (tmp_path / "events-1000000001.jsonl").write_bytes(early)
    events.catch_up()
    assert rooms.room(room.code) is room and room.assign("r") == shown and room.progress.votes == 2
    assert rooms.room(closed.code) is closed and closed.closed
    room.cast(shown.battle.id, "r", Judgement("model_a"))
    assert room.assign("r").battle is None and read_votes(tmp_path).report.rows == 3


def test_a_room_that_cannot_be_saved_is_not_opened(log):
    class FullDisk:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    rooms = Rooms(PAIRS, Ballots(log), FullDisk())
    with pytest.raises(InputError, match="No space left"):
        rooms.open(["q0"], 3)
    assert rooms.rooms == ()


def test_a_battle_is_found_in_the_room_where_it_was_shown(rooms):
    room = rooms.open(["q0"], 3)
    here, there = room.assign("r").battle, rooms.main.assign("r").battle
    assert rooms.was_shown(here.id, "r") is room and rooms.was_shown(there.id, "r") is rooms.main
    assert rooms.was_shown(here.id, "another") is None and rooms.was_shown("none", "r") is None
    with pytest.raises(VoteRefused, match="no such battle"):
        rooms.main.cast(here.id, "r", Judgement("tie"))


def test_a_rater_goes_on_at_another_process_where_the_first_one_died(tmp_path, monkeypatch):
    with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
        first = Rooms(PAIRS, Ballots(log), events)
        with VoteLog(log_path(tmp_path)) as other_log, EventLog(tmp_path) as other_events:
            second = Rooms(PAIRS, Ballots(other_log, vote_on=VoteStore(tmp_path).vote_on), other_events)
            other_events.follow(second.replay)
            room = first.open(["q0", "q1", "q2"], 30)
            room.cast(room.assign("r").battle.id, "r", Judgement("model_a"))
            current = room.assign("r").battle
            with monkeypatch.context() as patch:  # the vote is on disk, and the event that notes it is not
                patch.setattr(events, "append", lambda *_, **__: None)
                room.cast(current.id, "r", Judgement("model_a"))
            shown = room.assign("r").battle
            moved = second.room(room.code)
            assert moved.progress.votes == 1
            assignment = moved.assign("r")
            assert (assignment.done, assignment.battle.id) == (2, shown.id)
            moved.cast(shown.id, "r", Judgement("model_b"))
            assert moved.assign("r").battle is None
    assert sorted(vote.battle.prompt_id for vote in read_votes(tmp_path)) == ["q0", "q1", "q2"]
