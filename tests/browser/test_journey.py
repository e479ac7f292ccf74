"""One battle from the first look to the next one, at every size: ask, read, vote, see the names, come back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import NewPage
from tests.browser.hands import (
    BOX,
    PILLS,
    answer,
    ask,
    ask_for_vote,
    choose_mode,
    go,
    questions,
    show_side,
    wait_for_phase,
    wait_ready,
    wait_until_votable,
)
from tests.browser.test_screen import LONG, PHONE, assert_nothing_scrolled, assert_seen, wait_for_first_line
from tests.browser.test_scrolling import Growth, room, top, wait_for_room, wheel

SIZES = [(1366, 768), (768, 1024), PHONE]
TOUCH: dict[str, Any] = {"has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Growth:
    return Growth(tmp_path_factory.mktemp("growth"))


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp], growing: Growth) -> ServedApp:
    """Two models whose answers grow, or are long and there at once."""
    grow = {"match": "grow", "steps": growing.steps}
    prices = {"steps": [{"text": f"It costs $5 or $6, and $x^2$.\n\n{LONG}"}]}
    return serve({"answers": [grow, prices]}, {"answers": [grow, prices]})


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_battle_on_a_notebook_a_tablet_and_a_phone(
    new_page: NewPage, app: ServedApp, growing: Growth, size: tuple[int, int]
) -> None:
    tab = new_page(app.url, viewport=size, motion=True, **(TOUCH if size == PHONE else {}))
    page, problems = tab.page, list[str]()
    page.on("console", lambda line: problems.append(line.text) if line.type in ("error", "warning") else None)
    wait_ready(page)
    choose_mode(page, "blind")
    assert_seen(page, BOX, "#send")
    stay_where_the_reader_scrolls(page, growing)
    ask_for_vote(page, "Why?")
    read_and_vote(page, size == PHONE)
    app.wait_until_idle()
    come_back(page)
    change_the_tab(page)
    assert_nothing_scrolled(page)
    assert problems == []


def stay_where_the_reader_scrolls(page: Page, growing: Growth) -> None:
    growing.begin()
    ask(page, "grow")
    wait_for_room(page, "a", 500)
    # A smooth one takes a fifth of a core where a processor draws the page.
    expect(page.locator("#head_a .dot")).to_have_css("animation", re.compile(r"1s steps\(4, jump-none\).* pulse"))
    wheel(page, "a", -250)
    stands, length = top(page, "a"), room(page, "a")
    growing.grow()
    wait_for_room(page, "a", length + 400)
    assert top(page, "a") == stands
    page.click("#stop_all")
    wait_for_phase(page, "cut")


def read_and_vote(page: Page, is_phone: bool) -> None:
    wait_for_first_line(page, "a")
    expect(page.locator("#pane_a .katex").first).to_be_visible()
    assert "It costs $5 or $6" in answer(page, "a")
    page.click("#head_a .copy")
    expect(page.locator("#head_a .copy.copied")).to_be_visible()
    if is_phone:
        expect(page.locator(PILLS["tie"])).to_be_hidden()
        show_side(page, "b")
    wait_for_first_line(page, "b")
    expect(page.locator(PILLS["tie"])).to_be_visible()
    assert_seen(page, BOX, *PILLS.values())
    assert_nothing_scrolled(page)
    if is_phone:
        page.tap(PILLS["model_b"])
    else:
        page.keyboard.press("4")
    wait_for_phase(page, "voted")
    expect(page.locator("#head_b .head")).to_have_attribute("data-mark", "win")
    for side in "ab":
        expect(page.locator(f"#head_{side} h2")).to_have_text(re.compile("script-[ab]"))
    assert_seen(page, BOX, "#new", "#head_b h2")
    if is_phone:
        page.tap("#new")
    else:
        expect(page.locator("#new")).to_be_focused()
        page.keyboard.press("Enter")
    wait_for_phase(page, "empty")


def come_back(page: Page) -> None:
    ask_for_vote(page, "Again?")
    page.fill(BOX, "A draft")
    page.reload()
    wait_until_votable(page)
    expect(questions(page, "a")).to_have_text(["Again?"])
    expect(page.locator(BOX)).to_have_value("A draft")


def change_the_tab(page: Page) -> None:
    go(page, "results")
    expect(page).to_have_url(re.compile("#results$"))
    page.go_back()
    expect(page.locator(BOX)).to_be_visible()
