"""Live blind battles: random sides, texts that grow together, and a vote only once both are complete."""

import pytest
from vote_samples import log_path, read_votes

from arena.backend import LoadState
from arena.errors import BackendError, ErrorInfo, InputError, VoteRefused
from arena.judging.ballots import Ballots, Judgement
from arena.judging.draw import PairDraw
from arena.judging.live import LiveBattles
from arena.prompts import Prompt
from arena.roster import Roster
from arena.types import Chunk, SideName
from arena.votes import VoteLog

A, B = SideName.A, SideName.B
TIE = Judgement("tie")


@pytest.fixture
def live_of(tmp_path):
    """Makes the live battles of two backends, with a log on disk."""
    with VoteLog(log_path(tmp_path)) as log:
        yield lambda a, b, **options: LiveBattles(PairDraw(Roster([a, b])), Ballots(log), **options)


def test_views_name_no_model_and_both_sides_grow_together(live_of, scripted):
    quick = scripted({"text": "quick ", "times": 20}, id="quick")
    slow = scripted({"text": "s", "delay": 0.01, "times": 30}, id="slow")
    live = live_of(quick, slow)
    views = list(live.ask("tab", "judge", "Why?"))
    assert views[0].prompt == "Why?" and views[-1].state == "votable"
    lengths = [sorted(len(text) for text in view.texts.values()) for view in views]
    assert all(short == long for short, long in lengths if long <= 30) and lengths[-1] == [30, 120]
    assert len({long for _, long in lengths}) > 5
    assert not any(name in repr(view).replace("quick quick", "") for view in views for name in ("script", "Scripted"))


def test_sides_are_drawn_at_random_for_each_battle(live_of, saying):
    live = live_of(saying("one", id="m1"), saying("two", id="m2"))
    sides = []
    for number in range(40):
        list(live.ask("tab", f"judge {number}", f"Question {number}"))
        vote = live.cast("tab", f"judge {number}", TIE)
        assert vote.battle.blind and vote.battle.source == "live" and vote.battle.prompt == f"Question {number}"
        assert {vote.battle.a.answer.text, vote.battle.b.answer.text} == {"one", "two"}
        assert (vote.battle.a.model.id == "m1") == (vote.battle.a.answer.text == "one")
        sides.append(vote.battle.a.model.id)
    assert 5 < sides.count("m1") < 35


def loading(backend, seconds=1.0):
    backend.load_state = LoadState(ready=False, seconds=seconds)
    return backend


def test_neither_side_begins_before_both_models_are_loaded(live_of, stub):
    asked = []

    def answer(messages, config):
        asked.append("b")
        yield Chunk(text="two", finish_reason="stop")

    def ready(messages, config):
        asked.append("a")
        yield Chunk(text="one", finish_reason="stop")

    slow = loading(stub(answer, id="slow"))
    views = live_of(stub(ready, id="quick"), slow).ask("tab", "judge", "Why?")
    waits = [next(views) for _ in range(5)]
    assert asked == [] and all(view == waits[0] for view in waits) and not any(waits[0].texts.values())
    slow.load_state = LoadState(ready=True)
    assert [*views][-1].state == "votable" and sorted(asked) == ["a", "b"]


def test_a_battle_is_stopped_while_its_models_are_loaded(live_of, stub, saying, threads_return):
    live = live_of(saying("one"), loading(stub(lambda messages, config: iter(()), id="slow")))
    views = live.ask("tab", "judge", "Why?")
    next(views), next(views)
    live.stop("tab")
    assert [*views][-1].state == "stopped" and threads_return()
    # A closed tab too, whose stream is not read any more.
    views = live.ask("tab", "judge", "Why?")
    next(views), next(views)
    views.close()
    live.close("tab")
    assert threads_return()


def test_a_model_that_cannot_be_loaded_ends_the_battle_without_a_name(live_of, stub, saying):
    def refuse(messages, config):
        raise BackendError("load_failed", "slow cannot be loaded: boom")
        yield

    slow = loading(stub(refuse, id="slow"))
    views = live_of(saying("one"), slow).ask("tab", "judge", "Why?")
    next(views), next(views)
    slow.load_state = LoadState(ready=False, error=ErrorInfo("load_failed", "boom"))
    *_, last = views
    assert last.state == "failed" and "boom" not in repr(last) and "slow" not in repr(last)


