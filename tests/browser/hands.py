"""Actions of a user on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Route, expect

from ui.texts import text

# No hand is quicker than this, in milliseconds. What is typed into a part in the moment in which it appears, gradio
# throws away, and the page drops clicks on a vote that opened less than 400 ms ago.
HAND = 500
# How long the page may take for anything on a busy machine, in milliseconds.
PATIENCE = 120_000
BOX = "#prompt textarea"
# In the order of the keys 1 to 4.
PILLS = {
    "model_a": "#vote_model_a",
    "tie": "#vote_tie",
    "tie (bothbad)": "#vote_bad",
    "model_b": "#vote_model_b",
}


def wait_ready(page: Page) -> None:
    """Wait until the page is loaded."""
    page.wait_for_selector("#phase", state="attached")


def wait_for_phase(page: Page, phase: str) -> None:
    """Wait until the Arena is in a phase: empty, run, vote, voted, cut or over."""
    page.wait_for_selector(f"#phase[data-phase={phase}]", state="attached")


def wait_for_state(page: Page, side: str, state: str) -> None:
    """Wait until an answer is in a state: wait, run, done or stop."""
    page.wait_for_selector(f"#head_{side} .head[data-state={state}]", state="attached")


def choose_mode(page: Page, mode: str) -> None:
    """Compare in another way: blind, named or rate."""
    page.locator(f"#mode input[value={mode}]").check()
    page.wait_for_selector(f"#phase[data-mode={mode}]", state="attached")


@contextmanager
def slow_network(page: Page) -> Iterator[list[Route]]:
    """Hold back what the page asks the server in the block until its end."""
    held: list[Route] = []
    calls = re.compile("/gradio_api/(run|queue|call)/")
    page.route(calls, lambda route: held.append(route))
    yield held
    page.unroute(calls)  # sends what was held


def ask(page: Page, words: str) -> None:
    """Type a question and send it."""
    page.fill(BOX, words)
    page.press(BOX, "Enter")


def ask_for_vote(page: Page, words: str = "Why?") -> None:
    """Ask, and wait until the answers can be judged."""
    turn = page.get_attribute("#head_a .head", "data-turn")
    ask(page, words)
    page.wait_for_selector(f"#head_a .head:not([data-turn='{turn}'])", state="attached")
    wait_until_votable(page)


def wait_until_votable(page: Page) -> None:
    """Wait until a hand can vote."""
    wait_for_phase(page, "vote")
    page.wait_for_timeout(HAND)


def vote(page: Page, winner: str = "model_a") -> None:
    """Click on a pill, and wait until the vote is saved."""
    wait_until_votable(page)
    page.click(PILLS[winner])
    wait_for_phase(page, "voted")


def begin_rating(page: Page) -> None:
    """Start to rate recorded answers."""
    page.click("#judge_begin")
    wait_until_votable(page)


def says(page: Page) -> Locator:
    """The line between panes and input."""
    return page.locator("#phase > p[role=status]")


def answer(page: Page, side: str) -> str:
    """The last message of a pane, as a reader sees it."""
    return page.locator(f"#pane_{side} [data-testid=bot]").last.inner_text()


def questions(page: Page, side: str) -> Locator:
    """The user's messages in a pane."""
    return page.locator(f"#pane_{side} [data-testid=user]")


def status(page: Page, side: str, words: str) -> None:
    """Wait until the head of a pane says something."""
    expect(page.locator(f"#head_{side} .meta")).to_contain_text(words)


def show_side(page: Page, side: str) -> None:
    """Show one pane on a phone."""
    page.click(f"#switch [data-show={side}]")
    expect(page.locator(f"#switch [data-show={side}]")).to_have_attribute("aria-pressed", "true")


def go(page: Page, tab: str) -> None:
    """Open a tab, which on a phone may be behind the menu."""
    button = page.locator(f"#tab_{tab}-button")
    if not button.count():
        words = text("zh" if page.evaluate("navigator.language").startswith("zh") else "en", f"tab_{tab}")
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown").get_by_text(words, exact=True).click()
    else:
        button.click()
    page.wait_for_timeout(HAND)


def open_accordion(page: Page, accordion: str) -> None:
    """Open an accordion, unless it is open."""
    button = page.locator(f"#{accordion} > button")
    if "open" not in str(button.get_attribute("class")).split():
        button.click()


def sign_in(page: Page, token: str) -> None:
    """Sign in as the host."""
    wait_ready(page)
    go(page, "about")
    page.fill("#host_token input", token)
    page.click("#host_enter")
    expect(page.locator("#host_leave")).to_be_visible()
    page.wait_for_timeout(HAND)
