"""What a live blind battle sends to a browser, apart from the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from served_app import ServedApp

from arena.judging.live import NOTHING, LiveView
from ui.judging.live_handlers import LiveHandlers, _status
from ui.layout import Page
from ui.session import Tabs

STORED = {"rater": "r"}
REQUEST = SimpleNamespace(session_hash="one", headers={"accept-language": "en"}, client=None)
# A word of each script, its id, and everything that only one of the sides has.
TELLING = ("script-a", "script-b", "scripted", "tokens", " s\b", "model_a:", "Stopped at")


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """A quick script and a slow one."""
    quick = [{"text": "甲乙丙丁", "times": 30}]
    slow = [{"text": "子丑", "delay": 0.03, "times": 25}]
    boom = {"match": "boom", "steps": [{"text": "well"}, {"raise": "disk on fire"}]}
    return serve({"answers": [boom, {"match": "", "steps": quick}]}, {"answers": [{"match": "", "steps": slow}]})


@pytest.fixture
def events(app: ServedApp) -> LiveHandlers:
    with gr.Blocks():
        page = Page(app.services)
    services = app.services
    tabs = Tabs(services.chats)
    return LiveHandlers(services.live, (), services.withdrawals, services.access, page.live, tabs, None)


def sent(updates: Iterator[dict[object, object]]) -> list[str]:
    return [repr(list(update.values())) for update in updates]


def submit(events: LiveHandlers, **changes: object) -> dict[object, object]:
    form, choice = events.part.form, changes.pop("choice", "tie")
    typed = {events.browser: STORED, **dict.fromkeys(form.inputs), form.choice: choice}
    return events.submit(typed, SimpleNamespace(**{**vars(REQUEST), **changes}))


def test_nothing_that_is_sent_before_the_vote_tells_who_is_who(app: ServedApp, events: LiveHandlers) -> None:
    before = len(app.rows())
    updates = sent(events.send(STORED, "Why?", REQUEST))
    assert len(updates) > 5 and "both answers are in" in updates[-1].lower()
    assert not any(word in update for update in updates for word in TELLING)
    after = repr(list(submit(events).values()))
    assert "**script-a**" in after and "**script-b**" in after and "tokens" in after
    (row,) = app.rows()[before:]
    assert (row["anony"], row["source"], {row["model_a"], row["model_b"]}) == (
        "True",
        "live",
        {"script-a", "script-b"},
    )


def test_a_failure_is_told_without_its_words(events: LiveHandlers) -> None:
    updates = sent(events.send(STORED, "boom", REQUEST))
    assert "no vote this round" in updates[-1] and not any("fire" in update for update in updates)
    with pytest.raises(gr.Error, match="no such battle"):
        submit(events)


def test_a_vote_is_taken_once_from_the_tab_that_asked_and_needs_a_choice(app: ServedApp, events: LiveHandlers) -> None:
    list(events.send(STORED, "Why?", REQUEST))
    before = len(app.rows())
    for other in (None, "another"):
        with pytest.raises(gr.Error, match=r"no page|no such battle"):
            submit(events, session_hash=other)
    with pytest.raises(gr.Error, match="Choose an option"):
        submit(events, choice=None)
    submit(events)
    with pytest.raises(gr.Error, match="already voted"):
        submit(events)
    assert len(app.rows()) == before + 1


@pytest.mark.parametrize("typed", ["", None, "  \u200b"])
def test_an_empty_question_changes_nothing(events: LiveHandlers, typed: str | None) -> None:
    (update,) = events.send(STORED, typed, REQUEST)
    assert len(update) == 1


def test_a_browser_that_keeps_nothing_is_told_so(events: LiveHandlers) -> None:
    with pytest.raises(gr.Error, match="blocks storage"):
        list(events.send({}, "Why?", REQUEST))


@pytest.mark.parametrize(("wait", "words"), [(0, "Queued, 3 ahead<"), (40, "Queued, 3 ahead, about 40 s<")])
def test_the_queue_is_shown_to_a_rater_with_its_place_and_time(wait: int, words: str) -> None:
    assert words in _status("en", LiveView("Why?", replace(NOTHING, ahead=3, wait=wait)))
    assert "Queued" not in _status("en", LiveView("Why?", replace(NOTHING, texts={"a": "x", "b": "x"}, ahead=3)))
