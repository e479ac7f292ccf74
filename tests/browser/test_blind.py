"""A blind battle in a real browser: two models without names until the vote."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage
from tests.browser.hands import (
    BOX,
    PILLS,
    ask,
    ask_for_vote,
    questions,
    says,
    vote,
    wait_for_phase,
    wait_until_votable,
)

# Names, and how the page colours a model or tells its speed.
TELLING = re.compile(r"""script-|data-color="[ab]|\d tokens|\d s\b""")


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two quick scripts, of which one is slow where it is asked which one."""
    hang = {"match": "hang", "steps": [{"text": "Hm"}, {"hang": True}]}
    quick = {"match": "", "steps": [{"text": "quick words ", "times": 20}]}
    slow = {"match": "Which", "steps": [{"text": "slow ", "delay": 0.2, "times": 20}]}
    brief = {"match": "", "steps": [{"text": "few words ", "times": 10}]}
    endless = {"match": "endless", "steps": [{"text": "on and ", "delay": 0.2, "times": 5000}]}
    return serve({"answers": [hang, endless, quick]}, {"answers": [endless, slow, brief]})


@pytest.fixture
def page(open_page: OpenPage, app: ServedApp) -> Page:
    return open_page(app)


def texts(page: Page) -> list[str]:
    """What the panes show of the answers, read at one moment."""
    return page.evaluate("""['a', 'b'].map(side =>
        document.querySelector(`#pane_${side} .bot-row .prose`)?.innerText)""")


def sides_at_work() -> int:
    """The app runs in this process: threads that answer."""
    return sum(thread.name.startswith("side-") for thread in threading.enumerate())


def test_the_page_opens_in_blind_mode_and_says_what_is_stored(page: Page) -> None:
    expect(page.locator("#mode input[value=blind]")).to_be_checked()
    expect(page.locator("#hello .stored")).to_contain_text("We store")
    expect(page.locator("#hello")).to_contain_text("Two anonymous models answer")


def test_both_sides_grow_in_step_and_are_named_after_the_vote(page: Page, app: ServedApp) -> None:
    page.evaluate("""() => { window.grown = [];
        const look = () => { window.grown.push(['a', 'b'].map(side =>
            (document.querySelector(`#pane_${side} .bot-row .prose`)?.innerText ?? '').trim().length));
            requestAnimationFrame(look); };
        look(); }""")
    ask(page, "Which <b>one</b>?")
    for side in "ab":
        expect(questions(page, side)).to_have_text("Which <b>one</b>?")
    expect(page.locator(BOX)).to_have_value("")
    wait_until_votable(page)
    grown = {(a, b) for a, b in page.evaluate("window.grown")}
    # A space at the end is not drawn.
    assert all(abs(a - b) <= 1 or max(a, b) >= 99 for a, b in grown)
    assert len([a for a, _ in grown if 0 < a < 99]) >= 2
    assert min(len(text.strip()) for text in texts(page)) >= 99
    vote(page, "tie")
    expect(says(page)).to_contain_text("Vote saved")
    row = app.rows()[-1]
    for side in "ab":
        expect(page.locator(f"#head_{side} h2")).to_have_text(row[f"model_{side}"])
    assert (row["prompt"], row["anony"], row["source"]) == ("Which <b>one</b>?", "True", "live")
    assert row["winner"] == "tie"


def test_nothing_on_the_page_names_a_model_before_the_vote(page: Page) -> None:
    arena = page.locator("#tab_arena")
    page.evaluate("""() => { window.seen = new Set();
        const arena = document.querySelector('#tab_arena');
        const look = () => window.seen.add(arena.innerHTML);
        new MutationObserver(look).observe(arena,
            {subtree: true, childList: true, characterData: true, attributes: true}); }""")
    ask_for_vote(page)
    seen = page.evaluate("[...window.seen]")
    assert len(seen) > 5 and not [found for html in seen for found in TELLING.findall(html)]
    assert not TELLING.search(arena.inner_html())
    vote(page)
    after = arena.inner_html()
    assert all(word in after for word in ("script-a", "script-b", 'data-color="a"', 'data-color="b"', "tokens"))


def test_neither_colour_of_a_model_is_drawn_before_the_vote_and_the_choice_is_marked_after_it(page: Page) -> None:
    colours = """() => {
        const root = getComputedStyle(document.documentElement);
        const probe = document.body.appendChild(document.createElement('i'));
        const models = ['--a', '--b', '--a-fill', '--b-fill'].map(name => {
            probe.style.color = root.getPropertyValue(name);
            return getComputedStyle(probe).color; });
        probe.remove();
        return [...document.querySelectorAll('#tab_arena *')].filter(e => e.offsetParent).flatMap(e => {
            const style = getComputedStyle(e);
            return [style.color, style.backgroundColor, style.borderTopColor].filter(c => models.includes(c)); }); }"""
    ask_for_vote(page)
    assert page.evaluate(colours) == []
    vote(page, "model_b")
    assert page.evaluate(colours) != []
    expect(page.locator("#head_b .badge")).to_have_text("Your choice")
    expect(page.locator("#head_a .badge")).to_have_count(0)
    name = page.locator("#head_b h2").inner_text()
    expect(says(page)).to_have_text(f"Vote saved. You chose {name}.")


def test_a_further_question_belongs_to_the_battle_until_the_vote(page: Page, app: ServedApp) -> None:
    ask_for_vote(page, "First?")
    ask_for_vote(page, "Second?")
    for side in "ab":
        expect(questions(page, side)).to_have_text(["First?", "Second?"])
    vote(page)
    assert app.rows()[-1]["turn"] == "2"
    ask(page, "hang")
    expect(questions(page, "a")).to_have_text(["hang"])
    page.click("#stop_all")


def test_a_stopped_battle_cannot_be_judged_and_the_next_one_can_be_asked(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, locale="zh-CN")
    ask(page, "hang")
    expect(page.locator("#head_a .meta")).to_contain_text("生成中")
    page.click("#stop_all")
    expect(says(page)).to_contain_text("本轮不投票")
    for pill in PILLS.values():
        expect(page.locator(pill)).to_be_hidden()
    ask(page, "再问")
    wait_until_votable(page)


def test_a_closed_page_stops_both_sides(page: Page, eventually: Callable[..., bool]) -> None:
    before = sides_at_work()  # a script that hangs does so for good
    ask(page, "endless")
    wait_for_phase(page, "run")
    assert eventually(lambda: sides_at_work() == before + 2)
    page.close()
    assert eventually(lambda: sides_at_work() == before)
