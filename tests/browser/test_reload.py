"""A reload, or a restart of the server, loses neither a conversation nor a battle nor what was typed."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import BOX, ask_for_vote, choose_mode, questions, says, vote, wait_for_phase, wait_ready

SCRIPT = {"answers": [{"steps": [{"text": "done."}]}]}


@pytest.fixture
def page(open_page: OpenPage, scripted_app: ServedApp) -> Page:
    return open_page(scripted_app)


def reload(page: Page) -> None:
    page.reload()
    wait_ready(page)


def test_a_battle_without_a_vote_can_be_judged_after_a_reload_and_once(page: Page, scripted_app: ServedApp) -> None:
    ask_for_vote(page, "Why?")
    before = len(scripted_app.rows())
    reload(page)
    wait_for_phase(page, "vote")
    for side, name in (("a", "Left"), ("b", "Right")):
        expect(questions(page, side)).to_have_text("Why?")
        expect(page.locator(f"#head_{side} h2")).to_have_text(name)
    vote(page, "tie")
    reload(page)
    wait_for_phase(page, "voted")
    expect(says(page)).to_have_text("Vote saved: tie.")
    expect(page.locator("#vote")).to_be_hidden()
    assert [row["prompt"] for row in scripted_app.rows()[before:]] == ["Why?"]


def test_a_page_whose_connection_was_lost_comes_back_with_what_was_typed(page: Page) -> None:
    """gradio's script then ignores every button, and asks until the server answers."""
    page.evaluate("window.isOld = true")
    page.context.set_offline(True)
    page.fill(BOX, "Why?")
    page.press(BOX, "Enter")
    expect(page.locator(".toast-body.error")).to_be_visible()
    page.context.set_offline(False)
    page.wait_for_function("() => !window.isOld && document.querySelector('#phase')")
    wait_ready(page)
    expect(page.locator(BOX)).to_have_value("Why?")
    ask_for_vote(page, "How?")


def test_a_page_that_lost_its_connection_while_models_answer_comes_back_without_a_question(
    page: Page, scripted_app: ServedApp
) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    page.fill(BOX, "slow")
    page.press(BOX, "Enter")
    wait_for_phase(page, "run")
    page.evaluate("window.isOld = true")
    page.context.set_offline(True)
    page.locator("#stop_all").click()
    expect(page.locator(".toast-body.error")).to_be_visible()
    page.context.set_offline(False)
    page.wait_for_function("() => !window.isOld && document.querySelector('#phase')")
    wait_ready(page)
    assert dialogs == []
    scripted_app.wait_until_idle()


def test_a_conversation_goes_on_after_a_reload(open_page: OpenPage, scripted_app: ServedApp) -> None:
    page = open_page(scripted_app, mode="named")
    ask_for_vote(page, "First?")
    reload(page)
    expect(page.locator("#mode input[value=named]")).to_be_checked()
    wait_for_phase(page, "vote")
    ask_for_vote(page, "Second?")
    assert [message.content for message in scripted_app.asked("a")[-1][0]][::2] == ["First?", "Second?"]


def test_a_battle_stays_after_a_reload_though_models_had_been_named_in_the_address(
    page: Page, scripted_app: ServedApp
) -> None:
    page.goto(f"{scripted_app.url}?a=script-b&b=script-a")
    page.wait_for_selector("#phase[data-mode=named]", state="attached")
    choose_mode(page, "blind")
    assert page.evaluate("location.search") == ""
    ask_for_vote(page, "Why?")
    reload(page)
    wait_for_phase(page, "vote")
    expect(page.locator("#mode input[value=blind]")).to_be_checked()
    expect(questions(page, "a")).to_have_text(["Why?"])


def test_what_is_typed_is_there_after_a_reload_and_gone_once_it_is_sent(page: Page) -> None:
    page.fill(BOX, "Half a question")
    reload(page)
    expect(page.locator(BOX)).to_have_value("Half a question")
    page.press(BOX, "Enter")
    wait_for_phase(page, "vote")
    reload(page)
    wait_for_phase(page, "vote")
    assert page.input_value(BOX) == ""


def test_another_tab_of_the_same_browser_starts_empty(page: Page, scripted_app: ServedApp) -> None:
    ask_for_vote(page, "Why?")
    other = page.context.new_page()
    other.goto(scripted_app.url)
    wait_for_phase(other, "empty")
    expect(questions(other, "a")).to_have_count(0)


def test_a_battle_without_a_vote_can_be_judged_after_a_restart(
    open_page: OpenPage, new_page: NewPage, serve: Callable[..., ServedApp]
) -> None:
    first = serve(SCRIPT, SCRIPT)
    page = open_page(first)
    ask_for_vote(page, "Why?")
    tab, kept = page.evaluate("sessionStorage.getItem('arena-tab')"), page.context.storage_state()
    page.close()
    second = serve(SCRIPT, SCRIPT, data_dir=first.data_dir)
    moved = {"cookies": [], "origins": [{**kept["origins"][0], "origin": second.url.rstrip("/")}]}
    again = new_page("about:blank", storage_state=moved).page
    again.add_init_script(f"if (location.host) sessionStorage.setItem('arena-tab', '{tab}')")
    again.goto(second.url)
    wait_for_phase(again, "vote")
    expect(questions(again, "a")).to_have_text("Why?")
    vote(again)
    # The first server still has votes.csv, so the second one writes its own part.
    rows = [row for path in first.data_dir.glob("votes*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))]
    assert [row["prompt"] for row in rows] == ["Why?"]
