"""One screen: the input, both answers and the vote are inside the window, and nothing has scrolled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage
from tests.browser.hands import (
    BOX,
    PILLS,
    ask_for_vote,
    begin_rating,
    choose_mode,
    show_side,
    wait_for_phase,
)
from tests.browser.test_rate import recorded

WIDE = [(1366, 768), (1280, 800), (1920, 1080), (768, 1024)]
PHONE = (390, 844)
LONG_NAME = "A model with a rather long name 7B Instruct"
LONG = "\n\n".join(f"Paragraph {number} of a long answer, which has some words more." for number in range(40))

# Inside the window, and nothing lies over it.
IS_SEEN = """element => {
    const box = element.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.width > 0 && box.x >= 0 && box.y >= 0 && box.right <= innerWidth && box.bottom <= innerHeight
        && !!at && (element.contains(at) || at.contains(element)); }"""
FIRST_LINE_IS_SEEN = """side => {
    const row = [...document.querySelectorAll(`#pane_${side} .bot-row`)].pop();
    const log = document.querySelector(`#pane_${side} [role=log]`).getBoundingClientRect();
    const texts = document.createTreeWalker(row, NodeFilter.SHOW_TEXT, node =>
        node.data.trim() && node.parentElement.offsetParent ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
    const node = texts.nextNode();
    if (!node) return false;
    const range = document.createRange();
    range.setStart(node, node.data.search(/\\S/));
    range.setEnd(node, range.startOffset + 1);
    const box = range.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.height > 0 && box.top >= Math.max(log.top, 0) && box.bottom <= Math.min(log.bottom, innerHeight)
        && box.left >= Math.max(log.left, 0) && box.right <= Math.min(log.right, innerWidth) && row.contains(at); }"""
SCROLLED = """() => [scrollX, scrollY, document.documentElement.scrollTop, document.body.scrollTop,
    document.querySelector('#tab_arena').scrollTop, document.documentElement.scrollHeight - innerHeight,
    document.documentElement.scrollWidth - innerWidth].map(Math.round)"""


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two models that say much, or little if asked so."""
    brief = {"match": "Brief", "steps": [{"text": "Short."}]}
    texts = (LONG, LONG.replace("Paragraph", "Chapter +"))  # of one length: a longer one is shown slowly
    a, b = ({"answers": [brief, {"steps": [{"text": text}]}]} for text in texts)
    return serve({**a, "name": LONG_NAME}, b, answers=recorded(3))


def assert_seen(page: Page, *selectors: str) -> None:
    assert [one for one in selectors if not page.eval_on_selector(one, IS_SEEN)] == []


def assert_nothing_scrolled(page: Page) -> None:
    moved = page.evaluate(SCROLLED)
    assert max(moved) <= 0, moved


def wait_for_first_line(page: Page, side: str) -> None:
    page.wait_for_function(FIRST_LINE_IS_SEEN, arg=side)


def in_windows(page: Page, sizes: list[tuple[int, int]]) -> Iterator[None]:
    """The page in a window of each size in turn, and then in the first again."""
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        yield
    page.set_viewport_size({"width": sizes[0][0], "height": sizes[0][1]})


@pytest.mark.parametrize(
    ("sizes", "locale"),
    [(WIDE, "en-US"), ([PHONE], "en-US"), ([WIDE[1]], "zh-CN"), ([PHONE], "zh-CN")],
    ids=["wide-en", "phone-en", "wide-zh", "phone-zh"],
)
def test_the_input_is_on_the_screen_from_the_start(
    open_page: OpenPage, app: ServedApp, sizes: list[tuple[int, int]], locale: str
) -> None:
    page = open_page(app, mode="blind", viewport=sizes[0], locale=locale)
    for _ in in_windows(page, sizes):
        assert_seen(page, BOX, "#send", "#mode", "#hello h1")
        assert_nothing_scrolled(page)


# The answers come in the lowest and in the narrowest window; the others are made of the lowest.
@pytest.mark.parametrize(
    ("sizes", "mode"),
    [(WIDE[:3], "blind"), (WIDE[3:], "blind"), (WIDE[:1], "named")],
    ids=["notebook-blind", "tablet-blind", "notebook-named"],
)
def test_both_answers_the_vote_and_the_input_are_on_one_screen(
    open_page: OpenPage, app: ServedApp, sizes: list[tuple[int, int]], mode: str
) -> None:
    page = open_page(app, mode=mode, viewport=sizes[0], motion=True)
    for question in ("Why?", "Brief, please. " * 40, "And then? " * 60):
        ask_for_vote(page, question)
        for _ in in_windows(page, sizes):
            for side in "ab":
                wait_for_first_line(page, side)
            assert_seen(page, BOX, *PILLS.values(), "#head_a h2", "#head_b h2", "#phase > p")
            assert_nothing_scrolled(page)
    page.click(PILLS["tie"])
    wait_for_phase(page, "voted")
    for _ in in_windows(page, sizes):
        assert_seen(page, BOX, "#new", "#phase .receipt", "#head_a h2", "#head_b h2")
        assert_nothing_scrolled(page)


@pytest.mark.parametrize("mode", ["blind", "named"])
def test_a_phone_shows_one_answer_at_a_time_with_the_vote_and_the_input(
    open_page: OpenPage, app: ServedApp, mode: str
) -> None:
    page = open_page(app, mode=mode, viewport=PHONE, has_touch=True, is_mobile=True)
    ask_for_vote(page)
    assert page.eval_on_selector_all("#switch span", "names => names.every(name => name.offsetHeight < 30)")
    wait_for_first_line(page, "a")
    assert not page.evaluate(FIRST_LINE_IS_SEEN, "b")
    openers = {"blind": ["save"], "named": ["settings", "save"]}[mode]
    assert_seen(page, BOX, ".unread[data-show=b]", "#switch", "#send", *(f"[data-open={name}]" for name in openers))
    show_side(page, "b")
    wait_for_first_line(page, "b")
    expect(page.locator(PILLS["tie"])).to_be_visible()
    assert_seen(page, BOX, "#switch", *PILLS.values())
    assert_nothing_scrolled(page)
    show_side(page, "a")
    wait_for_first_line(page, "a")
    assert_nothing_scrolled(page)


@pytest.mark.parametrize("size", [WIDE[0], WIDE[3]], ids=str)
def test_recorded_answers_and_their_vote_are_on_one_screen(
    open_page: OpenPage, app: ServedApp, size: tuple[int, int]
) -> None:
    page = open_page(app, viewport=size)
    begin_rating(page)
    for side in "ab":
        wait_for_first_line(page, side)
    assert_seen(page, *PILLS.values(), "#skip", "#phase .place")
    assert_nothing_scrolled(page)


def test_a_window_that_becomes_a_phone_and_back_keeps_the_answers_in_sight(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named", viewport=(1280, 800))
    ask_for_vote(page)
    for width, height in ((390, 844), (1280, 800), (1280, 500)):
        page.set_viewport_size({"width": width, "height": height})
        for side in "a" if width == 390 else "ab":
            wait_for_first_line(page, side)
        assert_nothing_scrolled(page)


def test_answers_are_still_in_sight_after_another_mode_was_looked_at(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="named")
    ask_for_vote(page, "First?")
    ask_for_vote(page)
    choose_mode(page, "blind")
    wait_for_phase(page, "empty")
    choose_mode(page, "named")
    for side in "ab":
        wait_for_first_line(page, side)
    assert_nothing_scrolled(page)
