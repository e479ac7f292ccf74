"""What can be done with a conversation in a real browser: edit, continue, change the vote, take away, scroll both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage
from tests.browser.hands import (
    BOX,
    answer,
    ask,
    ask_for_vote,
    questions,
    says,
    status,
    vote,
    wait_for_phase,
    wait_until_votable,
)

LINES = [{"text": f"Line {number}\n\n"} for number in range(60)]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two models that write 60 paragraphs, one with a small context."""
    long, brief = {"match": "long", "steps": LINES}, {"steps": [{"text": "Brief."}]}
    return serve({"answers": [long, brief]}, {"answers": [long, brief], "context_length": 600})


@pytest.fixture
def page(open_page: OpenPage, app: ServedApp) -> Page:
    return open_page(app, mode="named")


def limit_tokens(page: Page, tokens: int) -> None:
    page.click("[data-open=settings]")
    page.fill("#set_max_new_tokens input, #set_max_new_tokens textarea", str(tokens))
    page.keyboard.press("Escape")


def test_the_last_question_is_edited_with_the_keyboard_alone_and_a_cancelled_edit_gives_back_what_was_typed(
    page: Page,
) -> None:
    ask_for_vote(page, "Waht?")
    page.focus("#edit")
    page.keyboard.press("Enter")
    expect(page.locator(BOX)).to_have_value("Waht?")
    expect(page.locator(BOX)).to_be_focused()
    expect(says(page)).to_contain_text("Editing the last question")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("What?")
    page.keyboard.press("Enter")
    wait_until_votable(page)
    for side in "ab":
        expect(questions(page, side)).to_have_text(["What?"])
    expect(page.locator("#edit")).to_have_text("Edit question")
    page.fill(BOX, "And then")
    page.click("#edit")
    expect(page.locator(BOX)).to_have_value("What?")
    page.click("#edit")
    expect(page.locator(BOX)).to_have_value("And then")
    expect(says(page)).to_contain_text("Which is better?")


