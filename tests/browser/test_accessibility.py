"""What a screen reader, a keyboard and a thumb find: no serious fault by axe-core, all by keyboard, large targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from served_app import ROOT, ServedApp

from tests.browser.conftest import Tab
from tests.browser.hands import HAND, go, show_token
from tests.browser.test_judging import recorded

SHORT, LONG = 5_000, 60_000  # milliseconds
TOKEN = "correct horse battery"
FINGER = 44  # CSS pixels


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Every tab that there can be."""
    words = {"answers": [{"steps": [{"text": "Some `code`, **bold** and a list:\n\n- one\n- two"}]}]}
    return serve(words, words, answers=recorded(3), admin_token=TOKEN)


@pytest.fixture(scope="module")
def axe() -> Path:
    (found,) = (ROOT / ".axe-core").glob("*/axe.min.js")
    return found


@pytest.fixture
def open_page(new_page: Callable[..., Tab], app: ServedApp) -> Callable[..., Page]:
    def open_tab(**options: Any) -> Page:
        page = new_page(app.url, **options).page
        expect(page.locator("#judge_begin")).to_be_enabled(timeout=LONG)
        return page

    return open_tab


def judge(page: Page) -> None:
    page.click("#judge_begin")
    expect(page.locator("#judge_submit")).to_be_enabled(timeout=SHORT)
    page.click("#judge_more button")
    expect(page.locator("#judge_comment")).to_be_visible()


def vote(page: Page, prefix: str) -> None:
    page.locator(f"#{prefix}_choice input").first.check()
    page.click(f"#{prefix}_submit")
    expect(page.locator(f"#{prefix}_note")).to_contain_text("✅", timeout=SHORT)


def live(page: Page) -> None:
    go(page, "live")
    page.fill("#live_box textarea", "Why?")
    page.click("#live_send")
    expect(page.locator("#live_submit")).to_be_enabled(timeout=LONG)


def chat(page: Page) -> None:
    go(page, "chat")
    page.fill("#prompt textarea", "Why?")
    page.click("#send")
    expect(page.locator("#submit_vote")).to_be_enabled(timeout=LONG)


def enter_class(page: Page) -> None:
    go(page, "class")
    show_token(page, "class", TOKEN)
    page.click("#class_open")
    expect(page.locator("#class_link .room-code")).to_be_visible(timeout=SHORT)


def report(page: Page) -> None:
    go(page, "report")
    page.click("#report_fields button")
    page.click("#report_look")
    expect(page.locator("#report_note")).to_contain_text("⚠️", timeout=SHORT)
    with page.expect_download(timeout=LONG):  # shown to those alone who have judged everything, or hold the token
        enter_class(page)
        go(page, "report")
        page.click("#report_html")
    page.click("#report_look")
    expect(page.locator("#report_note")).not_to_contain_text("⚠️", timeout=LONG)
    expect(page.locator("#report_results .marks").first).to_be_visible(timeout=SHORT)


def results(page: Page) -> None:
    """With the token, which the tab has shown by now."""
    go(page, "results")
    expect(page.locator("#summary .lead")).to_be_visible(timeout=SHORT)
    for fold in ("bias", "agreement", "cost"):
        page.click(f"#results_{fold} button")
    replayed = page.evaluate("new URL(location).searchParams.get('battle')")
    page.click("#replay button")
    page.fill("#replay_id textarea, #replay_id input", replayed)
    page.click("#replay_look")
    expect(page.locator("#replay_withdraw")).to_be_visible(timeout=SHORT)
    page.click("#replay_withdraw")
    expect(page.locator("#replay_sure")).to_be_visible(timeout=SHORT)


def batch(page: Page) -> None:
    go(page, "batch")
    expect(page.locator("#batch_grid td").first).to_be_visible(timeout=LONG)


# What there is to see, step by step.
STEPS: dict[str, Callable[[Page], object]] = {
    "blind vote, before": lambda page: None,
    "blind vote": judge,
    "blind vote, after": lambda page: vote(page, "judge"),
    "live, empty": lambda page: go(page, "live"),
    "live": live,
    "live, after": lambda page: vote(page, "live"),
    "chat, empty": lambda page: go(page, "chat"),
    "chat": chat,
    "results": lambda page: go(page, "results"),
    "batch, before": lambda page: go(page, "batch"),
    "class, before": lambda page: go(page, "class"),
    "report": report,
    "results, all": results,
    "class": lambda page: go(page, "class"),
    "batch": batch,
    "about": lambda page: go(page, "about"),
}


@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(1280, "light", "en-US"), (1280, "dark", "zh-CN"), (390, "light", "zh-CN"), (390, "dark", "en-US")],
)
def test_axe_finds_no_serious_fault(
    open_page: Callable[..., Page], axe: Path, width: int, scheme: str, locale: str
) -> None:
    page = open_page(viewport=(width, 844), color_scheme=scheme, locale=locale)
    page.add_script_tag(path=str(axe))
    faults = []
    for name, step in STEPS.items():
        step(page)
        page.wait_for_timeout(400)  # colours fade in
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for fault in found["violations"]:
            if fault["impact"] in ("serious", "critical"):
                nodes = [f"{node['html'][:160]} {node['any'] and node['any'][0]['message']}" for node in fault["nodes"]]
                faults.append((name, fault["id"], nodes[:4]))
    assert not faults, "\n".join(map(str, faults))


