"""What a screen reader, a keyboard and a thumb find: no serious fault by axe-core, all by keyboard, large targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect
from served_app import ROOT, ServedApp
from vote_samples import vote_between

from arena.types import Winner
from arena.votes import VoteLog
from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import (
    BOX,
    HAND,
    PILLS,
    ask,
    begin_rating,
    choose_mode,
    go,
    open_accordion,
    sign_in,
    vote,
    wait_for_phase,
    wait_until_votable,
)
from tests.browser.test_rate import recorded

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


def read_both(page: Page) -> None:
    """Look at the other pane, where only one is shown."""
    wait_until_votable(page)
    if page.locator(".unread:visible").count():
        page.click(".unread:visible")
        expect(page.locator(PILLS["tie"])).to_be_visible()


def rate(page: Page) -> None:
    page.click("#judge_begin")
    read_both(page)


def open_details(page: Page) -> None:
    page.click("[data-open=details]")
    expect(page.locator("#comment")).to_be_visible()


def empty(mode: str) -> Callable[[Page], None]:
    def step(page: Page) -> None:
        choose_mode(page, mode)
        expect(page.locator("#hello h1")).to_be_visible()

    return step


def battle(page: Page) -> None:
    ask(page, "Why?")
    read_both(page)


def open_settings(page: Page) -> None:
    page.click("[data-open=settings]")
    expect(page.locator("#settings")).to_be_visible()


def open_room(page: Page) -> None:
    go(page, "class")
    page.click("#class_open")
    expect(page.locator("#class_link .room-code")).to_be_visible()


def project(page: Page) -> None:
    page.click("[data-project=on]")
    expect(page.locator("[data-project=off]")).to_be_visible()


def prompts(page: Page) -> None:
    """A prompt with a mistake."""
    page.keyboard.press("Escape")
    go(page, "prompts")
    page.locator("#prompts_list [data-id]").first.click()
    expect(page.locator("#prompts_text textarea")).not_to_have_value("")
    page.fill("#prompts_text textarea", "")
    page.click("#prompts_more button")
    page.click("#prompts_save")
    expect(page.locator("#prompts_status [role=alert]")).to_be_visible()


def report(page: Page) -> None:
    page.keyboard.press("Escape")
    go(page, "report")
    page.click("#report_fields button")
    with page.expect_download():
        page.click("#report_html")
    page.click("#report_look")
    expect(page.locator("#report_note")).not_to_contain_text("⚠️")
    expect(page.locator("#report_charts .marks").first).to_be_visible()


def results(page: Page) -> None:
    """As the host."""
    go(page, "results")
    expect(page.locator("#summary .tiles")).to_be_visible()
    for fold in ("details", "bias", "agreement", "cost"):
        open_accordion(page, f"results_{fold}")


def batch(page: Page) -> None:
    go(page, "batch")
    expect(page.locator("#batch_grid td").first).to_be_visible()


# What there is to see, step by step.
STEPS: dict[str, Callable[[Page], object]] = {
    "rate, empty": lambda page: page.click("#joining button"),
    "rate": rate,
    "rate, details": open_details,
    "rate, after": vote,
    "blind, empty": empty("blind"),
    "blind": battle,
    "blind, after": vote,
    "named, empty": empty("named"),
    "named, settings": open_settings,
    "named": battle,
    "named, after": vote,
    "results": lambda page: go(page, "results"),
    "about": lambda page: go(page, "about"),
    "about, models": lambda page: page.click("#about summary"),
    "about, signed in": lambda page: sign_in(page, TOKEN),
    "class": open_room,
    "class, projected": project,
    "prompts": prompts,
    "report": report,
    "results, all": results,
    "batch": batch,
}


# Whether no colour fades in any more.
STILL = """() => document.getAnimations().every(
    (one) => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)"""
LOOKS = pytest.mark.parametrize(("width", "locale"), [(1280, "en-US"), (390, "zh-CN")])
# In dark, all other rules say the same as in light.
OF_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def faults_of(page: Page) -> list[tuple[str, str, list[str]]]:
    """The serious faults that axe-core finds in light and in dark, with the elements that have them."""
    faults = []
    for scheme, rules in (("dark", OF_COLOURS), ("light", {})):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector("body.dark" if scheme == "dark" else "body:not(.dark)", state="attached")
        page.wait_for_function(STILL)
        found = page.evaluate("options => axe.run(document, options)", {"resultTypes": ["violations"], **rules})
        faults += [
            (
                scheme,
                fault["id"],
                [f"{node['html'][:160]} {node['any'] and node['any'][0]['message']}" for node in fault["nodes"]][:4],
            )
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
    return faults


TARGETS = """size => [...document.querySelector('.gradio-container').querySelectorAll(
    'button, [role=tab], input:not([type=radio]):not([type=checkbox]), textarea, label:has(> input), summary')]
  .filter(one => one.offsetParent && !one.disabled && getComputedStyle(one).visibility !== 'hidden')
  .map(one => ({box: one.getBoundingClientRect(), html: one.outerHTML.slice(0, 90)}))
  .filter(({box}) => box.width && box.height && (box.width < size - 0.5 || box.height < size - 0.5))
  .map(({box, html}) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""


def small_targets(page: Page) -> list[str]:
    """What is too small for a thumb, without the settings, which are gradio's own."""
    return [one for one in page.evaluate(TARGETS, FINGER) if "settings" not in one or "data-open" in one]


@pytest.mark.timeout(600)
@LOOKS
def test_no_state_of_the_page_has_a_serious_fault_or_on_a_phone_a_small_target(
    open_page: OpenPage, app: ServedApp, axe: Path, width: int, locale: str
) -> None:
    phone = {"has_touch": True, "is_mobile": True} if width < 500 else {}
    page = open_page(app, viewport=(width, 844), locale=locale, **phone)
    page.add_script_tag(path=str(axe))
    faults, small = [], {}
    for name, step in STEPS.items():
        step(page)
        faults += [(name, *fault) for fault in faults_of(page)]
        if phone:
            small |= dict.fromkeys(small_targets(page), name)
    assert not faults, "\n".join(map(str, faults))
    assert not small, "\n".join(f"{name}: {one}" for one, name in small.items())


# The icons on the screen that are as the ground, and the visible marks that lost their colour.
BLANK = """() => {
  const paint = (part, pseudo) => getComputedStyle(part, pseudo).backgroundColor;
  const seen = (css) => [...document.querySelectorAll(css)].filter((part) => part.checkVisibility());
  const ground = paint(document.body);
  const icons = seen('.tool, .pill, .badge, #send, #theme').filter((part) => paint(part, '::before') === ground);
  const marks = seen('.brand i, .dot').filter((part) => paint(part) === ground);
  return [...icons, ...marks].map((part) => part.id || part.className || part.outerHTML);
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_icons_colours_and_what_is_chosen_are_seen_in_high_contrast(
    open_page: OpenPage, app: ServedApp, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(app, mode="blind", viewport=(width, 844), color_scheme=scheme)
    page.emulate_media(forced_colors="active")
    battle(page)
    assert page.evaluate(BLANK) == []
    vote(page)
    assert page.evaluate(BLANK) == []
    expect(page.locator("#mode label.selected")).to_have_css("outline-style", "solid")


@LOOKS
def test_axe_finds_no_serious_fault_on_the_page_of_a_battle(
    new_page: NewPage, app: ServedApp, axe: Path, width: int, locale: str
) -> None:
    with VoteLog(app.data_dir / "votes.csv") as log:
        log.append(vote_between(77, "script-a", "script-b", Winner.MODEL_B))
    page = new_page(f"{app.url}?replay=battle-77", viewport=(width, 844), locale=locale).page
    expect(page.locator("#replay_title [role=alert]")).to_be_visible()  # recorded: this reader has not rated them
    page.add_script_tag(path=str(axe))
    open_accordion(page, "replay_host")
    faults = faults_of(page)
    page.fill("#replay_token input", TOKEN)
    page.click("#replay_enter")
    expect(page.locator("#replay_title h1")).to_be_visible()
    open_accordion(page, "replay_details")
    page.click("#replay_withdraw")
    expect(page.locator("#replay_sure")).to_be_visible()
    faults += faults_of(page)
    assert not faults, "\n".join(map(str, faults))


def test_the_page_says_which_language_it_is_in(open_page: OpenPage, app: ServedApp) -> None:
    for locale, first, then in (("zh-CN", "zh-CN", "en"), ("en-US", "en", "zh-CN")):
        page = open_page(app, locale=locale)
        expect(page.locator("html")).to_have_attribute("lang", first)
        page.click("#language")
        expect(page.locator("html")).to_have_attribute("lang", then)


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


def test_a_whole_battle_by_the_keyboard_alone(open_page: OpenPage, app: ServedApp) -> None:
    page, before = open_page(app), len(app.rows())
    page.keyboard.press("Tab")
    tab_to(page, "#judge_begin")
    assert is_seen(page)
    page.keyboard.press("Enter")
    wait_until_votable(page)
    for side in "ab":
        tab_to(page, f"#pane_{side} [role=log]")
        assert is_seen(page)
    tab_to(page, "[data-open=details]")
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator("#correct")).to_be_visible()
    page.wait_for_timeout(HAND)
    tab_to(page, "#correct")
    page.keyboard.press("Space")
    expect(page.locator("#correct input").first).to_be_checked()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#correct input").nth(1)).to_be_checked()
    assert is_seen(page)
    tab_to(page, "#comment")
    assert is_seen(page)
    page.keyboard.type("by hand")
    tab_to(page, PILLS["model_b"], key="Shift+Tab")
    assert is_seen(page)
    page.keyboard.press("Enter")
    wait_for_phase(page, "voted")
    (row,) = app.rows()[before:]
    assert (row["winner"], row["comment"], row["criteria"]) == ("model_b", "by hand", '{"correct": "tie"}')
    expect(page.locator("#new")).to_be_focused()
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator("#phase .place")).to_contain_text("2 / 3")


def test_the_mode_and_the_prompts_are_chosen_by_the_keyboard(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="blind")
    page.focus(BOX)
    tab_to(page, "#mode")
    assert is_seen(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#mode input[value=named]")).to_be_checked()
    page.wait_for_selector("#phase[data-mode=named]", state="attached")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#phase[data-mode=rate]", state="attached")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#phase[data-mode=named]", state="attached")
    expect(page.locator("#mode input[value=named]")).to_be_focused()
    expect(page.locator("#hello .card").first).to_be_visible()
    tab_to(page, "#hello .card", key="Shift+Tab")
    assert is_seen(page)
    page.keyboard.press("Enter")
    expect(page.locator(BOX)).not_to_have_value("")
    expect(page.locator(BOX)).to_be_focused()


def test_a_screen_reader_hears_how_the_answers_stand_and_not_their_growth(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, mode="blind")
    ask(page, "Why?")
    wait_for_phase(page, "vote")
    for side, name in (("a", "Left"), ("b", "Right")):
        expect(page.locator(f"#pane_{side} [role=log]")).to_have_attribute("aria-live", "off")
        expect(page.locator(f"#pane_{side} [role=log]")).to_have_attribute("aria-label", name)
        expect(page.locator(f"#head_{side} [role=status]")).to_have_text("Done")
    expect(page.locator("#phase [role=status]")).to_have_text("Both answers are in. Which is better?")


def boxes(page: Page) -> dict[str, list[int]]:
    """Where the parts of a vote stand on the screen, in pixels."""
    parts = ("#panes", "#pane_a", "#pane_b", "#head_a", "#head_b", "#composer")
    found = {part: page.locator(part).bounding_box() for part in parts}
    return {part: [round(value) for value in box.values()] for part, box in found.items() if box}


@pytest.mark.parametrize("mode", ["rate", "blind"])
def test_nothing_moves_when_names_come(open_page: OpenPage, app: ServedApp, mode: str) -> None:
    page = open_page(app, mode=mode, motion=True)
    if mode == "rate":
        begin_rating(page)
    else:
        ask(page, "Why?")
        wait_until_votable(page)
    before = boxes(page)
    vote(page)
    page.wait_for_timeout(HAND)
    after = boxes(page)
    moved = {part: (before[part], after[part]) for part in before if part != "#panes"}
    assert {part for part, (one, other) in moved.items() if one[:3] != other[:3]} <= {"#composer"}, moved
