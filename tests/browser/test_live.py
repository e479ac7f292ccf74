"""A live blind battle in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import Tab

SHORT, LONG = 5_000, 60_000  # milliseconds


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """A quick script and a slow one."""
    hang = {"match": "hang", "steps": [{"text": "Hm"}, {"hang": True}]}
    quick = {"match": "", "steps": [{"text": "quick words ", "times": 20}]}
    slow = {"match": "", "steps": [{"text": "slow ", "delay": 0.1, "times": 20}]}
    endless = {"match": "endless", "steps": [{"text": "on and ", "delay": 0.05, "times": 5000}]}
    return serve({"answers": [hang, endless, quick]}, {"answers": [endless, slow]})


@pytest.fixture
def open_page(new_page: Callable[..., Tab], app: ServedApp) -> Callable[..., Page]:
    def open_tab(name: str = "Blind battle", **options: object) -> Page:
        page = new_page(app.url, **options).page
        expect(page.locator("#status_a [role=status]")).not_to_be_empty(timeout=LONG)
        page.get_by_role("tab", name=name).click()
        return page

    return open_tab


def ask(page: Page, words: str) -> None:
    page.fill("#live_box textarea", words)
    page.locator("#live_box textarea").press("Enter")


def texts(page: Page) -> list[str]:
    """What the panes show, read at one moment."""
    return page.evaluate("['a', 'b'].map(side => document.querySelector('#live_pane_' + side + ' .prose')?.innerText)")


def sides_at_work() -> int:
    """The app runs in this process: threads that answer."""
    return sum(thread.name.startswith("side-") for thread in threading.enumerate())


def test_both_sides_grow_in_step_and_are_named_after_the_vote(open_page: Callable[..., Page], app: ServedApp) -> None:
    page = open_page()
    expect(page.locator("#live_intro")).to_contain_text("We store")
    ask(page, "Which <b>one</b>?")
    expect(page.locator("#live_prompt .prompt")).to_have_text("Which <b>one</b>?", timeout=SHORT)
    expect(page.locator("#live_box textarea")).to_have_value("")
    seen = 0
    for _ in range(8):
        page.wait_for_timeout(200)
        a, b = (len((text or "").strip()) for text in texts(page))
        # A space at the end is not drawn.
        assert abs(a - b) <= 1 or max(a, b) >= 99
        seen += 0 < a < 99
        assert page.locator("#live_submit").is_disabled() or max(a, b) >= 99
    assert seen >= 2
    expect(page.locator("#live_submit")).to_be_enabled(timeout=LONG)
    assert not re.search("script-[ab]", page.locator("#live_stage").inner_html())
    page.locator("#live_choice input[type=radio]").nth(2).check()
    page.click("#live_submit")
    expect(page.locator("#live_note")).to_contain_text("Saved", timeout=SHORT)
    names = [page.locator(f"#live_name_{side}").inner_text() for side in "ab"]
    row = app.rows()[-1]
    assert row["model_a"] in names[0] and row["model_b"] in names[1] and row["winner"] == "tie"
    assert (row["prompt"], row["anony"], row["source"]) == ("Which <b>one</b>?", "True", "live")


def test_a_stopped_battle_cannot_be_judged_and_the_next_one_can_be_asked(open_page: Callable[..., Page]) -> None:
    page = open_page(name="盲测", locale="zh-CN")
    ask(page, "hang")
    expect(page.locator("#live_status")).to_contain_text("正在作答", timeout=SHORT)
    page.click("#live_stop")
    expect(page.locator("#live_status")).to_contain_text("不能投票", timeout=LONG)
    assert page.locator("#live_submit").is_disabled()
    ask(page, "再问")
    expect(page.locator("#live_submit")).to_be_enabled(timeout=LONG)


def test_the_keys_vote_here_too(open_page: Callable[..., Page], app: ServedApp) -> None:
    page = open_page()
    ask(page, "Why?")
    expect(page.locator("#live_submit")).to_be_enabled(timeout=LONG)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#live_note")).to_contain_text("Saved", timeout=SHORT)
    assert app.rows()[-1]["winner"] == "model_a"


def test_a_closed_page_stops_both_sides(open_page: Callable[..., Page], eventually: Callable[..., bool]) -> None:
    page, before = open_page(), sides_at_work()  # a script that hangs does so for good
    ask(page, "endless")
    expect(page.locator("#live_status")).to_contain_text("Answering", timeout=SHORT)
    assert eventually(lambda: sides_at_work() == before + 2)
    page.close()
    assert eventually(lambda: sides_at_work() == before, seconds=20)
