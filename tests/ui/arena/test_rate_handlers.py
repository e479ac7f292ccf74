"""What the rating of recorded answers sends to a browser, apart from the browser."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from vote_samples import make_side

from arena.events import NoEvents
from arena.judging.ballots import Ballots
from arena.judging.pairs import pairs_of
from arena.judging.rooms import Rooms
from arena.prompts import Prompt, Reference
from arena.recorded import Recorded
from arena.results.service import ResultsService
from arena.sessions import Sessions
from arena.types import Message, SideName, Winner
from arena.votes.store import VoteStore
from ui.access import Access
from ui.arena.handlers import ArenaHandlers
from ui.arena.layout import ArenaTab
from ui.arena.outcome import Receipt
from ui.arena.rate import Rate
from ui.components import Labels
from ui.tabs import Judging, Tab

NAMES = ("first model", "second model")
STORED = {"rater": "r"}


@pytest.fixture
def rooms():
    sides = [
        Recorded("q1", "Why?", make_side(name, "text", seconds=171.25, new_tokens=7, joules=3456.7)) for name in NAMES
    ]
    log = SimpleNamespace(append=lambda vote: None)
    return Rooms(pairs_of(sides), Ballots(log), NoEvents())


@pytest.fixture
def events(rooms, tmp_path):
    results = ResultsService(VoteStore(tmp_path))
    prompt = Prompt("q1", "", {"zh": "", "en": ""}, "Why?", reference=Reference((("secret fact",),), text="Read me."))
    with gr.Blocks(), gr.Tab() as place:
        part = ArenaTab(Labels(lambda: {"settings_hint": ("", "")}), place, ("rate",))
    access = Access(judge=lambda rater: f"judge of {rater}")
    tab = Tab(None, "en", mode="rate", opened=True)
    tabs = SimpleNamespace(get=lambda request: tab)
    rate = Rate(rooms, Receipt((prompt,), SimpleNamespace(code_of=lambda judge: "CODE")))
    return SimpleNamespace(
        handlers=ArenaHandlers(access, tabs, None, part, {"rate": rate}, (prompt,), results, Sessions(tmp_path)),
        tab=tab,
        rate=rate,
    )


REQUEST = SimpleNamespace(session_hash="one", headers={}, client=None, query_params={})


def sent(events):
    """All values that a handler would send now."""
    return repr([props.get("value") for props in events.handlers.whole(events.tab).values()])


def vote(events, comment=""):
    details = events.handlers.part.details
    typed = {None: STORED, **dict.fromkeys(details.inputs), details.comment: comment}
    return events.handlers.vote(Winner.TIE, typed, REQUEST)


def test_names_colours_and_figures_are_sent_after_the_vote_alone(events):
    output = (*NAMES, "171.2 s", "7 tokens", "3457 J", "✗ does not say “secret fact”", "Read me.", "CODE")
    output += ('data-color="a"', 'data-color="b"')
    events.handlers.renew(STORED, REQUEST)
    assert "Why?" in sent(events) and not any(word in sent(events) for word in output)
    vote(events)
    assert [word for word in output if word not in sent(events)] == []


@pytest.mark.parametrize("kept", [None, {}, {"rater": ""}])
def test_a_browser_that_keeps_nothing_is_told_so(events, kept):
    with pytest.warns(UserWarning, match="blocks storage"):
        events.handlers.renew(kept, REQUEST)
    assert events.tab.judging.position is None


def test_a_vote_from_a_tab_that_shows_no_battle_is_refused(events):
    with pytest.warns(UserWarning, match="no such battle"):
        vote(events)


def test_a_refused_vote_changes_nothing_that_is_shown(events):
    events.handlers.renew(STORED, REQUEST)
    before = events.tab.judging
    with pytest.warns(UserWarning, match="2000 characters at most"):
        vote(events, "x" * 2001)
    assert events.tab.judging == before
    vote(events, "x" * 2000)
    assert events.tab.judging.vote is not None


def test_what_was_added_to_a_vote_is_emptied_for_the_next_battle(events):
    events.handlers.renew(STORED, REQUEST)
    comment = events.handlers.part.details.comment
    assert comment not in vote(events, "by hand")
    assert events.handlers.renew(STORED, REQUEST)[comment] == ""


def test_a_rater_who_has_not_begun_is_shown_no_battle(events, rooms):
    events.handlers.opened(events.tab, STORED, REQUEST)
    assert events.tab.judging.position is None and not rooms.main.has_started("judge of r")
    events.handlers.renew(STORED, REQUEST)
    shown = events.tab.judging
    events.tab.judging = Judging()
    events.handlers.opened(events.tab, STORED, REQUEST)
    assert events.tab.judging == shown


def test_of_a_conversation_all_of_it_is_shown(events):
    """What the host's files say is as hostile as what a model says."""
    talk = (Message("system", "s"), Message("user", "Hi"), Message("assistant", "<i>Ho</i>"), Message("user", "*Why?*"))
    first, second = (replace(make_side(name, f"It is {name}"), messages=talk) for name in NAMES)
    pairs = pairs_of([Recorded("q1", "Hi", first, turn=2), Recorded("q1", "Hi", second, turn=2)])
    rooms = Rooms(pairs, Ballots(SimpleNamespace(append=lambda vote: None)), NoEvents())
    events.handlers = replace(events.handlers, modes={"rate": replace(events.rate, rooms=rooms)})
    events.handlers.renew(STORED, REQUEST)
    props = events.handlers.whole(events.tab)
    for side in SideName:
        rows = props[events.handlers.part.panes[side]]["value"]
        assert [row["role"] for row in rows] == ["user", "assistant", "user", "assistant"]
        assert [row["content"] for row in rows[:3]] == ["Hi", "\\<i>Ho\\</i>", "\\*Why?\\*"]
        assert "It is" in rows[3]["content"]
    vote(events)
    assert events.tab.judging.vote.battle.turn == 2
