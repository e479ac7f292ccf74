"""Who reads decides where a pane stands: it follows a growing answer, and lets go of a reader who scrolls up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage
from tests.browser.hands import ask, questions, wait_for_phase, wait_for_state, wait_until_votable
from tests.browser.test_screen import FIRST_LINE_IS_SEEN, LONG

LINES = "A line of an answer.\n\n" * 4
ROOM = "element => element.scrollHeight - element.clientHeight"
TOP = "element => element.scrollTop"
LOG = "#pane_{} [role=log]"
# Pixels between the upper edge of a pane and its last question.
QUESTION = """side => {
    const question = [...document.querySelectorAll(`#pane_${side} .user-row`)].pop();
    const log = document.querySelector(`#pane_${side} [role=log]`);
    return Math.round(question.getBoundingClientRect().top - log.getBoundingClientRect().top); }"""
# Pixels of text below the lower edge of a pane.
BELOW = """side => {
    const text = [...document.querySelectorAll(`#pane_${side} .bot-row .message-content`)].pop();
    const log = document.querySelector(`#pane_${side} [role=log]`);
    return Math.round(text.getBoundingClientRect().bottom - log.getBoundingClientRect().bottom); }"""


class Growth:
    """An answer that grows by a few screens, and then by some more each time that a test says so."""

    def __init__(self, folder: Path) -> None:
        self._files = [folder / name for name in "123"]
        more = {"text": LINES, "delay": 0.1, "times": 11}
        self.steps = [more, *(step for file in self._files for step in ({"until": str(file), "text": LINES}, more))]

    def begin(self) -> None:
        for file in self._files:
            file.unlink(missing_ok=True)

    def grow(self) -> None:
        next(file for file in self._files if not file.exists()).touch()

    def end(self) -> None:
        """Let the answer grow to its end."""
        for file in self._files:
            file.touch()


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Growth:
    return Growth(tmp_path_factory.mktemp("growth"))


@pytest.fixture
def growth(growing: Growth) -> Growth:
    """An answer that has not grown yet."""
    growing.begin()
    return growing


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp], growing: Growth) -> ServedApp:
    """Answers that grow, that wait, or that are there at once."""
    answers = [
        {"match": "grow", "steps": growing.steps},
        {"match": "wait", "steps": [{"text": "Hm", "delay": 0.5}, {"text": ".", "delay": 0.5, "times": 500}]},
        {"steps": [{"text": LONG}]},
    ]
    return serve({"answers": answers}, {"answers": answers})


@pytest.fixture(params=["blind", "named"])
def page(open_page: OpenPage, app: ServedApp, request: pytest.FixtureRequest) -> Page:
    return open_page(app, mode=request.param, motion=True)


def room(page: Page, side: str) -> int:
    return int(page.eval_on_selector(LOG.format(side), ROOM))


def top(page: Page, side: str) -> int:
    return int(page.eval_on_selector(LOG.format(side), TOP))


def wait_for_room(page: Page, side: str, pixels: int) -> None:
    """Wait until an answer is longer than its pane by more than `pixels`."""
    page.wait_for_function(
        "([css, pixels]) => (e => e.scrollHeight - e.clientHeight > pixels)(document.querySelector(css))",
        arg=[LOG.format(side), pixels],
    )


def wheel(page: Page, side: str, pixels: int) -> None:
    """Turn the wheel over a pane, and wait until the page has heard of it and the pane has moved."""
    page.locator(f"#pane_{side}").hover()
    page.evaluate(
        "log => document.querySelector(log).addEventListener('wheel', () => window.wheeled = true, {once: true})",
        LOG.format(side),
    )
    page.mouse.wheel(0, pixels)
    page.wait_for_function("window.wheeled")
    page.evaluate("window.wheeled = false")
    page.wait_for_timeout(300)


def stop(page: Page) -> None:
    page.click("#stop_all")
    wait_for_phase(page, "cut")


def test_a_pane_follows_a_growing_answer_and_shows_its_first_line_when_it_ends(page: Page, growth: Growth) -> None:
    ask(page, "grow")
    for pixels in (300, 1500):
        for side in "ab":
            wait_for_room(page, side, pixels)
            # What came in this moment may not be drawn yet.
            page.wait_for_function(f"side => ({BELOW})(side) <= 0", arg=side)
        growth.grow()
    assert not page.evaluate(FIRST_LINE_IS_SEEN, "a")
    growth.end()
    wait_for_phase(page, "vote")
    for side in "ab":
        page.wait_for_function(FIRST_LINE_IS_SEEN, arg=side)


def test_a_reader_who_wheels_up_is_not_pulled_back_and_may_follow_again(page: Page, growth: Growth) -> None:
    ask(page, "grow")
    wait_for_room(page, "a", 500)
    wheel(page, "a", -250)
    stands, length = top(page, "a"), room(page, "a")
    growth.grow()
    wait_for_room(page, "a", length + 400)
    assert top(page, "a") == stands
    assert page.evaluate(BELOW, "a") > 300
    # The other pane has not been touched, and goes on.
    page.wait_for_function(f"side => ({BELOW})(side) <= 0", arg="b")
    while page.evaluate(BELOW, "a") > 0:  # the answer may outgrow a single turn of the wheel
        wheel(page, "a", 100_000)
    length = room(page, "a")
    growth.grow()
    wait_for_room(page, "a", length + 200)
    page.wait_for_function(f"side => ({BELOW})(side) <= 0", arg="a")
    stop(page)


# A key differs from the wheel in the same way in every mode.
@pytest.mark.parametrize("page", ["blind"], indirect=True)
def test_a_reader_who_pages_up_by_keyboard_is_not_pulled_back(page: Page, growth: Growth) -> None:
    ask(page, "grow")
    wait_for_room(page, "b", 500)
    page.focus(LOG.format("b"))
    page.keyboard.press("PageUp")
    page.wait_for_timeout(500)
    stands, length = top(page, "b"), room(page, "b")
    growth.grow()
    wait_for_room(page, "b", length + 300)
    assert top(page, "b") == stands
    stop(page)


def test_sending_takes_both_panes_to_the_new_question(page: Page) -> None:
    ask(page, "First?")
    wait_until_votable(page)
    wheel(page, "a", 300)
    ask(page, "wait")
    wait_for_phase(page, "run")
    for side in "ab":
        expect(questions(page, side)).to_have_text(["First?", "wait"])
        page.wait_for_function(f"side => Math.abs(({QUESTION})(side) - 12) <= 4", arg=side)
    stop(page)


def test_when_the_answer_ends_a_reader_who_scrolled_up_stays_where_they_are(page: Page, growth: Growth) -> None:
    ask(page, "grow")
    wait_for_room(page, "a", 500)
    wheel(page, "a", -150)
    stands = top(page, "a")
    assert stands > 0 and page.get_attribute("#phase", "data-phase") == "run"
    growth.end()
    wait_for_phase(page, "vote")
    wait_for_state(page, "a", "done")
    page.wait_for_timeout(1500)
    assert top(page, "a") == stands
    page.wait_for_function(FIRST_LINE_IS_SEEN, arg="b")
