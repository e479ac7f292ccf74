"""How a hand votes: one click, one key, or a thumb; and what is no vote."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import (
    BOX,
    PILLS,
    ask,
    ask_for_vote,
    questions,
    show_side,
    vote,
    wait_for_phase,
    wait_ready,
    wait_until_votable,
)

KEYS = dict(zip(PILLS, "1234", strict=True))
PHONE: dict[str, Any] = {"viewport": (390, 844), "has_touch": True, "is_mobile": True}


@pytest.fixture
def page(open_page: OpenPage, scripted_app: ServedApp) -> Page:
    return open_page(scripted_app)


def blur(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")


@pytest.mark.parametrize("mode", ["blind", "named"])
def test_one_click_is_one_row_at_once(open_page: OpenPage, scripted_app: ServedApp, mode: str) -> None:
    page = open_page(scripted_app, mode=mode)
    for winner in PILLS:
        ask_for_vote(page)
        before = len(scripted_app.rows())
        page.click(PILLS[winner])
        wait_for_phase(page, "voted")
        rows = scripted_app.rows()[before:]
        assert [row["winner"] for row in rows] == [winner]
        assert rows[0]["vote_id"][:8] in page.locator("#phase .receipt").inner_text()


def test_a_double_click_is_one_vote(page: Page, scripted_app: ServedApp) -> None:
    ask_for_vote(page)
    before = len(scripted_app.rows())
    page.dblclick(PILLS["model_b"])
    wait_for_phase(page, "voted")
    page.wait_for_timeout(1000)
    assert [row["winner"] for row in scripted_app.rows()[before:]] == ["model_b"]
    expect(page.locator(".toast-body")).to_have_count(0)


def test_a_click_meant_for_what_stood_there_before_is_no_vote(new_page: NewPage, scripted_app: ServedApp) -> None:
    """The test stops the page's clock, so that no machine is too slow for it."""
    page = new_page("about:blank").page
    page.add_init_script("""const now = performance.now.bind(performance);
        performance.now = () => window.held ?? now();""")
    page.goto(scripted_app.url)
    wait_ready(page)
    before = len(scripted_app.rows())
    page.evaluate("window.held = performance.now()")
    ask(page, "Why?")
    wait_for_phase(page, "vote")
    page.click(PILLS["model_a"])
    blur(page)
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    assert page.get_attribute("#phase", "data-phase") == "vote" and len(scripted_app.rows()) == before
    page.evaluate("window.held += 400")
    page.click(PILLS["model_a"])
    wait_for_phase(page, "voted")
    assert len(scripted_app.rows()) == before + 1


def test_a_digit_votes_outside_the_input_in_the_empty_one_and_with_alt_in_any(
    page: Page, scripted_app: ServedApp
) -> None:
    for winner, key in KEYS.items():
        ask_for_vote(page)
        blur(page)
        page.keyboard.press(key)
        wait_for_phase(page, "voted")
        assert scripted_app.rows()[-1]["winner"] == winner
    for winner, key in KEYS.items():
        ask_for_vote(page)
        page.focus(BOX)
        page.keyboard.press(key)
        wait_for_phase(page, "voted")
        assert scripted_app.rows()[-1]["winner"] == winner
        assert page.input_value(BOX) == ""
    ask_for_vote(page)
    page.fill(BOX, "Half a question")
    page.keyboard.press("Alt+4")
    wait_for_phase(page, "voted")
    assert scripted_app.rows()[-1]["winner"] == "model_b"
    assert page.input_value(BOX) == "Half a question"


def test_a_question_that_begins_with_a_digit_is_text_and_escape_takes_a_digit_back(
    page: Page, scripted_app: ServedApp
) -> None:
    ask_for_vote(page)
    before = len(scripted_app.rows())
    page.focus(BOX)

    def expect_text(words: str) -> None:
        page.wait_for_timeout(1000)
        assert page.input_value(BOX) == words
        assert page.get_attribute("#phase", "data-phase") == "vote" and len(scripted_app.rows()) == before

    for words in ("3 reasons", "12 monkeys", "4x4?"):
        page.keyboard.type(words)
        expect_text(words)
        page.fill(BOX, "")
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    expect_text("")
    # Whoever has clicked into the input wants to write there.
    page.click(BOX)
    page.keyboard.type("1")
    expect_text("1")
    page.keyboard.type("234")
    expect_text("1234")


