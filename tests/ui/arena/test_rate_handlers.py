"""What the rating of recorded answers sends to a browser, apart from the browser."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import gradio as gr
import pytest
from vote_samples import make_side

from arena.events import EventLog, NoEvents
from arena.judging.ballots import Ballots
from arena.judging.pairs import pairs_of
from arena.judging.rooms import Rooms
from arena.prompts import Prompt, Reference
from arena.recorded import Recorded
from arena.results.service import ResultsService
from arena.sessions import Session, Sessions
from arena.types import Message, SideName, Winner
from arena.votes.store import VoteStore
from ui.access import Access
from ui.arena.handlers import ArenaHandlers
from ui.arena.layout import ArenaTab
from ui.arena.rate import Rate
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.tabs import Judging, Tab

NAMES = ("first model", "second model")
STORED = {"rater": "r"}


@pytest.fixture
def rooms(tmp_path):
    sides = [
        Recorded("q1", "Why?", make_side(name, "text", seconds=171.25, new_tokens=7, joules=3456.7)) for name in NAMES
    ]
    log = SimpleNamespace(append=lambda vote: None)
    return Rooms(pairs_of(sides), Ballots(log), EventLog(tmp_path))


@pytest.fixture
def events(rooms, tmp_path):
    results = ResultsService(VoteStore(tmp_path))
    prompt = Prompt("q1", "", {"zh": "", "en": ""}, "Why?", reference=Reference((("secret fact",),), text="Read me."))
    with make_blocks(), gr.Tab() as place:
        part = ArenaTab(Labels(lambda: {"settings_hint": ("", "")}), place, ("rate",))
    access = Access(judge=lambda rater: f"judge of {rater}")
    tab = Tab(None, "en", REQUEST, mode="rate", opened=True)
    tabs = SimpleNamespace(get=lambda request: tab)
    rate = Rate((prompt,), SimpleNamespace(code_of=lambda judge: "CODE"), rooms)
    handlers = ArenaHandlers(access, tabs, None, part, {"rate": rate}, (prompt,), results, Sessions(tmp_path))
    return SimpleNamespace(handlers=handlers, tab=tab, rate=rate)


REQUEST = SimpleNamespace(session_hash="one", headers={}, client=None, query_params={})


def ask(events, handler, *values, stored=STORED):
    """What a handler sends."""
    return events.handlers.answer(handler, REQUEST, stored, *values)


def renew(events, stored=STORED):
    return ask(events, events.handlers.renew, stored=stored)


def sent(events):
    """All values that a handler would send now."""
    return repr([props.get("value") for props in events.handlers.render(events.tab).values()])


def vote(events, comment=""):
    details = events.handlers.part.details
    typed = {**dict.fromkeys(details.inputs), details.comment: comment}
    return ask(events, partial(events.handlers.vote, Winner.TIE), typed)


def test_names_colours_and_figures_are_sent_after_the_vote_alone(events):
    output = (*NAMES, "171.2 s", "7 tokens", "3457 J", "✗ does not say “secret fact”", "Read me.", "CODE")
    output += ('data-color="a"', 'data-color="b"')
    renew(events)
    assert "Why?" in sent(events) and not any(word in sent(events) for word in output)
    vote(events)
    assert [word for word in output if word not in sent(events)] == []


def test_the_progress_counts_the_vote_that_was_just_cast(events):
    renew(events)
    assert '<progress max="1" value="0"' in sent(events)
    vote(events)
    assert '<progress max="1" value="1"' in sent(events)


@pytest.mark.parametrize("kept", [None, {}, {"rater": ""}])
def test_a_browser_that_keeps_nothing_is_told_so(events, kept):
    with pytest.warns(UserWarning, match="blocks storage"):
        renew(events, kept)
    assert events.tab.judging.position is None


def test_a_vote_from_a_tab_that_shows_no_battle_is_refused(events):
    with pytest.warns(UserWarning, match="no such battle"):
        vote(events)
    assert events.tab.judging.vote is None


def test_a_refused_vote_changes_nothing_that_is_shown(events):
    renew(events)
    before = events.tab.judging
    with pytest.warns(UserWarning, match="2000 characters at most"):
        vote(events, "x" * 2001)
    assert events.tab.judging == before
    vote(events, "x" * 2000)
    assert events.tab.judging.vote is not None


def test_what_was_added_to_a_vote_is_emptied_for_the_next_battle(events):
    renew(events)
    comment = events.handlers.part.details.comment
    assert comment not in vote(events, "by hand")
    assert renew(events)[comment] == ""


def test_the_switch_between_the_answers_has_a_name_for_screen_readers(events):
    switch = events.handlers.render(events.tab)[events.handlers.part.switch]["value"]
    assert 'role="group" aria-label="Answer to show"' in switch


def test_a_rater_who_has_not_begun_is_shown_no_battle(events, rooms):
    events.tab.judge = "judge of r"
    events.handlers.opened(events.tab)
    assert events.tab.judging.position is None and not rooms.main.has_started("judge of r")
    renew(events)
    shown = events.tab.judging
    events.tab.judging = Judging()
    events.handlers.opened(events.tab)
    assert events.tab.judging == shown


def test_a_rater_with_a_wrong_room_code_in_the_address_is_not_led_to_the_open_room(events):
    renew(events)
    events.tab.judging, events.tab.judge = Judging(), "judge of r"
    events.tab.request = SimpleNamespace(**{**vars(REQUEST), "query_params": {"room": "ZZZZZZ"}})
    events.handlers.opened(events.tab)
    assert events.tab.judging.position is None and "There is no room ZZZZZZ" in sent(events)
    renew(events)  # Start
    assert events.tab.judging.position is not None


@pytest.mark.parametrize(("asked", "mode"), [("", "blind"), ("kept", "blind"), ("other", "rate"), ("ZZZZZZ", "rate")])
def test_a_reload_brings_back_the_mode_on_screen_unless_the_address_asks_for_another_room(events, rooms, asked, mode):
    codes = {"kept": rooms.open(["q1"], 3).code, "other": rooms.open(["q1"], 3).code}
    events.tab.key = "secret"
    modes = {"blind": SimpleNamespace(restore=lambda tab, kept: None), **events.handlers.modes}
    handlers = replace(events.handlers, modes=modes)
    handlers.sessions.save("secret", Session("blind", room=codes["kept"]))
    events.tab.request = SimpleNamespace(**{**vars(REQUEST), "query_params": {"room": codes.get(asked, asked)}})
    handlers.opened(events.tab)
    assert events.tab.mode == mode
    assert events.tab.room == {"": codes["kept"], "ZZZZZZ": ""}.get(asked, codes.get(asked))


def test_of_a_conversation_all_of_it_is_shown(events):
    """What the host's files say is as hostile as what a model says."""
    talk = (Message("system", "s"), Message("user", "Hi"), Message("assistant", "<i>Ho</i>"), Message("user", "*Why?*"))
    first, second = (replace(make_side(name, f"It is {name}"), messages=talk) for name in NAMES)
    pairs = pairs_of([Recorded("q1", "Hi", first, turn=2), Recorded("q1", "Hi", second, turn=2)])
    rooms = Rooms(pairs, Ballots(SimpleNamespace(append=lambda vote: None)), NoEvents())
    events.handlers = replace(events.handlers, modes={"rate": replace(events.rate, rooms=rooms)})
    renew(events)
    props = events.handlers.render(events.tab)
    for side in SideName:
        rows = props[events.handlers.part.panes[side]]["value"]
        assert [row["role"] for row in rows] == ["user", "assistant", "user", "assistant"]
        assert [row["content"] for row in rows[:3]] == ["Hi", "\\<i>Ho\\</i>", "\\*Why?\\*"]
        assert "It is" in rows[3]["content"]
    vote(events)
    assert events.tab.judging.vote.battle.turn == 2
