"""The results in a browser: others' votes come by themselves, nobody asks once the tab is left, a replay by a link."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp
from vote_samples import vote_between

from arena.types import Winner
from arena.votes import VoteLog
from tests.browser.conftest import Tab

SHORT, LONG = 5_000, 60_000  # milliseconds
STEPS = [{"match": "", "steps": [{"text": "same every time"}]}]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two scripts that answer at once."""
    return serve({"answers": STEPS}, {"answers": STEPS})


def vote(page: Page) -> str:
    """A battle and a vote on it; the address of its replay."""
    expect(page.locator("#status_a [role=status]")).not_to_be_empty(timeout=LONG)
    page.fill("#prompt textarea", "Why?")
    page.keyboard.press("Enter")
    expect(page.locator("#submit_vote")).to_be_enabled(timeout=LONG)
    page.locator("#choice label").first.click()
    page.click("#submit_vote")
    expect(page.locator("#vote_note a")).to_be_visible(timeout=SHORT)
    return str(page.locator("#vote_note a").get_attribute("href"))


def opened(page: Page) -> Page:
    page.locator("#tab_results-button").click()
    expect(page.locator("#summary")).to_contain_text(re.compile("raters? |No votes"), timeout=LONG)
    return page


def test_anothers_vote_comes_by_itself_and_nobody_asks_from_another_tab(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    voter, reader = new_page(app.url).page, new_page(app.url).page
    vote(voter)
    opened(reader)
    reader.locator("#results_source button").first.click()
    count = len(app.rows())
    votes = reader.locator("#results_counts_body td").nth(2)
    expect(votes).to_have_text(str(count), timeout=SHORT)
    vote(new_page(app.url).page)
    expect(votes).to_have_text(str(count + 1), timeout=SHORT)
    # What was open stays open.
    expect(reader.locator("#results_source_body table")).to_be_visible()
    asked: list[str] = []
    reader.locator("#tab_about-button").click()
    expect(reader.locator("#about")).to_be_visible(timeout=SHORT)
    time.sleep(1)  # what was on its way has come
    reader.on("request", lambda request: asked.append(request.url))
    time.sleep(7)
    assert asked == []
    opened(reader)
    vote(new_page(app.url).page)
    expect(votes).to_have_text(str(count + 2), timeout=SHORT)


def test_filters_count_and_the_language_changes_what_is_shown(new_page: Callable[..., Tab], app: ServedApp) -> None:
    page = opened(new_page(app.url).page)
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(1, "script-a", "script-b", Winner.TIE, leaked=True))
    blind = page.locator("#results_filter label", has_text="blind votes (1)")
    expect(blind).to_be_visible(timeout=SHORT)
    blind.click()
    expect(page.locator("#summary")).to_contain_text("Based on 1 vote by 1 rater (1 tie)", timeout=SHORT)
    expect(page.locator("#results_filter label", has_text="blind votes (1)").locator("input")).to_be_checked()
    page.click("#language")
    expect(page.locator("#summary")).to_contain_text("依据 1 位投票者的 1 票（平局 1 票）", timeout=SHORT)
    expect(page.locator("#results_counts")).to_contain_text("胜、平、负", timeout=SHORT)


def test_a_link_replays_a_battle_and_asking_again_tells_whether_it_is_the_same(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    address = vote(new_page(app.url).page)
    tab = new_page(app.url + address)
    page = tab.page
    expect(page.locator("#replay_pane_a")).to_contain_text("same every time", timeout=LONG)
    expect(page.locator("#replay_name_b")).to_contain_text("script-b")
    facts = page.locator("#replay_facts")
    expect(facts).to_contain_text("Answer SHA-256")
    seed = re.search(r'"seed": (\d+)', facts.inner_text())
    assert seed and f'"seed": {seed[1]}' in app.rows()[-1]["settings"]
    expect(page.locator("#summary")).to_contain_text("Too early to call", timeout=LONG)
    page.click("#replay_again")
    expect(page.locator("#replay_outcome")).to_contain_text(
        "Right (script-b): identical to the recorded output", timeout=SHORT
    )
    assert app.asked("a")[-1][1].seed == int(seed[1])
    assert tab.page_errors == tab.console_errors == []
