"""What the page remembers of a browser's tab goes with the tab, at once: no cycle waits for the collector."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from weakref import ref

import gradio as gr
import httpx
import pytest
from served_app import ServedApp

import arena.chat
from arena.chat import Chat, Chats
from ui.tabs import Tab, Tabs


@pytest.fixture
def chats() -> Chats:
    return Chats(lambda: Chat({}, lambda battle: None))


@pytest.fixture
def tabs(chats: Chats) -> Iterator[Tabs]:
    gc.disable()
    yield Tabs(chats, "en")
    gc.enable()


class Request(SimpleNamespace):
    """A request, of which weak references can be made."""


def request(session: str | None) -> Any:
    return Request(session_hash=session, headers={"host": "here", "cookie": "x"}, client=None, query_params={})


def test_a_tab_is_the_same_until_it_is_closed(tabs: Tabs, chats: Chats) -> None:
    item, other = tabs.get(request("one")), tabs.get(request("other"))
    assert tabs.get(request("one")) is item and item is not other and item.chat is chats.get("one")
    chats.close("one")
    assert tabs.get(request("one")) is not item and tabs.get(request("other")) is other


def test_a_tab_keeps_no_request_whose_body_may_be_large(tabs: Tabs) -> None:
    asked = request("one")
    tab, left = tabs.get(asked), ref(asked)
    del asked
    assert left() is None and tab.request.headers == {"host": "here"}


def test_nothing_is_left_of_tabs_that_were_closed(tabs: Tabs, chats: Chats) -> None:
    left: list[ref[Tab] | ref[Chat]] = []
    for number in range(20):
        tab = tabs.get(request(f"tab-{number}"))
        left += [ref(tab), ref(tab.chat)]
        chats.close(f"tab-{number}")
        del tab
    tabs.get(request("the next"))
    assert [item for item in left if item() is not None] == []


def test_tabs_that_nobody_closes_are_no_more_than_conversations_may_be(
    tabs: Tabs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arena.chat, "MAX_CHATS", 3)
    left = [ref(tabs.get(request(f"tab-{number}"))) for number in range(20)]
    assert sum(item() is not None for item in left) == 3


@pytest.mark.parametrize("session", [None, ""])
def test_a_call_from_no_page_has_no_tab(tabs: Tabs, session: str | None) -> None:
    with pytest.raises(gr.Error, match="Reload"):
        tabs.get(request(session))


def test_sessions_that_a_script_makes_up_fill_no_memory(
    serve: Callable[..., ServedApp], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., bool]
) -> None:
    monkeypatch.setattr("ui.page.MAX_CHATS", 5)
    word = {"answers": [{"steps": [{"text": "here"}]}]}
    demo = serve(word, word).demo
    number = next(number for number, item in demo.fns.items() if item.api_name == "results")
    ask = {"data": [False, False, False, ""], "fn_index": number}
    for session in range(20):
        sent = httpx.post(f"{demo.local_url}gradio_api/queue/join", json={**ask, "session_hash": f"made-up-{session}"})
        assert sent.status_code == httpx.codes.OK
    queue = demo._queue
    assert eventually(lambda: len(queue.pending_event_ids_session) == len(queue.pending_messages_per_session) == 5)
    assert len(demo.app.state_holder.session_data) == 5
