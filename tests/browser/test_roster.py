"""More than two models: chosen in the page, sent as a link, drawn for blind battles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from arena.answers import read_recorded
from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import BOX, PILLS, ask, slow_network, vote, wait_ready, wait_until_votable

PICK = "#pick_{} input"


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Four models that say who they are, on a machine of one's own."""
    scripts = [{"name": f"Model {name}", "answers": [{"steps": [{"text": f"I am {name}."}]}]} for name in "1234"]
    return serve(*scripts[:2], more=scripts[2:], local=True)


def pick(page: Page, side: str, name: str) -> None:
    """Choose a model by typing a part of its name, by keyboard alone."""
    page.locator(PICK.format(side)).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(name)
    expect(page.get_by_role("option", name=re.compile(name))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_have_count(0)


def heads(page: Page) -> list[str]:
    return [page.inner_text(f"#head_{side} h2") for side in "ab"]


def test_models_are_chosen_by_name_and_the_question_stays(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named")
    page.fill(BOX, "Who are you?")
    pick(page, "b", "Model 4")
    expect(page).to_have_url(re.compile(r"\?a=script-a&b=script-d"))
    expect(page.locator(BOX)).to_have_value("Who are you?")
    page.press(BOX, "Enter")
    wait_until_votable(page)
    assert heads(page) == ["Model 1", "Model 4"]
    expect(page.locator("#pane_b")).to_contain_text("I am 4.")


def test_a_link_shows_the_same_pair_and_a_reload_its_conversation(new_page: NewPage, app: ServedApp) -> None:
    page = new_page(f"{app.url}?a=script-c&b=script-b").page
    wait_ready(page)
    ask(page, "Who are you?")
    wait_until_votable(page)
    page.reload()
    wait_until_votable(page)
    assert heads(page) == ["Model 3", "Model 2"]
    expect(page.locator("#pane_a")).to_contain_text("I am 3.")
    expect(page.locator(PICK.format("a"))).to_have_value(re.compile("Model 3"))


def test_other_models_begin_a_new_conversation(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named")
    ask(page, "Who are you?")
    vote(page)
    pick(page, "a", "Model 3")
    expect(page.locator("#welcome")).to_be_visible()
    ask(page, "And you?")
    wait_until_votable(page)
    assert heads(page) == ["Model 3", "Model 2"]
    expect(page.locator("#pane_a")).not_to_contain_text("Who are you?")


def test_who_chooses_the_other_sides_model_exchanges_them(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named")

    def expect_pair(*pair: tuple[str, str]) -> None:
        for side, (name, _) in zip("ab", pair, strict=True):
            expect(page.locator(PICK.format(side))).to_have_value(re.compile(name))
        expect(page).to_have_url(re.compile(r"\?a={}&b={}".format(*(model for _, model in pair))))

    one, two = ("Model 1", "script-a"), ("Model 2", "script-b")
    pick(page, "a", "Model 2")
    expect_pair(two, one)
    pick(page, "b", "Model 2")
    expect_pair(one, two)


def test_the_last_choice_of_models_and_mode_counts_on_a_slow_network(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named")
    with slow_network(page) as held:
        pick(page, "a", "Model 3")
        page.wait_for_timeout(200)
        pick(page, "a", "Model 4")
        assert held
    expect(page).to_have_url(re.compile(r"\?a=script-d&b=script-b"))
    expect(page.locator(PICK.format("a"))).to_have_value(re.compile("Model 4"))
    ask(page, "Who are you?")
    vote(page)
    assert heads(page) == ["Model 4", "Model 2"]
    with slow_network(page):
        for mode in ("blind", "named", "blind"):
            page.locator(f"#mode input[value={mode}]").check()
            page.wait_for_timeout(200)
    page.wait_for_selector("#phase[data-mode=blind]", state="attached")
    expect(page.locator("#mode input[value=blind]")).to_be_checked()


def test_a_link_with_the_same_model_twice_is_refused(new_page: NewPage, app: ServedApp) -> None:
    page = new_page(f"{app.url}?a=script-c&b=script-c").page
    wait_ready(page)
    expect(page.get_by_role("alert")).to_contain_text("Both sides are script-c")


def test_a_link_with_an_unknown_model_says_so_and_shows_the_first_pair(new_page: NewPage, app: ServedApp) -> None:
    page = new_page(f"{app.url}?a=gpt-9").page
    wait_ready(page)
    expect(page.get_by_role("alert")).to_contain_text("'gpt-9' is not offered here: script-a, script-b")
    expect(page.locator(PICK.format("a"))).to_have_value(re.compile("Model 1"))


def test_blind_battles_draw_among_all_and_offer_no_choice(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="blind")
    expect(page.locator("#pickers")).to_be_hidden()
    seen = set()
    for _ in range(8):
        ask(page, "Who are you?")
        wait_until_votable(page)
        page.click(PILLS["tie"])
        expect(page.locator("#head_a h2")).to_have_text(re.compile(r"Model \d"))
        seen |= set(heads(page))
        if len(seen) >= 3:
            break
        page.click("#new")
        expect(page.locator("#welcome")).to_be_visible()
    assert len(seen) >= 3


@pytest.mark.model
def test_the_choice_says_what_each_model_needs_and_may_be_used_for(
    open_page: OpenPage, serve: Callable[..., ServedApp]
) -> None:
    hot = "hot=smollm2-135m?temperature=1.5"
    page = open_page(serve("smollm2-135m-t0.2", "smollm2-135m-t1.0", more=[hot]), mode="named")
    expect(page.locator(PICK.format("a"))).to_have_value(
        re.compile(r"^SmolLM2-135M \(T=0\.2\) · needs 0\.\d GB · Apache-2\.0")
    )
    pick(page, "b", "hot")
    expect(page.locator(PICK.format("b"))).to_have_value(re.compile(r"^hot · needs 0\.\d GB · Apache-2\.0"))
    expect(page).to_have_url(re.compile("b=hot%3Dsmollm2-135m%3Ftemperature%3D1.5"))


def test_a_batch_asks_the_models_that_are_chosen(new_page: NewPage, app: ServedApp) -> None:
    page = new_page(f"{app.url}#batch", viewport=(390, 844)).page
    for number in (2, 4):
        page.get_by_label(f"Model {number}").check()
    page.click("#batch_start")
    expect(page.locator("#batch_status")).to_contain_text("26 of 26 done")
    expect(page.get_by_label("Model 4")).to_be_checked()  # the ticks of the timer leave the choice alone
    asked = {entry.side.model.id for entry in read_recorded(app.data_dir / "answers.jsonl")}
    assert asked == {"script-b", "script-d"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