def test_a_digit_before_what_an_input_method_composes_is_text(page: Page, scripted_app: ServedApp) -> None:
    """As in "3个例子": the keys after the digit belong to the input method."""
    ask_for_vote(page)
    before = len(scripted_app.rows())
    page.focus(BOX)
    page.keyboard.press("3")
    page.evaluate("""document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
        { key: "Process", code: "KeyG", keyCode: 229, isComposing: false, bubbles: true, cancelable: true }))""")
    assert page.input_value(BOX) == "3"
    page.wait_for_timeout(1000)
    assert page.get_attribute("#phase", "data-phase") == "vote" and len(scripted_app.rows()) == before


@pytest.mark.parametrize(("key", "code"), [("#", "Digit3"), ("€", "Digit2"), ("1", "Numpad1")])
def test_alt_with_a_digit_that_makes_a_character_is_no_vote(
    page: Page, scripted_app: ServedApp, key: str, code: str
) -> None:
    ask_for_vote(page)
    before = len(scripted_app.rows())
    page.fill(BOX, "C")
    is_left = page.evaluate(
        """([key, code]) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
            { key, code, altKey: true, bubbles: true, cancelable: true }))""",
        [key, code],
    )
    assert is_left  # to the keyboard
    page.wait_for_timeout(1000)
    assert page.get_attribute("#phase", "data-phase") == "vote" and len(scripted_app.rows()) == before


def test_digits_do_nothing_while_models_answer_and_after_the_vote(page: Page, scripted_app: ServedApp) -> None:
    before = len(scripted_app.rows())
    ask(page, "slow")
    wait_for_phase(page, "run")
    blur(page)
    page.keyboard.press("1")
    page.click("#stop_all")
    wait_for_phase(page, "cut")
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    assert len(scripted_app.rows()) == before
    ask_for_vote(page)
    vote(page)
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    assert len(scripted_app.rows()) == before + 1


def test_enter_after_the_vote_goes_on_from_the_button_and_from_the_empty_input(page: Page) -> None:
    ask_for_vote(page, "First?")
    vote(page)
    expect(page.locator("#new")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for_phase(page, "empty")
    expect(page.locator(BOX)).to_be_focused()
    page.keyboard.type("Second?")
    page.keyboard.press("Enter")
    expect(questions(page, "a")).to_have_text(["Second?"])
    vote(page)
    page.focus(BOX)
    page.keyboard.press("Enter")
    wait_for_phase(page, "empty")
    expect(questions(page, "a")).to_have_count(0)


def test_the_keyboard_alone_leads_from_the_empty_page_to_the_next_battle(page: Page, scripted_app: ServedApp) -> None:
    before = len(scripted_app.rows())
    expect(page.locator(BOX)).to_be_focused()
    for question in ("Why?", "How?"):
        page.keyboard.type(question)
        page.keyboard.press("Enter")
        wait_until_votable(page)
        page.keyboard.press("2")
        wait_for_phase(page, "voted")
        page.wait_for_timeout(200)
        page.keyboard.press("Enter")
        wait_for_phase(page, "empty")
        expect(page.locator(BOX)).to_be_focused()
    rows = scripted_app.rows()[before:]
    assert [(row["prompt"], row["winner"]) for row in rows] == [("Why?", "tie"), ("How?", "tie")]


def test_on_a_phone_a_side_that_was_not_shown_cannot_be_judged(open_page: OpenPage, scripted_app: ServedApp) -> None:
    page = open_page(scripted_app, **PHONE)
    before = len(scripted_app.rows())
    ask_for_vote(page)
    unread = page.locator(".unread[data-show=b]")
    expect(unread).to_be_visible()
    for pill in PILLS.values():
        expect(page.locator(pill)).to_be_hidden()
    blur(page)
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    assert len(scripted_app.rows()) == before
    unread.tap()
    expect(page.locator("#switch [data-show=b]")).to_have_attribute("aria-pressed", "true")
    expect(unread).to_be_hidden()
    page.locator(PILLS["model_b"]).tap()
    wait_for_phase(page, "voted")
    assert [row["winner"] for row in scripted_app.rows()[before:]] == ["model_b"]


def test_on_a_phone_every_question_is_read_again_on_both_sides(open_page: OpenPage, scripted_app: ServedApp) -> None:
    page = open_page(scripted_app, **PHONE)
    ask_for_vote(page, "First?")
    show_side(page, "b")
    expect(page.locator(PILLS["tie"])).to_be_visible()
    ask_for_vote(page, "Second?")
    expect(page.locator(PILLS["tie"])).to_be_hidden()
    expect(page.locator(".unread[data-show=a]")).to_be_visible()


def test_the_same_browser_is_the_same_judge(page: Page, scripted_app: ServedApp) -> None:
    for _ in range(2):
        ask_for_vote(page, "hello")
        vote(page)
        page.reload()
        wait_ready(page)
    first, second = scripted_app.rows()[-2:]
    assert first["judge"] == second["judge"] != ""
    assert first["question_id"] != second["question_id"]
