"""The chat tab's handlers, called as gradio calls them, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import gradio as gr
import pytest
from served_app import ServedApp

from ui.chat.handlers import ChatHandlers
from ui.layout import Page
from ui.session import Tabs

REQUEST = SimpleNamespace(session_hash="one", headers={"accept-language": "en"})


@pytest.fixture
def events(serve: Callable[..., ServedApp]) -> ChatHandlers:
    """The handlers of a page whose two models say one word."""
    word = {"answers": [{"steps": [{"text": "here"}]}]}
    services = serve(word, word).services
    with gr.Blocks():
        page = Page(services)
    tabs = Tabs(services.chats)
    return ChatHandlers(services.backends, (), services.ballots, services.access, page.chat, tabs, page.browser)


def send(events: ChatHandlers, request: SimpleNamespace = REQUEST) -> list[object]:
    typed = {**dict.fromkeys(events.part.inputs), events.part.box: "hello"}
    return list(events.send(typed, request))


def test_a_late_tick_writes_nothing_over_a_turn(events: ChatHandlers) -> None:
    lines = {pane.status for pane in events.part.panes.values()}
    assert lines <= set(events.tick(REQUEST))
    send(events)
    assert not lines & set(events.tick(REQUEST))
    events.new_chat(REQUEST)
    assert lines <= set(events.tick(REQUEST))


def test_the_last_update_of_a_turn_is_whole(events: ChatHandlers) -> None:
    *_, last = send(events)
    assert set(events.render(events.tabs.get(REQUEST))) == set(last)


def test_a_call_from_no_page_is_refused(events: ChatHandlers) -> None:
    nobody = SimpleNamespace(session_hash=None, headers={})
    with pytest.raises(gr.Error, match="no page"):
        send(events, nobody)
