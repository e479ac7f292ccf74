"""Tabs for people: visitors and students see three, the host after signing in all; and a room on the projector."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from arena.judging.ballots import Judgement
from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import begin_rating, go, open_accordion, sign_in, vote, wait_ready
from tests.browser.test_class import open_room
from tests.browser.test_rate import MODELS, recorded

TOKEN = "correct horse battery"
WORDS = {"answers": [{"steps": [{"text": "Some words."}]}]}
VISITORS = ["Arena", "Results", "About"]
HOSTS = ["Arena", "Results", "Class", "Prompts", "Batch", "Models", "Raters", "Report", "About"]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """A page for everybody, whose host has a token."""
    return serve(WORDS, WORDS, answers=recorded(2), admin_token=TOKEN)


@pytest.fixture(scope="module")
def local_app(serve: Callable[..., ServedApp]) -> ServedApp:
    """A page for this machine, without a token."""
    return serve(WORDS, WORDS, answers=recorded(2), local=True)


def expect_tabs(page: Page, names: list[str]) -> None:
    expect(page.get_by_role("tab")).to_have_text(names)


def test_a_visitor_sees_three_tabs_and_the_host_all(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app)
    expect_tabs(page, VISITORS)
    go(page, "about")
    page.fill("#host_token input", "guess")
    page.click("#host_enter")
    expect(page.locator("body")).to_contain_text("Wrong token")
    expect_tabs(page, VISITORS)
    sign_in(page, TOKEN)
    expect_tabs(page, HOSTS)
    assert TOKEN not in page.content() and TOKEN not in page.url
    assert TOKEN not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    for tab, part in (("class", "#class_open"), ("batch", "#batch_grid td"), ("report", "#report_look")):
        go(page, tab)
        expect(page.locator(part).first).to_be_visible()


def test_the_host_lets_raters_beyond_five_from_one_address_count(open_page: OpenPage, app: ServedApp) -> None:
    room, results = app.services.rooms.main, app.services.results
    before = results.figures().votes
    for number in range(7):
        battle = room.assign(f"judge-{number}", address="203.0.114.7").battle
        room.cast(battle.id, f"judge-{number}", Judgement("tie"), address="203.0.114.7")
    assert results.figures().votes == before + 5
    page = open_page(app)
    sign_in(page, TOKEN)
    go(page, "raters")
    excluded = page.locator("#raters_counted label")
    expect(excluded).to_contain_text("Beyond five from one address: raters 2, votes 2")
    excluded.locator("input").check()
    page.click("#raters_save")
    go(page, "results")
    open_accordion(page, "results_details")
    expect(page.locator("#results_verdict")).to_contain_text("although one of these applies: 2")
    assert results.figures().votes == before + 7


def test_a_reload_stays_signed_in_another_tab_signs_in_by_itself_and_signing_out_ends_it(
    open_page: OpenPage, app: ServedApp
) -> None:
    page = open_page(app)
    sign_in(page, TOKEN)
    go(page, "class")
    page.reload()
    expect_tabs(page, HOSTS)
    expect(page.locator("#class_open")).to_be_visible()
    go(page, "results")
    page.reload()
    expect(page.locator("#results_details")).to_be_visible()
    other = page.context.new_page()
    other.goto(app.url)
    wait_ready(other)
    expect_tabs(other, VISITORS)
    other.close()
    go(page, "about")
    expect(page.locator("#host_note")).to_contain_text("You are signed in")
    page.click("#host_leave")
    expect_tabs(page, VISITORS)
    expect(page.locator("#host_token")).to_be_visible()
    page.reload()
    wait_ready(page)
    expect(page.locator("#host_token")).to_be_visible()
    expect_tabs(page, VISITORS)


def test_the_address_of_a_hidden_tab_leads_to_the_sign_in_and_on_to_the_tab(new_page: NewPage, app: ServedApp) -> None:
    page = new_page(f"{app.url}#class").page
    expect(page.locator("#host_token input")).to_be_focused()
    expect_tabs(page, VISITORS)
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#class_open")).to_be_visible()
    expect(page).to_have_url(re.compile("#class$"))


def test_back_goes_through_the_hosts_tabs(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app)
    page.evaluate("location.hash = '#report'")
    expect(page.locator("#host_token input")).to_be_focused()
    go(page, "results")
    page.go_back()
    expect(page.locator("#host_token input")).to_be_visible()
    sign_in(page, TOKEN)
    go(page, "batch")
    go(page, "report")
    page.go_back()
    expect(page.locator("#batch_start")).to_be_visible()
    page.go_back()
    expect(page.locator("#host_leave")).to_be_visible()
    page.go_forward()
    expect(page.locator("#batch_start")).to_be_visible()


def test_by_the_keyboard_alone(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app)
    page.focus("#tab_about-button")
    page.keyboard.press("Enter")
    page.focus("#host_token input")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Tab")
    expect(page.locator("#host_enter")).to_be_focused()
    page.keyboard.press("Enter")
    expect_tabs(page, HOSTS)
    page.focus("#tab_class-button")
    page.keyboard.press("Enter")
    expect(page.locator("#class_open")).to_be_visible()


def test_on_a_narrow_phone_a_visitor_sees_all_tabs(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, viewport=(360, 740), has_touch=True, is_mobile=True)
    expect_tabs(page, VISITORS)
    expect(page.locator(".overflow-menu > button")).to_be_hidden()


def test_on_a_phone_the_hosts_tabs_are_in_the_menu(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, viewport=(390, 844), has_touch=True, is_mobile=True)
    sign_in(page, TOKEN)
    for name in ("report", "class", "batch"):
        go(page, name)
        expect(page).to_have_url(re.compile(f"#{name}$"))
        expect(page.locator(f"#tab_{name}")).to_be_visible()


# ---- without a token


def test_without_a_token_whoever_sits_at_the_machine_is_the_host(new_page: NewPage, local_app: ServedApp) -> None:
    page = new_page(f"{local_app.url}#class").page
    expect_tabs(page, HOSTS)
    expect(page.locator("#class_open")).to_be_visible()
    go(page, "about")
    expect(page.locator("#host_note")).to_contain_text("You are at this machine")
    expect(page.locator("#host_token, #host_leave")).to_have_count(0)


# The server of the tests trusts what 127.0.0.1 forwards, as uvicorn does by itself; and an untrusted proxy sends the
# same headers.
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_through_a_proxy_nobody_is_the_host_without_a_token(
    new_page: NewPage, local_app: ServedApp, header: str
) -> None:
    room = local_app.services.rooms.open(["q0"], 3)
    value = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}[header]
    page = new_page(f"{local_app.url}?room={room.code}#class", extra_http_headers={header: value}).page
    expect(page.locator("#host_note")).to_contain_text("Set ARENA_ADMIN_TOKEN")
    expect_tabs(page, VISITORS)


def test_a_student_sees_neither_class_nor_report_and_the_host_does(new_page: NewPage, app: ServedApp) -> None:
    room = app.services.rooms.open(["q0"], 3)
    student = new_page(f"{app.url}?room={room.code}").page
    expect(student.locator("#room")).to_contain_text(room.code)
    expect_tabs(student, VISITORS)
    student.goto(f"{app.url}?room={room.code}#report")
    expect(student.locator("#host_token")).to_be_visible()
    expect_tabs(student, VISITORS)
    host = new_page(f"{app.url}?room={room.code}").page
    wait_ready(host)
    sign_in(host, TOKEN)
    expect_tabs(host, HOSTS)


# ---- the projector


@pytest.mark.parametrize(
    ("width", "height", "scheme", "locale"), [(1366, 768, "light", "en-US"), (1920, 1080, "dark", "zh-CN")]
)
def test_a_room_fills_the_projector(
    new_page: NewPage, local_app: ServedApp, width: int, height: int, scheme: str, locale: str
) -> None:
    page = new_page(f"{local_app.url}#class", viewport=(width, height), color_scheme=scheme, locale=locale).page
    expect(page.locator("#class_open")).to_be_visible()
    open_room(page)
    link = str(page.locator("#class_link a").get_attribute("href"))
    page.click("[data-project=on]")
    leave = page.locator("[data-project=off]")
    expect(leave).to_be_focused()
    expect(page.locator("#class_open")).to_be_hidden()
    image = page.locator(".qr svg").bounding_box()
    assert image and image["height"] == image["width"] == pytest.approx(0.7 * height, abs=2)
    # A letter is at least a tenth of the height; nothing is cut off, and nothing overlaps.
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.room-code')).fontSize)") > height / 7
    parts = [".qr", ".room-code", "#class_link a", "#class_counts .tiles", "[data-project=off]"]
    boxes = [page.locator(part).bounding_box() or pytest.fail(part) for part in parts]
    for one in boxes:
        assert one["x"] >= 0 and one["y"] >= 0
        assert one["x"] + one["width"] <= width and one["y"] + one["height"] <= height
    for one, other in ((one, other) for one in boxes for other in boxes if one is not other):
        assert (
            one["x"] + one["width"] <= other["x"] + 1
            or other["x"] + other["width"] <= one["x"] + 1
            or one["y"] + one["height"] <= other["y"] + 1
            or other["y"] + other["height"] <= one["y"] + 1
        )
    assert page.evaluate("document.querySelector('.room-code').scrollWidth") <= boxes[1]["width"] + 1
    # The counts come by themselves, and no result with them.
    rater = new_page(link).page
    begin_rating(rater)
    joined, votes = ("人已加入", "票") if locale == "zh-CN" else ("joined", "vote")
    expect(page.locator("#class_counts")).to_contain_text(f"1 {joined}")
    vote(rater)
    expect(page.locator("#class_counts")).to_contain_text(f"1 {votes}")
    assert not any(model in page.content() for model in MODELS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#class_stage')")
    page.keyboard.press("Escape")
    expect(page.locator("#class_open")).to_be_visible()
    expect(page.locator("[data-project=on]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(leave).to_be_visible()
    leave.click()
    expect(page.locator("#class_open")).to_be_visible()
    page.click("#class_close")
    expect(page.locator("#class_results tbody tr")).to_have_count(1)
    expect(page.locator("[data-project]")).to_have_count(0)


def test_the_projector_view_may_be_entered_again_at_once_and_is_left_in_every_way(
    new_page: NewPage, local_app: ServedApp
) -> None:
    page = new_page(f"{local_app.url}#class").page
    expect(page.locator("#class_open")).to_be_visible()
    code = open_room(page)
    page.click("[data-project=on]")
    page.wait_for_function("document.fullscreenElement")
    for key in ("Escape", "Enter"):  # the focus goes from one button to the other
        page.keyboard.press(key)
    expect(page.locator("[data-project=off]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#class_open")).to_be_visible()
    page.wait_for_function("!document.fullscreenElement")
    page.click("[data-project=on]")
    page.wait_for_function("document.fullscreenElement")
    # The browser's own way.
    page.evaluate("document.exitFullscreen()")
    expect(page.locator("[data-project=off]")).to_be_hidden()
    expect(page.locator("#class_open")).to_be_visible()
    # A room that is closed elsewhere.
    page.click("[data-project=on]")
    expect(page.locator("#class_open")).to_be_hidden()
    local_app.services.rooms.close(code)
    expect(page.locator("#class_open")).to_be_visible()
    expect(page.locator("#class_results")).to_contain_text("closed")
