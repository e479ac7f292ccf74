"""Named mode in a real browser: a conversation with two models whose names are in sight."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage
from tests.browser.hands import (
    BOX,
    answer,
    ask,
    ask_for_vote,
    choose_mode,
    questions,
    says,
    status,
    vote,
    wait_for_phase,
    wait_for_state,
    wait_ready,
    wait_until_votable,
)


@pytest.fixture
def page(open_page: OpenPage, scripted_app: ServedApp) -> Page:
    """The scripted app in an English browser."""
    return open_page(scripted_app, mode="named")


COLOUR = "element => getComputedStyle(element).color"


def open_settings(page: Page) -> None:
    page.click("[data-open=settings]")
    expect(page.locator("#set_temperature")).to_be_visible()


def fill_setting(page: Page, name: str, value: str) -> None:
    page.fill(f"#set_{name} input, #set_{name} textarea", value)


def test_heads_and_pills_name_the_models(page: Page) -> None:
    ask(page, "hello")
    for side in "ab":
        expect(page.locator(f"#head_{side} h2")).to_have_text(f"script-{side}")
        expect(page.locator(f"#head_{side} .head")).to_have_attribute("data-color", re.compile("^[ab]$"))
    wait_for_phase(page, "vote")
    for side in "ab":
        expect(page.locator(f"#vote_model_{side}")).to_have_text({"a": "Left is better", "b": "Right is better"}[side])
        # Neither hovered nor pressed, a pill has the colour of its model.
        heading = page.locator(f"#head_{side} h2").evaluate(COLOUR)
        expect(page.locator(f"#vote_model_{side}")).to_have_css("color", heading)


def test_stop_stops_the_model_and_keeps_the_text(page: Page, scripted_app: ServedApp) -> None:
    ask(page, "slow")
    status(page, "a", "Answering")
    page.click("#head_a .stop")
    status(page, "a", "Stopped")
    status(page, "b", "Answering")  # the other side goes on
    page.click("#stop_all")
    status(page, "b", "Stopped")
    scripted_app.wait_until_idle()
    assert "tick" in answer(page, "a") and "tick" in answer(page, "b")
    wait_for_phase(page, "cut")
    expect(page.locator("#vote")).to_be_hidden()
    expect(says(page)).to_contain_text("no vote this round")


def test_send_works_again_after_every_stop(page: Page) -> None:
    pauses = random.Random(7)
    for number in range(8):
        ask(page, f"slow {number}")
        expect(questions(page, "a").last).to_have_text(f"slow {number}")
        page.wait_for_timeout(pauses.randrange(50, 300))
        page.click("#stop_all")
        wait_for_phase(page, "cut")
    ask_for_vote(page, "and now")
    assert answer(page, "b").endswith("done.")


@pytest.mark.parametrize(("question", "ends"), [("slow", "cut"), ("hello", "vote")])
def test_what_is_sent_in_the_moment_an_answer_ends_is_asked(
    page: Page, scripted_app: ServedApp, monkeypatch: pytest.MonkeyPatch, question: str, ends: str
) -> None:
    """On a busy machine, the server still saves the last turn when the page shows its end."""
    sessions, saving, asked = type(scripted_app.services.sessions), threading.Event(), threading.Event()
    save = sessions.save

    def save_slowly(*args: Any) -> None:
        saving.set()
        asked.wait(60)
        save(*args)

    monkeypatch.setattr(sessions, "save", save_slowly)
    ask(page, question)
    if ends == "cut":
        status(page, "a", "Answering")
        page.click("#stop_all")
    wait_for_phase(page, ends)
    assert saving.wait(60)
    with page.expect_request(re.compile("/queue/join")):
        ask(page, "and then?")
    asked.set()
    expect(questions(page, "a").last).to_have_text("and then?")
    wait_until_votable(page)


@pytest.mark.parametrize("hand", ["Enter", "mouse"])
def test_who_sends_twice_asks_once(page: Page, scripted_app: ServedApp, hand: str) -> None:
    before = len(scripted_app.asked("a"))
    # The page's clock stands still, so that no machine is too slow to press twice in time.
    page.evaluate("const now = performance.now(); performance.now = () => now")
    page.fill(BOX, "slow")
    if hand == "mouse":
        page.dblclick("#send")
    else:
        for _ in range(2):
            page.press(BOX, "Enter")
    status(page, "a", "Answering")
    page.press(BOX, "Enter")  # there is nothing to send
    page.wait_for_timeout(1000)
    assert len(scripted_app.asked("a")) == before + 1
    expect(page.locator(".toast-body")).to_have_count(0)
    expect(page.locator("#head_a .head")).to_have_attribute("data-state", "run")
    page.click("#stop_all")
    wait_for_phase(page, "cut")


def test_a_question_while_models_answer_is_refused_and_stays(page: Page) -> None:
    ask(page, "slow")
    status(page, "a", "Answering")
    ask(page, "and then?")
    expect(page.locator(".toast-body")).to_contain_text("still being answered")
    expect(page.locator(BOX)).to_have_value("and then?")
    page.click("#stop_all")
    wait_for_phase(page, "cut")
    page.press(BOX, "Enter")
    expect(questions(page, "a").last).to_have_text("and then?")


def test_an_error_ends_one_side_only_and_each_pane_keeps_its_own_history(page: Page, scripted_app: ServedApp) -> None:
    ask(page, "boom first")
    status(page, "b", "out of memory")
    wait_for_state(page, "a", "done")
    assert answer(page, "a").endswith("done.")
    assert "out of memory" in answer(page, "b")
    wait_for_phase(page, "cut")
    expect(page.locator("#vote")).to_be_hidden()
    ask_for_vote(page, "next")
    assert answer(page, "b").endswith("done.")
    assert [message.content for message in scripted_app.asked("a")[-1][0]] == [
        "boom first",
        "好的，" * 10 + "done.",
        "next",
    ]
    assert [message.content for message in scripted_app.asked("b")[-1][0]] == ["next"]


def test_a_blank_prompt_gives_a_notice(page: Page, scripted_app: ServedApp) -> None:
    before, notice = len(scripted_app.asked("a")), page.locator(".toast-body", has_text="The prompt is empty")
    for blank in ("", "  ", "\u3000", "\u200b"):
        ask(page, blank)
        expect(notice).to_be_visible()
        assert len(scripted_app.asked("a")) == before
        assert questions(page, "a").count() == 0
        assert page.input_value(BOX) == blank
        notice.locator(".toast-close").click()
        expect(notice).to_have_count(0)


def test_a_prompt_over_the_context_is_refused_and_stays_in_the_input(page: Page) -> None:
    ask_for_vote(page, "short")
    page.fill(BOX, "很" * 200_000)
    page.click("#send")
    for words in ("200000", "script-a", "4096"):
        expect(page.locator(".toast-body")).to_contain_text(words)
    expect(page.locator(BOX)).to_have_value("很" * 200_000)
    ask_for_vote(page, "short")


def test_an_empty_answer_is_said_and_cannot_be_judged(page: Page) -> None:
    ask(page, "empty")
    status(page, "a", "The answer is empty")
    wait_for_phase(page, "cut")
    expect(page.locator("#vote")).to_be_hidden()
    ask_for_vote(page, "next")


def test_an_answer_at_the_limit_is_marked_and_can_be_judged(page: Page, scripted_app: ServedApp) -> None:
    open_settings(page)
    fill_setting(page, "max_new_tokens", "20")
    ask_for_vote(page, "long")
    status(page, "a", "Stopped at the 20-token limit")
    vote(page, "tie (bothbad)")
    row = scripted_app.rows()[-1]
    assert (row["finish_a"], row["tokens_a"], row["winner"]) == ("length", "20", "tie (bothbad)")


def test_settings_left_empty_follow_the_model(page: Page, scripted_app: ServedApp) -> None:
    open_settings(page)
    for name in ("temperature", "top_p", "max_new_tokens", "seed"):
        assert page.input_value(f"#set_{name} input, #set_{name} textarea") == ""
    fill_setting(page, "temperature", "0.25")
    fill_setting(page, "seed", "77")
    page.fill("#system textarea", "Be brief.")
    ask_for_vote(page, "hello")
    messages, config = scripted_app.asked("b")[-1]
    assert (config.temperature, config.seed, config.top_p) == (0.25, 77, 0.9)
    assert [message.role for message in messages] == ["system", "user"]
    open_settings(page)
    fill_setting(page, "temperature", "warm")
    ask(page, "again")
    expect(page.get_by_text("Temperature must be a number").first).to_be_visible()
    assert page.input_value(BOX) == "again"


def test_regenerate_asks_one_side_again(page: Page, scripted_app: ServedApp, eventually: Callable[..., bool]) -> None:
    ask_for_vote(page, "hello")
    asked = {side: len(scripted_app.asked(side)) for side in "ab"}
    page.click("#head_b .regenerate")
    assert eventually(lambda: len(scripted_app.asked("b")) == asked["b"] + 1)
    wait_until_votable(page)
    assert len(scripted_app.asked("a")) == asked["a"]
    seeds = [config.seed for _, config in scripted_app.asked("b")[-2:]]
    assert seeds[0] != seeds[1]
    assert questions(page, "b").count() == 1


def test_a_failed_side_can_be_asked_again_while_the_other_answers(
    open_page: OpenPage, serve: Callable[..., ServedApp], eventually: Callable[..., bool]
) -> None:
    app = serve(
        {"answers": [{"steps": [{"text": "tick ", "delay": 0.4, "times": 2000}]}]},
        {"answers": [{"steps": [{"raise": "not yet"}]}]},
    )
    page = open_page(app, mode="named")
    ask(page, "hello")
    status(page, "b", "not yet")
    status(page, "a", "Answering")
    page.click("#head_b .regenerate")
    assert eventually(lambda: len(app.asked("b")) == 2)
    assert len(app.asked("a")) == 1
    page.click("#stop_all")
    status(page, "a", "Stopped")


def test_copy_gives_the_answer_as_the_model_wrote_it(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask_for_vote(page, "code")
    page.click("#head_b .copy")
    expect(page.locator("#head_b .copy")).to_have_class(re.compile("copied"))
    page.wait_for_timeout(500)
    assert page.evaluate("navigator.clipboard.readText()") == "    if x:\n\ty  \n\n"


def test_a_follow_up_after_the_vote_goes_on_in_the_conversation_and_a_new_battle_forgets_it(
    page: Page, scripted_app: ServedApp
) -> None:
    ask_for_vote(page, "hello")
    vote(page)
    ask_for_vote(page, "and then?")
    assert [message.content for message in scripted_app.asked("a")[-1][0]][::2] == ["hello", "and then?"]
    expect(questions(page, "a")).to_have_count(2)
    vote(page)
    page.click("#new")
    wait_for_phase(page, "empty")
    assert questions(page, "a").count() == 0
    ask_for_vote(page, "fresh")
    assert [message.content for message in scripted_app.asked("a")[-1][0]] == ["fresh"]


def test_each_mode_keeps_what_it_shows(page: Page) -> None:
    ask_for_vote(page, "hello")
    choose_mode(page, "blind")
    wait_for_phase(page, "empty")
    choose_mode(page, "named")
    wait_for_phase(page, "vote")
    expect(questions(page, "a")).to_have_text("hello")


def test_a_prompt_sent_while_the_model_loads_waits_visibly(
    open_page: OpenPage, serve: Callable[..., ServedApp], tmp_path: Path
) -> None:
    fine = {"answers": [{"steps": [{"text": "here"}]}]}
    loaded = tmp_path / "loaded"
    app = serve({**fine, "load_until": str(loaded)}, {**fine, "load_error": "disk on fire"}, load=False)
    page = open_page(app, mode="named")
    for backend in app.services.roster:
        backend.load()
    ask(page, "hello")
    status(page, "a", "Loading the model")
    loaded.touch()
    wait_for_state(page, "a", "done")
    status(page, "b", "disk on fire")
    assert answer(page, "a") == "here"


def test_a_full_engine_queues_visibly(open_page: OpenPage, serve: Callable[..., ServedApp]) -> None:
    slow = {"slots": 1, "answers": [{"steps": [{"text": "tick ", "delay": 0.4, "times": 2000}]}]}
    app = serve(slow, slow)
    first, second = open_page(app, mode="named"), open_page(app, mode="named")
    ask(first, "one")
    status(first, "a", "Answering")
    ask(second, "two")
    status(second, "a", "Queued, 1 ahead")
    second.click("#stop_all")  # one who waits can leave the queue
    status(second, "a", "Stopped")
    first.click("#stop_all")


def test_a_closed_tab_stops_its_models(page: Page, open_page: OpenPage, scripted_app: ServedApp) -> None:
    ask(page, "slow")
    status(page, "a", "Answering")
    page.close()
    scripted_app.wait_until_idle()
    ask_for_vote(open_page(scripted_app, mode="named"), "hello")


def test_a_reload_in_mid_stream_stops_the_models_and_the_page_works(page: Page, scripted_app: ServedApp) -> None:
    before = len(scripted_app.rows())
    ask(page, "slow")
    status(page, "a", "Answering")
    page.reload()
    wait_ready(page)
    assert page.get_attribute("#phase", "data-phase") in ("empty", "cut")
    scripted_app.wait_until_idle()
    ask_for_vote(page, "hello")
    assert len(scripted_app.rows()) == before