def test_a_side_that_is_stopped_while_it_thinks_goes_on_and_is_judged(
    serve: Callable[..., ServedApp], open_page: OpenPage, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    more = [{"until": str(stopped), "text": "</think>"}, {"text": "Yes"}]
    thoughts = [{"text": "<think>"}, {"text": "hm ", "times": 20}, *more]
    app = serve({"answers": [{"steps": thoughts}], "thinking": "switch"}, {"answers": [{"steps": [{"text": "No"}]}]})
    page = open_page(app, mode="named")
    status(page, "a", "thinking off")
    page.click("[data-open=settings]")
    page.fill("#set_thinking input, #set_thinking textarea", "on")
    ask(page, "hello")
    status(page, "a", "Thinking…")
    expect(page.locator("#pane_a")).to_contain_text("hm hm")
    page.click("#head_a .stop")
    wait_for_phase(page, "cut")
    stopped.touch()
    page.click("#head_a .continue")
    vote(page, "model_a")
    expect(page.locator("#pane_a")).to_contain_text("Yes")
    row = app.rows()[-1]
    assert (row["thinking_a"], row["thinking_b"], row["response_a"]) == ("hm " * 20, "", "Yes")
    assert json.loads(row["settings"])["a"]["thinking"] == 1024


def test_a_cut_answer_is_continued_until_it_ends(page: Page) -> None:
    limit_tokens(page, 40)
    ask_for_vote(page, "long")
    expect(page.locator("#head_a .continue, #head_b .continue")).to_have_count(2)
    assert answer(page, "a").count("Line") == 40
    page.click("#head_a .continue")
    expect(page.locator("#pane_a [data-testid=bot]").last).to_contain_text("Line 59")
    wait_until_votable(page)
    assert answer(page, "a").count("Line") == 60 and answer(page, "b").count("Line") == 40
    expect(page.locator("#head_a .continue")).to_have_count(0)
    expect(page.locator("#head_a .meta")).to_contain_text("60 tokens")


def test_a_vote_is_changed_by_a_key_and_the_choice_is_marked(page: Page, app: ServedApp) -> None:
    before = len(app.rows())
    ask_for_vote(page, "What?")
    vote(page, "model_a")
    expect(page.locator("#vote_model_a")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("4")
    expect(page.locator("#vote_model_b")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#vote_model_a")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#head_b .head")).to_have_attribute("data-mark", "win")
    assert [row["winner"] for row in app.rows()[before:]] == ["model_a", "model_b"]
    ask_for_vote(page, "Next")
    expect(page.locator("#vote_model_b")).not_to_have_attribute("aria-pressed", "true")


def test_a_vote_that_revealed_the_names_is_final(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="blind")
    ask_for_vote(page, "What?")
    vote(page, "model_a")
    expect(page.locator("#vote")).to_be_hidden()
    expect(page.locator("#edit")).to_be_hidden()


def test_too_long_a_prompt_is_refused_and_stays_in_the_box(page: Page) -> None:
    ask_for_vote(page, "What?")
    words = "word " * 200
    ask(page, words)
    expect(page.locator(".toast-body")).to_contain_text("The prompt has")
    expect(page.locator(BOX)).to_have_value(words)
    expect(questions(page, "a")).to_have_count(1)
    wait_for_phase(page, "vote")


def test_a_conversation_is_saved_without_a_vote(page: Page, tmp_path: Path) -> None:
    ask_for_vote(page, "What?")
    saved = {}
    for kind, name in (("markdown", "conversation.md"), ("json", "conversation.jsonl")):
        page.click("[data-open=save]")
        with page.expect_download() as download:
            page.click(f"[data-press=save_{kind}]")
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
        saved[kind] = (tmp_path / name).read_text(encoding="utf-8")
        assert saved[kind].count("Brief.") == 2
        expect(page.locator("#save")).to_be_hidden()
    assert [json.loads(line)["prompt"] for line in saved["json"].splitlines()] == ["What?", "What?"]


def test_a_switch_scrolls_both_panes_together(page: Page) -> None:
    ask_for_vote(page, "long")
    tops = "[...document.querySelectorAll('#panes [role=log]')].map((log) => log.scrollTop)"
    page.hover("#pane_a")
    page.mouse.wheel(0, 300)
    page.wait_for_function(f"{tops}[0] > 100")
    apart = page.evaluate(f"{tops}[1]")
    page.click("#together")
    expect(page.locator("#together")).to_have_attribute("aria-pressed", "true")
    page.hover("#pane_b")
    page.mouse.wheel(0, 500)
    page.wait_for_function(
        f"(apart) => {{ const [a, b] = {tops}; return b > apart + 200 && Math.abs(a - b) < 5; }}", arg=apart
    )
    page.click("#together")
    page.hover("#pane_b")
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"(() => {{ const [a, b] = {tops}; return a - b > 100; }})()")


def test_a_copy_that_the_browser_refuses_is_not_said_to_be_one_and_another_way_is_tried(page: Page) -> None:
    ask_for_vote(page, "Why?")
    page.evaluate("""() => {
        const refuse = () => Promise.reject(new DOMException("", "NotAllowedError"));
        Object.defineProperty(navigator, "clipboard", { value: { writeText: refuse }, configurable: true });
        window.copied = [];
        document.execCommand = (name) => window.copied.push([name, document.activeElement.value]) > 1;
    }""")
    copy = page.locator("#head_a .copy")
    copy.click()
    page.wait_for_function("() => window.copied.length === 1")
    page.wait_for_timeout(200)
    expect(page.locator("#head_a .copied")).to_have_count(0)
    expect(copy).to_be_focused()
    copy.click()
    expect(page.locator("#head_a .copied")).to_have_count(1)
    assert page.evaluate("window.copied") == [["copy", "Brief."]] * 2
