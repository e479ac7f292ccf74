"""What the blind vote sends to a browser, apart from the browser."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from vote_samples import make_side

from arena.answers import Recorded
from arena.events import NoEvents
from arena.judging.ballots import Ballots
from arena.judging.pairs import pairs_of
from arena.judging.rooms import NO_ROOM, Rooms
from arena.prompts import Prompt, Reference
from arena.results.service import ResultsService
from arena.types import Message, SideName
from arena.votes.store import store_of
from arena.votes.withdrawals import Withdrawals
from ui.access import Access
from ui.judging.handlers import JudgeHandlers
from ui.judging.layout import JudgeTab
from ui.labels import Labels
from ui.session import Judging

NAMES = ("first model", "second model")
STORED = {"rater": "r"}


@pytest.fixture
def rooms():
    sides = [Recorded("q1", "Why?", make_side(name, "text", seconds=171.25, new_tokens=7)) for name in NAMES]
    log = SimpleNamespace(append=lambda vote: None)
    return Rooms(pairs_of(sides), Ballots(log), NoEvents())


@pytest.fixture
def events(rooms, tmp_path):
    withdrawals = Withdrawals(tmp_path, NoEvents(), lambda judge: "CODE", lambda address: None)
    results = ResultsService(store_of(tmp_path))
    prompt = Prompt("q1", "", {"zh": "", "en": ""}, "Why?", reference=Reference((("secret fact",),), text="Read me."))
    with gr.Blocks():
        part = JudgeTab(Labels({}))
    access = Access(judge=lambda rater: f"judge of {rater}")
    tab = SimpleNamespace(lang="en", judging=Judging(), room=NO_ROOM, unknown_room="", judge_shown={})
    tabs = SimpleNamespace(get=lambda request: tab)
    return SimpleNamespace(
        made=JudgeHandlers(rooms, (prompt,), withdrawals, results, access, part, tabs, None), tab=tab
    )


def sent(events):
    """All values that a handler would send now."""
    return repr([props.get("value") for props in events.made.render(events.tab).values()])


def submit(events, comment=""):
    form = events.made.part.form
    typed = {None: STORED, **dict.fromkeys(form.inputs), form.choice: "tie", form.comment: comment}
    return events.made.submit(typed, None)


def test_names_and_figures_are_sent_after_the_vote_alone(events):
    told = (*NAMES, "171.2 s", "7 tokens", "✗ does not say “secret fact”", "Read me.")
    events.made.go_on(STORED, None)
    assert "Why?" in sent(events) and not any(word in sent(events) for word in told)
    submit(events)
    assert all(word in sent(events) for word in told)


@pytest.mark.parametrize("kept", [None, {}, {"rater": ""}])
def test_a_browser_that_keeps_nothing_is_told_so(events, kept):
    with pytest.raises(gr.Error, match="blocks storage"):
        events.made.go_on(kept, None)


def test_a_vote_from_a_tab_that_shows_no_battle_is_refused(events):
    with pytest.raises(gr.Error, match="no such battle"):
        submit(events)


def test_a_refused_vote_changes_nothing_that_is_shown(events):
    events.made.go_on(STORED, None)
    before = events.tab.judging
    with pytest.raises(gr.Error, match="2000 characters at most"):
        submit(events, "x" * 2001)
    assert events.tab.judging == before
    submit(events, "x" * 2000)
    assert events.tab.judging.vote is not None


def test_a_rater_who_has_not_begun_is_shown_no_battle(events, rooms):
    events.made.opened(events.tab, STORED)
    assert events.tab.judging.position is None and not rooms.main.has_started("judge of r")
    events.made.go_on(STORED, None)
    shown = events.tab.judging
    events.tab.judging = Judging()
    events.made.opened(events.tab, STORED)
    assert events.tab.judging == shown


def test_of_a_conversation_all_of_it_is_shown(events, tmp_path):
    """What the host's files say is as hostile as what a model says."""
    talk = (Message("system", "s"), Message("user", "Hi"), Message("assistant", "<i>Ho</i>"), Message("user", "*Why?*"))
    first, second = (replace(make_side(name, f"It is {name}"), messages=talk) for name in NAMES)
    pairs = pairs_of([Recorded("q1", "Hi", first, turn=2), Recorded("q1", "Hi", second, turn=2)])
    rooms = Rooms(pairs, Ballots(SimpleNamespace(append=lambda vote: None)), NoEvents())
    events.made = replace(events.made, rooms=rooms)
    events.made.go_on(STORED, None)
    props, form = events.made.render(events.tab), events.made.part.form
    assert "Hi" in props[form.prompt]["value"] and "Why?" not in props[form.prompt]["value"]
    for side in SideName:
        rows = props[form.panes[side]]["value"]
        assert [row["role"] for row in rows] == ["assistant", "user", "assistant"]
        assert rows[0]["content"] == "\\<i>Ho\\</i>" and rows[1]["content"] == "\\*Why?\\*"
        assert "It is" in rows[2]["content"]
    submit(events)
    assert events.tab.judging.vote.battle.turn == 2
