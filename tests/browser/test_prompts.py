"""The prompts tab in a real browser: prompts are edited, saved, shown as cards, taken from a file and given as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp, text_steps

from tests.browser.conftest import Tab
from tests.browser.hands import HAND, ask_for_vote, choose_mode, go, vote, wait_ready

ANSWERS = [{"steps": text_steps("Canberra.")}]
TEXT = "#prompts_text textarea"
CAPITAL = "What is the capital of Australia? Answer in one sentence."


@pytest.fixture
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    return serve({"name": "Alpha-7B", "answers": ANSWERS}, {"name": "Beta-6B", "answers": ANSWERS}, local=True)


def open_prompts(new_page: Callable[..., Tab], app: ServedApp, **options: object) -> Page:
    page = new_page(app.url, **options).page
    wait_ready(page)
    go(page, "prompts")
    expect(page.locator("#prompts_list [data-id]")).to_have_count(13)
    page.wait_for_timeout(HAND)
    return page


def choose(page: Page, prompt_id: str, text: str) -> None:
    """Choose a prompt of the list, and wait until it is in the form."""
    page.click(f"#prompts_list [data-id='{prompt_id}']")
    expect(page.locator(TEXT)).to_have_value(text)
    page.wait_for_timeout(HAND)


def says(page: Page, words: str) -> None:
    expect(page.locator("#prompts_status")).to_contain_text(words)


def test_an_edited_prompt_is_a_card_of_new_pages_and_old_votes_keep_theirs(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    voter = new_page(app.url).page
    wait_ready(voter)
    choose_mode(voter, "blind")
    ask_for_vote(voter, CAPITAL)
    host = open_prompts(new_page, app)
    choose(host, "e1-capital", CAPITAL)
    host.fill(TEXT, "What is the capital of Austria?")
    host.click("#prompts_save")
    says(host, "Saved: 1 changed")
    # The battle that was running has kept its prompt.
    vote(voter)
    host.reload()
    expect(host.locator("#prompts_list")).to_contain_text("capital of Austria")
    expect(host.locator("#prompts_source")).to_contain_text("UTC")
    other = new_page(app.url).page
    wait_ready(other)
    expect(other.locator(".card[data-prompt*='Austria']")).to_have_count(1)
    expect(other.locator(".card[data-prompt*='Australia']")).to_have_count(0)
    choose_mode(other, "blind")
    other.click(".card[data-prompt*='Austria']")
    ask_for_vote(other, other.input_value("#prompt textarea"))
    vote(other)
    votes = [(row["prompt_id"], row["prompt"], row["dimension"]) for row in app.rows()]
    assert votes == [
        ("e1-capital", CAPITAL, "knowledge"),
        ("e1-capital.v2", "What is the capital of Austria?", "knowledge"),
    ]


def test_a_file_is_taken_and_a_wrong_one_is_refused_with_its_line(
    new_page: Callable[..., Tab], app: ServedApp, tmp_path: Path
) -> None:
    page = open_prompts(new_page, app)

    def take(name: str, content: str) -> None:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        with page.expect_file_chooser() as chooser:
            page.click("#prompts_import")
        chooser.value.set_files(path)

    take("wrong.csv", "prompt,dimension\nWhy?,knowledge\nWho?\n")
    says(page, "wrong.csv has a mistake in line 3 (entry 2)")
    expect(page.locator("#prompts_list [data-id]")).to_have_count(13)
    take("good.csv", "prompt,dimension\n为什么?,knowledge\n<img src=x onerror=alert(1)>,安全\n")
    says(page, "Not saved yet: 2 added, 13 removed")
    expect(page.locator("#prompts_list")).to_contain_text("<img src=x onerror=alert(1)>")
    page.click("#prompts_discard")
    expect(page.locator("#prompts_list [data-id]")).to_have_count(13)
    page.check("#prompts_keep input")
    take("good.csv", "prompt,dimension\n为什么?,knowledge\n")
    says(page, "Not saved yet: 1 added")
    page.wait_for_timeout(HAND)
    with page.expect_download() as taken:
        page.click("#prompts_download")
    assert taken.value.suggested_filename == "prompts.jsonl"
    lines = taken.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 14 and json.loads(lines[-1])["prompt"] == "为什么?"
    page.click("#prompts_save")
    says(page, "Saved: 1 added")
    page.click("#prompts_restore")
    says(page, "1 removed")
    page.click("#prompts_save")
    says(page, "Saved: 1 removed")
    expect(page.locator("#prompts_source")).to_contain_text("comes with the project")


def test_two_hosts_at_once_lose_nothing(new_page: Callable[..., Tab], app: ServedApp) -> None:
    first, second = (open_prompts(new_page, app) for _ in range(2))
    for page, words in ((first, "First?"), (second, "Second?")):
        page.fill(TEXT, words)
    first.click("#prompts_save")
    says(first, "Saved: 1 added")
    second.click("#prompts_save")
    says(second, "Somebody else has saved")
    for words in ("First?", "Second?"):
        expect(second.locator("#prompts_list")).to_contain_text(words)
    second.wait_for_timeout(HAND)
    second.click("#prompts_save")
    says(second, "Saved: 1 added")
    assert [prompt.text for prompt in app.services.prompts][13:] == ["First?", "Second?"]


def test_the_keyboard_is_enough_on_a_phone_and_leaving_is_asked_about(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    page = open_prompts(new_page, app, viewport=(390, 844), locale="zh-CN")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row = page.locator("#prompts_list [data-id='q6-tongji']")
    row.focus()
    row.press("Enter")
    expect(page.locator(TEXT)).to_have_value("简要介绍同济大学")
    expect(page.locator(TEXT)).to_be_focused()
    page.wait_for_timeout(HAND)
    page.keyboard.press("End")
    page.keyboard.type("的历史")
    page.focus("#prompts_down")
    page.keyboard.press("Enter")
    says(page, "尚未保存：修改 1 道、顺序有变")
    expect(page.locator("#prompts_down")).to_be_focused()
    page.focus("#prompts_save")
    page.keyboard.press("Enter")
    says(page, "已保存")
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.reload()
    expect(page.locator("#prompts_list")).to_contain_text("简要介绍同济大学的历史")
    page.wait_for_timeout(HAND)
    assert not asked
    page.focus(TEXT)
    page.keyboard.type("新题")
    page.reload()
    assert asked == ["beforeunload"]