def test_the_page_says_which_language_it_is_in(open_page: Callable[..., Page]) -> None:
    for locale, first, then in (("zh-CN", "zh-CN", "en"), ("en-US", "en", "zh-CN")):
        page = open_page(locale=locale)
        expect(page.locator("html")).to_have_attribute("lang", first, timeout=SHORT)
        page.click("#language")
        expect(page.locator("html")).to_have_attribute("lang", then, timeout=SHORT)


def tab_to(page: Page, selector: str, most: int = 60, key: str = "Tab") -> None:
    """Presses a key until the focus is in what is looked for."""
    for _ in range(most):
        if page.evaluate("selector => !!document.activeElement?.closest(selector)", selector):
            return
        page.keyboard.press(key)
    pytest.fail(f"{selector} is not reached with {key}")


def is_seen(page: Page) -> bool:
    """Whether something on the screen shows where the focus is: on the element, or on what stands around it."""
    return page.evaluate("""() => {
        for (let one = document.activeElement, up = 0; one && up < 4; one = one.parentElement, up++) {
            const style = getComputedStyle(one);
            if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) return true;
            if (up === 0 && style.boxShadow !== 'none') return true;
        }
        return false; }""")


def test_a_whole_battle_by_the_keyboard_alone(open_page: Callable[..., Page], app: ServedApp) -> None:
    page, before = open_page(), len(app.rows())
    page.keyboard.press("Tab")
    tab_to(page, "#judge_begin")
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator("#judge_submit")).to_be_enabled(timeout=SHORT)
    page.wait_for_timeout(HAND)
    tab_to(page, "#judge_choice")
    page.keyboard.press("Space")
    expect(page.locator("#judge_choice input").first).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#judge_choice input").nth(1)).to_be_checked()
    assert is_seen(page)
    tab_to(page, "#judge_more button")
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator("#judge_correct")).to_be_visible()
    page.wait_for_timeout(HAND)
    tab_to(page, "#judge_correct")
    page.keyboard.press("Space")
    expect(page.locator("#judge_correct input").first).to_be_checked()
    tab_to(page, "#judge_comment")
    assert is_seen(page)
    page.keyboard.type("by hand")
    tab_to(page, "#judge_submit", key="Shift+Tab")
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator("#judge_note")).to_contain_text("Vote saved", timeout=SHORT)
    (row,) = app.rows()[before:]
    assert (row["winner"], row["comment"], row["criteria"]) == ("model_b", "by hand", '{"correct": "a"}')
    tab_to(page, "#judge_next")
    page.keyboard.press("Enter")
    expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=SHORT)


TARGETS = """root => [...root.querySelectorAll(
    'button, [role=tab], input:not([type=radio]):not([type=checkbox]), textarea, label:has(> input), summary')]
  .filter(one => one.offsetParent && !one.disabled && getComputedStyle(one).visibility !== 'hidden')
  .map(one => ({box: one.getBoundingClientRect(), html: one.outerHTML.slice(0, 90)}))
  .filter(({box}) => box.width && box.height && (box.width < SIZE - 0.5 || box.height < SIZE - 0.5))
  .map(({box, html}) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)""".replace("SIZE", str(FINGER))


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_what_a_thumb_touches_is_large_enough(open_page: Callable[..., Page], locale: str) -> None:
    page = open_page(viewport=(390, 844), locale=locale, has_touch=True, is_mobile=True)
    small = {}
    for name, step in STEPS.items():
        step(page)
        page.wait_for_timeout(200)
        found = page.evaluate(f"({TARGETS})(document.querySelector('.gradio-container'))")
        small |= {one: name for one in found if "settings" not in one}  # gradio's own, below the page
    assert not small, "\n".join(f"{name}: {one}" for one, name in small.items())


def boxes(page: Page, prefix: str) -> dict[str, tuple[int, int]]:
    """Where the parts of a vote stand, in pixels from the top of the page."""
    parts = ("panes", "choice", "submit", "more")
    found = {part: page.locator(f"#{prefix}_{part}").bounding_box() for part in parts}
    top = page.evaluate("window.scrollY")
    return {part: (round(box["x"]), round(box["y"] + top)) for part, box in found.items() if box}


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("prefix", ["judge", "live"])
def test_nothing_moves_when_buttons_turn_on_and_names_come(
    open_page: Callable[..., Page], width: int, prefix: str
) -> None:
    page = open_page(viewport=(width, 844))
    if prefix == "judge":
        page.click("#judge_begin")
    else:
        go(page, "live")
        page.fill("#live_box textarea", "Why?")
        page.click("#live_send")
        expect(page.locator("#live_choice")).to_be_visible(timeout=SHORT)
    seen = [boxes(page, prefix)]
    expect(page.locator(f"#{prefix}_submit")).to_be_enabled(timeout=LONG)
    seen.append(boxes(page, prefix))
    vote(page, prefix)
    seen.append(boxes(page, prefix))
    if prefix == "judge":
        page.click("#judge_next")
        expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=SHORT)
        seen.append(boxes(page, prefix))
    assert len(seen[0]) == 4 and all(one == seen[0] for one in seen), seen
