"""A class: its teacher opens a room, raters judge in it, and the results come when it is closed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import Tab
from tests.browser.hands import begin_rating, go, show_side, sign_in, vote, wait_ready
from tests.browser.test_rate import MODELS, recorded

TOKEN = "correct horse battery"


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two recorded pairs and no model."""
    return serve("", "", answers=recorded(2), admin_token=TOKEN)


def teacher(new_page: Callable[..., Tab], app: ServedApp, **options: object) -> Page:
    page = new_page(app.url, **options).page
    wait_ready(page)
    sign_in(page, TOKEN)
    go(page, "class")
    return page


def open_room(page: Page) -> str:
    code = page.locator("#class_link .room-code")
    before = code.inner_text() if code.count() else ""
    page.click("#class_open")
    expect(code).to_have_text(re.compile("[A-Z0-9]{6}"))
    expect(code).not_to_have_text(before or "none")
    return code.inner_text()


def test_a_class_judges_in_a_room_and_sees_results_when_it_is_closed(
    new_page: Callable[..., Tab], app: ServedApp
) -> None:
    page = teacher(new_page, app)
    code = open_room(page)
    link = page.locator("#class_link a").get_attribute("href")
    assert link == f"{app.url}?room={code}"
    assert page.locator("#class_link .qr svg path").count() > 0
    rater = new_page(link, viewport=(390, 844)).page
    expect(rater.locator("#room")).to_contain_text(code)
    begin_rating(rater)
    expect(rater.locator("#phase .place")).to_contain_text(f"Room {code}")
    assert f"room={code}" in rater.url and "battle=" in rater.url
    show_side(rater, "b")
    vote(rater)
    row = app.rows()[-1]
    assert row["room"] == code
    # Its counts come by themselves, and tell nothing but counts.
    expect(page.locator("#class_counts")).to_contain_text("1 vote")
    assert not re.search("|".join(MODELS), page.content())
    waiting = new_page(link).page
    waiting.click("#room_results")
    expect(waiting.locator("body")).to_contain_text("appear when it closes")
    assert not waiting.locator("#room table").count()
    page.click("#class_close")
    expect(page.locator("#class_results")).to_contain_text("closed")
    waiting.click("#room_results")
    rater.click("#new")
    for seen in (page.locator("#class_results"), rater.locator("#room"), waiting.locator("#room")):
        expect(seen).to_contain_text("closed")
        expect(seen.locator("tbody tr")).to_have_count(1)
        *models, votes = seen.locator("tbody td").all_text_contents()[:3]
        assert (sorted(models), votes) == (sorted(MODELS), "1")
    late = new_page(link).page
    expect(late.locator("#room")).to_contain_text("is closed")
    expect(late.locator("#judge_begin")).to_be_hidden()


def test_a_rater_without_a_camera_types_the_code(new_page: Callable[..., Tab], app: ServedApp) -> None:
    code = open_room(teacher(new_page, app))
    rater = new_page(app.url).page
    wait_ready(rater)
    rater.click("#joining button")
    for typed, told in (("WRONG1", "There is no room"), (f" {code.lower()} ", code)):
        rater.fill("#room_code input, #room_code textarea", typed)
        rater.click("#join_room")
        expect(rater.locator("body")).to_contain_text(told)
        expect(rater.locator(".toast-title:visible")).to_have_count(0)  # gradio's own word, in English alone
    expect(rater.locator("#phase .place")).to_contain_text(f"Room {code}")
    vote(rater)
    assert app.rows()[-1]["room"] == code


def test_an_unknown_room_in_the_address_is_told(new_page: Callable[..., Tab], app: ServedApp) -> None:
    page = new_page(f"{app.url}?room=NOSUCH", locale="zh-CN").page
    expect(page.locator("body")).to_contain_text("没有课堂 NOSUCH")


def test_the_token_in_a_header_opens_results_and_exports_to_scripts(app: ServedApp, tmp_path_factory) -> None:
    place = str(tmp_path_factory.mktemp("downloads"))
    with pytest.raises(AppError, match="unlock when you have rated every pair"):
        Client(app.url, verbose=False).predict(api_name="/results")
    right = Client(app.url, verbose=False, headers={"X-Arena-Admin-Token": TOKEN}, download_files=place)
    assert right.predict(api_name="/results")["votes"] >= 1 and right.predict(api_name="/export")
    wrong = Client(app.url, verbose=False, headers={"X-Arena-Admin-Token": "guess"})
    with pytest.raises(AppError, match="Wrong token"):
        wrong.predict(api_name="/results")


def test_a_script_judges_in_a_room(app: ServedApp) -> None:
    room = app.services.rooms.open(["q1"], 3)
    client = Client(app.url, verbose=False)
    state = client.predict(room.code, api_name="/battle")
    assert (state["prompt"].split("\n")[0], state["total"]) == ("Question 1", 1)
    client.predict(state["battle_id"], "tie", {}, "", api_name="/vote")
    assert (app.rows()[-1]["room"], app.services.rooms.room(room.code).progress.votes) == (room.code, 1)
    app.services.rooms.close(room.code)
    with pytest.raises(AppError, match="closed"):
        client.predict(room.code, api_name="/battle")
    with pytest.raises(AppError, match="There is no room"):
        client.predict("NOSUCH", api_name="/battle")


def test_a_page_without_models_has_neither_input_nor_modes(new_page: Callable[..., Tab], app: ServedApp) -> None:
    tab = new_page(app.url)
    wait_ready(tab.page)
    expect(tab.page.locator("#judge_begin")).to_be_visible()
    expect(tab.page.locator("#composer")).to_be_hidden()
    names = [one.inner_text() for one in tab.page.get_by_role("tab").all()]
    assert names == ["Arena", "Results", "About"]
    with pytest.raises(AppError, match="No models"):
        Client(app.url, verbose=False).predict("hello", api_name="/chat")
    assert not tab.page_errors
