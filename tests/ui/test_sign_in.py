"""The host's sign-in: who is the host, which tabs that opens, and what a reload and a sign-out leave of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from pressing import press

from arena.judging.limits import Admin, RateLimits
from ui.access import SIGN_IN_SECONDS, Access
from ui.admin import SignInHandlers, SignInPart
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.tabs import PROXY_HEADERS, Tab

TOKEN = "correct horse"
HOST = {"host": "127.0.0.1:7860"}
DIRECT = SimpleNamespace(headers=HOST, client=None)


@pytest.fixture
def served() -> Callable[..., SimpleNamespace]:
    def make(admin: bool = True, local: bool = False) -> SimpleNamespace:
        access = Access(judge=str, admin=Admin(TOKEN, RateLimits()) if admin else None, is_local=local)
        tab = new_tab()
        tabs = SimpleNamespace(get=lambda request: tab)
        with make_blocks() as demo:
            with gr.Tab(elem_id="tab_class", visible=False) as place:
                note = gr.Markdown()
            part, browser = SignInPart(Labels()), gr.BrowserState()
            hosted = SimpleNamespace(outputs=[note], render=lambda tab: {note: {"value": f"admin {tab.admin}"}})
            events = SignInHandlers(access, tabs, browser, part, {place: hosted})  # type: ignore[arg-type, dict-item]
            events.wire(demo)

        def enter(token: str | None) -> Any:
            return press(demo, part, "enter", DIRECT, token=token)

        leave = partial(press, demo, part, "leave", DIRECT)
        parts = {"tab": tab, "part": part, "place": place, "note": note, "enter": enter, "leave": leave}
        return SimpleNamespace(events=events, access=access, **parts)

    return make


def new_tab(key: str = "rater:tab", request: Any = DIRECT) -> Tab:
    return Tab(None, "en", request, key=key)  # type: ignore[arg-type]


def test_the_token_opens_the_tabs_and_is_not_kept(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    assert not page.events.render(page.tab)[page.place]["visible"]
    with pytest.raises(gr.Error, match="Wrong token"):
        page.enter("guess")
    assert not page.tab.admin and not page.events.render(page.tab)[page.place]["visible"]
    updates = page.enter(TOKEN)
    assert page.tab.admin and updates[page.place]["visible"] and updates[page.note] == "admin True"
    assert TOKEN not in repr(updates) and TOKEN not in repr(page.access) and updates[page.part.token]["value"] == ""


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_without_a_token_the_host_is_whoever_sits_at_the_machine(
    served: Callable[..., SimpleNamespace], header: str
) -> None:
    page, proxied = served(admin=False, local=True), SimpleNamespace(headers={**HOST, header: "x"}, client=None)
    assert page.access.is_host(page.tab) and not page.access.is_host(new_tab(request=proxied))
    assert not served(admin=False, local=False).access.is_host(page.tab)
    # With a token, everybody needs it.
    assert not served(admin=True, local=True).access.is_host(page.tab)


@pytest.mark.parametrize(
    ("headers", "is_host"),
    [
        ({"host": "localhost:7860", "origin": "http://localhost:7860"}, True),
        ({"host": "[::1]:7860", "origin": "http://[::1]:7860"}, True),
        ({"host": "127.0.0.1:7860"}, True),  # a program
        ({"host": "rebound.example:7860", "origin": "http://rebound.example:7860"}, False),
        ({"host": "rebound.example:7860"}, False),
        ({"host": "127.0.0.1:7860", "origin": "https://elsewhere.example"}, False),
        ({"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:8888"}, False),  # another program's page
        ({"host": "127.0.0.1:7860", "origin": "null"}, False),
        ({"host": "127.0.0.1.example"}, False),
        ({}, False),
    ],
)
def test_a_page_of_somebody_else_is_not_the_host(
    served: Callable[..., SimpleNamespace], headers: dict[str, str], is_host: bool
) -> None:
    page = served(admin=False, local=True)
    assert page.access.is_host(new_tab(request=SimpleNamespace(headers=headers, client=None))) == is_host


@pytest.mark.parametrize(
    ("admin", "local", "words"),
    [(True, False, "Sign in with"), (False, True, "You are at this machine"), (False, False, "No admin token is set")],
)
def test_the_about_tab_says_how_the_tabs_open(
    served: Callable[..., SimpleNamespace], admin: bool, local: bool, words: str
) -> None:
    page = served(admin, local)
    shown = page.events.render(page.tab)
    assert words in shown[page.part.note]["value"] and "Class" in shown[page.part.note]["value"]
    assert shown[page.part.token]["visible"] == shown[page.part.enter]["visible"] == admin
    assert not shown[page.part.leave]["visible"]


def test_where_no_token_is_set_none_is_right(served: Callable[..., SimpleNamespace]) -> None:
    page = served(admin=False)
    for token in (TOKEN, "", None):
        with pytest.raises(gr.Error, match="No admin token"):
            page.enter(token)


def test_a_reload_stays_signed_in_until_it_signs_out(
    served: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, now = served(), 0.0
    monkeypatch.setattr("ui.access.time.monotonic", lambda: now)
    page.enter(TOKEN)

    def reloaded(key: str = page.tab.key) -> bool:
        tab = new_tab(key)
        page.events.opened(tab)
        return bool(tab.admin)

    assert reloaded() and not reloaded("rater:other") and not reloaded("")
    now = SIGN_IN_SECONDS - 1
    assert reloaded()
    page.access.is_host(page.tab)  # a use
    now = 2 * SIGN_IN_SECONDS - 2
    assert reloaded()
    now = 2 * SIGN_IN_SECONDS
    assert not reloaded()
    page.enter(TOKEN)
    page.leave()
    assert not page.tab.admin and not reloaded()


def test_a_browser_that_keeps_nothing_signs_in_for_one_visit(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    page.tab.key = ""
    page.enter(TOKEN)
    assert page.access.is_host(page.tab)
    tab = new_tab("")
    page.events.opened(tab)
    assert not tab.admin
