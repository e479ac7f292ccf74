"""The results in a browser: others' votes come by themselves, nobody asks once the tab is left, a replay by a link."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp
from vote_samples import vote_between

from arena.types import Winner
from arena.votes import VoteLog
from tests.browser.conftest import Tab
from tests.browser.hands import HAND, ask_for_vote, choose_mode, go, open_accordion, slow_network, vote, wait_ready
from ui.results.handlers import LIVE_SECONDS

STEPS = [{"match": "", "steps": [{"text": "same every time"}]}]


Make = Callable[..., ServedApp]


@pytest.fixture(scope="module")
def app(serve: Make) -> ServedApp:
    """Two scripts that answer at once."""
    return serve({"answers": STEPS}, {"answers": STEPS})


def ask_and_vote(page: Page) -> str:
    """A battle and a vote on it; the address of its replay."""
    wait_ready(page)
    choose_mode(page, "named")
    ask_for_vote(page)
    vote(page)
    return str(page.locator("#phase .receipt a").get_attribute("href"))


def vote_again(page: Page) -> None:
    ask_for_vote(page, "And then?")
    vote(page)


def opened(page: Page) -> Page:
    page.locator("#tab_results-button").click()
    expect(page.locator("#summary")).to_contain_text(re.compile("raters?|No votes"))
    return page


def test_anothers_vote_comes_by_itself_and_nobody_asks_from_another_tab(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    voter, reader = new_page(app.url).page, new_page(app.url).page
    ask_and_vote(voter)
    opened(reader)
    open_accordion(reader, "results_details")
    open_accordion(reader, "results_source")
    count = len(app.rows())
    votes = reader.locator("#results_counts_body td").nth(2)
    expect(votes).to_have_text(str(count))
    vote_again(voter)
    expect(votes).to_have_text(str(count + 1))
    # What was open stays open.
    expect(reader.locator("#results_source_body table")).to_be_visible()
    asked: list[str] = []
    reader.locator("#tab_about-button").click()
    expect(reader.locator("#about")).to_be_visible()
    reader.wait_for_timeout(1000)  # what was on its way has come
    reader.on("request", lambda request: asked.append(request.url))
    reader.wait_for_timeout(1500 * LIVE_SECONDS)
    assert asked == []
    opened(reader)
    vote_again(voter)
    expect(votes).to_have_text(str(count + 2))


def test_filters_count_and_the_language_changes_what_is_shown(new_page: Callable[..., Tab], app: ServedApp) -> None:
    page = opened(new_page(app.url).page)
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(1, "script-a", "script-b", Winner.TIE, leaked=True))
    open_accordion(page, "results_details")
    blind = page.locator("#results_filter label", has_text="blind votes (1)")
    expect(blind).to_be_visible()
    blind.click()
    expect(page.locator("#results_verdict")).to_contain_text("Based on 1 vote by 1 rater (1 tie or both bad)")
    expect(page.locator("#results_filter label", has_text="blind votes (1)").locator("input")).to_be_checked()
    page.click("#language")
    expect(page.locator("#results_verdict")).to_contain_text("依据 1 位投票者的 1 票（平局或都不好 1 票）")
    expect(page.locator("#results_counts")).to_contain_text("胜、平、负")


def test_the_last_choice_of_filters_counts_on_a_slow_network(new_page: Callable[..., Tab], app: ServedApp) -> None:
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(2, "script-a", "script-b", Winner.TIE, leaked=True))
        log.append(vote_between(3, "script-a", "script-b", Winner.TIE))
    page = opened(new_page(app.url).page)
    open_accordion(page, "results_details")
    verdict = page.locator("#results_verdict")
    leaked = page.locator("#results_filter label", has_text="reveal their model")
    everything = verdict.inner_text()
    leaked.click()
    expect(verdict).not_to_have_text(everything, use_inner_text=True)
    with slow_network(page) as held:
        for _ in range(3):
            leaked.click()
            page.wait_for_timeout(200)
        expect(leaked.locator("input")).not_to_be_checked()
        assert held
    expect(verdict).to_have_text(everything, use_inner_text=True)
    expect(leaked.locator("input")).not_to_be_checked()


def test_a_link_replays_a_battle_and_asking_again_tells_whether_it_is_the_same(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    address = ask_and_vote(new_page(app.url).page)
    tab = new_page(app.url + address)
    page = tab.page
    expect(page.locator("#replay_title h1")).to_have_text(re.compile("One rater's vote: script-[ab] is better"))
    expect(page.locator("#replay_title blockquote")).to_have_text("Why?")
    expect(page.locator("#replay_pane_a")).to_contain_text("same every time")
    expect(page.locator("#replay_head_b h2")).to_have_text("script-b")
    expect(page.locator("#replay_head_a .badge")).to_have_text("Chosen")
    expect(page.locator("#tabs")).to_be_hidden()
    expect(page.locator("#replay_battle, #replay_host")).to_have_count(1)  # this host has set no token
    expect(page.locator("#replay_battle")).to_be_hidden()
    open_accordion(page, "replay_details")
    facts = page.locator("#replay_facts")
    expect(facts).to_contain_text("Answer SHA-256")
    seed = re.search(r'"seed": (\d+)', facts.inner_text())
    assert seed and f'"seed": {seed[1]}' in app.rows()[-1]["settings"]
    expect(page.locator("#replay_stop")).to_be_hidden()
    page.click("#replay_again")
    expect(page.locator("#replay_outcome")).to_contain_text("Right (script-b): identical to the recorded output")
    expect(page.locator("#replay_stop")).to_be_hidden()
    assert app.asked("a")[-1][1].seed == int(seed[1])
    page.click("#language")
    expect(page.locator("#replay_title h1")).to_contain_text("一位投票者的选择")
    expect(page.locator("#replay_battle")).to_be_hidden()
    page.click("#replay_title a")
    wait_ready(page)
    expect(page.locator("#tab_arena")).to_be_visible()
    assert page.url == app.url and tab.page_errors == tab.console_errors == []


def test_a_battle_fits_a_phone_and_a_wrong_link_says_so_in_one_line(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(77, "script-a", "script-b", Winner.MODEL_B))
    page = new_page(f"{app.url}?replay=battle-77", viewport=(390, 844), locale="zh-CN").page
    expect(page.locator("#replay_title h1")).to_have_text("一位投票者的选择：script-b 更好")
    boxes = [page.locator(f"#replay_pane_{side}").bounding_box() for side in "ab"]
    assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] < boxes[1]["y"]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert page.evaluate("document.querySelector('#replay').scrollWidth <= 390")
    page.goto(f"{app.url}?replay=battle-78")
    expect(page.locator("#replay_title [role=alert]")).to_have_text("⚠️ 没有找到这次对比的投票")
    expect(page.locator("#replay_shown")).to_have_count(0)
    page.click(".brand")
    wait_ready(page)
    expect(page.locator("#tab_arena")).to_be_visible()


def test_ten_models_fit_a_phone_and_a_language_is_chosen(new_page: Callable[..., Tab], serve: Make) -> None:
    app = serve({"answers": STEPS}, {"answers": STEPS})
    names = [f"{name}=hf:owner/a-long-name-of-a-model?temperature=0" for name in "abcdefghij"]
    with VoteLog(app.data_dir / "votes.csv") as log:
        for number, (first, second) in enumerate(combinations(names, 2)):
            for vote, language in ((number, "Chinese"), (number + 100, "English")):
                log.append(vote_between(vote, first, second, Winner.MODEL_A, language=language))
    page = new_page(app.url + "#results", viewport=(390, 844)).page
    expect(page.locator("#summary .line em")).to_have_count(10)
    open_accordion(page, "results_details")
    expect(page.locator("#results_chart td.a")).to_have_count(45)
    expect(page.locator("#results_verdict p")).to_have_count(5)
    expect(page.locator("#results_counts table")).to_be_hidden()
    assert page.evaluate("document.querySelector('#tab_results').scrollWidth <= 390")
    assert page.evaluate(
        "document.querySelector('.matrix').scrollWidth > document.querySelector('.matrix').clientWidth"
    )
    page.locator("#results_language_chooser input").click()
    page.get_by_role("option", name="English").click()
    expect(page.locator("#results_chart td.a small").first).to_have_text("1")
    expect(page.locator("#summary .tiles b").first).to_have_text("45")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1366, "dark")])
def test_the_console_is_silent_and_the_charts_use_the_width(
    new_page: Callable[..., Tab], app: ServedApp, width: int, scheme: Literal["light", "dark"]
) -> None:
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(1, "script-a", "<b>script-b", Winner.TIE))
    tab = new_page(app.url, viewport=(width, 800), color_scheme=scheme)
    page, said = tab.page, list[tuple[str, str]]()
    page.on("console", lambda message: said.append((message.type, message.text)))
    wait_ready(page)
    go(page, "results")
    open_accordion(page, "results_details")

    def look() -> None:
        for part in ("#summary .track", "#results_chart .chart"):
            box = page.locator(part).first.bounding_box()
            assert box and box["width"] > 0.75 * min(width, 1000)
        page.wait_for_timeout(HAND)
        assert not [words for kind, words in said if kind in ("warning", "error")]
        assert tab.page_errors == [] and page.locator("canvas").count() == 0

    look()
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    page.wait_for_selector("body.dark" if scheme == "light" else "body:not(.dark)", state="attached")
    look()