def test_only_the_rater_who_asked_can_vote_and_only_once(live_of, saying, tmp_path):
    live = live_of(saying("one", id="first"), saying("two", id="second"))
    prompt = Prompt("q1", "reasoning", {"zh": "一", "en": "one"}, "Why?")
    list(live.ask("tab", "judge", "Why?", prompt))
    with pytest.raises(VoteRefused, match="no such battle"):
        live.cast("tab", "another", TIE)
    live.cast("tab", "judge", TIE)
    with pytest.raises(VoteRefused, match="already voted"):
        live.cast("tab", "judge", TIE)
    (vote,) = read_votes(tmp_path)
    assert (vote.battle.prompt_id, vote.battle.dimension, vote.battle.blind) == ("q1", "reasoning", True)


def test_a_battle_cannot_be_judged_before_it_is_complete(live_of, saying, scripted):
    live = live_of(saying("one"), scripted({"text": "x", "delay": 0.02, "times": 50}))
    with pytest.raises(VoteRefused, match="no such battle"):
        live.cast("tab", "judge", TIE)
    views = live.ask("tab", "judge", "Why?")
    for _ in range(5):
        next(views)
        with pytest.raises(VoteRefused, match="no such battle"):
            live.cast("tab", "judge", TIE)
    views.close()
    with pytest.raises(VoteRefused, match="no such battle"):
        live.cast("tab", "judge", TIE)


def test_a_stall_ends_the_battle_and_both_sides(live_of, saying, stub, gate, threads_return):
    now = iter(range(0, 100_000, 7))

    def hang(messages, config):
        yield Chunk(text="Hm")
        while not gate.wait(0.02):
            yield Chunk()

    live = live_of(saying("one two three"), stub(hang, id="hangs"), clock=lambda: next(now))
    views = list(live.ask("tab", "judge", "Why?"))
    assert views[-1].state == "stalled" and [view.state for view in views[:-1]] == ["answering"] * (len(views) - 1)
    assert set(views[-1].texts.values()) == {"Hm", "on"}
    with pytest.raises(VoteRefused, match="no such battle"):
        live.cast("tab", "judge", TIE)
    assert threads_return()


@pytest.mark.parametrize(("tail", "state"), [([{"raise": "boom"}], "failed"), ([], "votable")])
def test_a_side_that_fails_does_not_stop_the_other_and_cannot_be_judged(live_of, scripted, saying, tail, state):
    live = live_of(saying("one two three four"), scripted({"text": "Well"}, *tail))
    *_, last = live.ask("tab", "judge", "Why?")
    assert last.state == state and set(last.texts.values()) == {"Well", "onetwothreefour"}
    assert "boom" not in repr(last)


def test_a_stopped_battle_keeps_the_text_shown_so_far(live_of, saying, scripted):
    live = live_of(saying("one " * 99), scripted({"text": "x", "delay": 0.02, "times": 500}))
    views = live.ask("tab", "judge", "Why?")
    seen = next(view for view in views if any(view.texts.values()))
    live.stop("tab")
    *_, last = views
    assert last.state == "stopped"
    lengths = {len(text) for text in last.texts.values()}
    assert len(lengths) == 1 and lengths.pop() >= len(seen.texts[A])
    with pytest.raises(VoteRefused, match="no such battle"):
        live.cast("tab", "judge", TIE)


def test_a_new_prompt_or_a_closed_tab_stops_the_battle(live_of, scripted, saying, threads_return):
    slow = [scripted({"text": "x", "delay": 0.02, "times": 5000}) for _ in range(2)]
    live = live_of(*slow)
    first = live.ask("tab", "judge", "Why?")
    next(first)
    second = live.ask("tab", "judge", "And why?")
    assert next(second).prompt == "And why?"
    assert [*first][-1].state == "stopped"
    live.close("tab")
    assert [*second][-1].state == "stopped"
    assert threads_return()


@pytest.mark.parametrize("typed", ["", " \n\u3000", "x" * 400_001])
def test_bad_input_is_refused_at_once(live_of, saying, typed):
    with pytest.raises(InputError):
        live_of(saying("one", id="m1"), saying("two", id="m2")).ask("tab", "judge", typed)


def test_a_call_without_a_page_is_refused(live_of, saying):
    live = live_of(saying("one"), saying("two"))
    for call in (lambda: live.ask(None, "judge", "Why?"), lambda: live.cast(None, "judge", TIE)):
        with pytest.raises(InputError, match="no page"):
            call()
