"""Recorded answers in a real browser, as a stranger rates them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import OpenPage, Tab
from tests.browser.hands import (
    PILLS,
    answer,
    begin_rating,
    go,
    questions,
    says,
    vote,
    wait_for_phase,
    wait_ready,
    wait_until_votable,
)

SCRIPT = {"answers": [{"match": "", "steps": [{"text": "done."}]}]}
# No text of the page has these words in it, as it has "alpha".
MODELS = ("Axolotl-7B", "Bilby-6B")
NAMES = re.compile("axolotl|bilby", re.IGNORECASE)


def recorded(number: int) -> list[dict[str, object]]:
    """Two models' answers to `number` prompts."""
    return [
        {"prompt_id": f"q{n}", "prompt": f"Question {n}\n  <b>as typed</b>", "model": model, **more}
        for n in range(number)
        for model, more in (
            (MODELS[0], {"response": f"The first way of saying {n}.", "seconds": 171.25, "tokens": 12}),
            (MODELS[1], {"response": f"**Another** answer to {n}.", "seconds": 454}),
        )
    ]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Three recorded pairs, besides two scripts to chat with."""
    return serve(SCRIPT, SCRIPT, answers=recorded(3))


@pytest.fixture
def page(open_page: OpenPage, app: ServedApp) -> Page:
    """The empty screen of rate mode, which is the first one."""
    return open_page(app)


def go_on(page: Page) -> None:
    page.click("#new")
    page.wait_for_selector("#phase:not([data-phase=voted])", state="attached")


def place(page: Page) -> str:
    return page.locator("#phase .place").inner_text().strip()


def question(page: Page) -> str:
    return questions(page, "a").first.inner_text()


def test_a_stranger_reads_what_is_stored_and_walks_through_the_set(page: Page, app: ServedApp) -> None:
    expect(page.locator("#hello .stored")).to_contain_text("We store")
    expect(page.locator("#hello .stored")).to_contain_text("only if you tick")
    begin_rating(page)
    before = len(app.rows())
    for number, winner in enumerate(("tie", "tie (bothbad)", "model_b"), start=1):
        expect(page.locator("#phase .place")).to_contain_text(f"{number} / 3")
        vote(page, winner)
        go_on(page)
    wait_for_phase(page, "over")
    expect(page.locator("#hello h1")).to_have_text("All 3 done. Thank you!")
    expect(page.locator("#vote")).to_be_hidden()
    rows = app.rows()[before:]
    assert sorted(row["prompt_id"] for row in rows) == ["q0", "q1", "q2"]
    assert [row["winner"] for row in rows] == ["tie", "tie (bothbad)", "model_b"]
    assert len({row["judge"] for row in rows}) == 1
    for row in rows:
        assert (row["source"], row["anony"], row["leaked"]) == ("recorded", "True", "False")
        assert {row["model_a"], row["model_b"]} == set(MODELS)
        assert row["settings"] == "" and float(row["dwell_s"]) >= 0
    page.click("#hello a[href='#results']")
    expect(page.locator("#summary")).to_be_visible()


def test_nothing_tells_who_wrote_what_before_the_vote_and_all_does_after_it(page: Page) -> None:
    begin_rating(page)
    assert not NAMES.search(page.content())
    arena = page.locator("#tab_arena").inner_html()
    assert "171.2" not in arena and 'data-color="a"' not in arena and 'data-color="b"' not in arena
    vote(page)
    heads = {page.locator(f"#head_{side}").inner_text() for side in "ab"}
    assert any("Axolotl-7B" in head and "171.2 s" in head and "12 tokens" in head for head in heads)
    assert any("Bilby-6B" in head and "454.0 s" in head for head in heads)


def test_the_prompt_stands_there_as_typed_the_answers_are_rendered_and_copied_as_recorded(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    begin_rating(page)
    for side in "ab":
        shown = questions(page, side).first.inner_text().replace("\u00a0", " ")
        assert re.search(r"Question \d\n  <b>as typed</b>", shown)
    expect(page.locator("#panes strong").filter(has_text="Another")).to_be_visible()
    side = "a" if "Another" in answer(page, "a") else "b"
    page.click(f"#head_{side} .copy")
    page.wait_for_timeout(500)
    assert page.evaluate("navigator.clipboard.readText()").startswith("**Another** answer to ")


def test_a_reload_goes_on_where_the_rater_was(page: Page) -> None:
    begin_rating(page)
    vote(page)
    go_on(page)
    wait_until_votable(page)
    assert "2 / 3" in place(page)
    shown, address = question(page), page.url
    assert re.search(r"\?battle=[0-9a-f]{32}$", address)
    page.reload()
    wait_for_phase(page, "vote")
    assert "2 / 3" in place(page)
    assert question(page) == shown and page.url == address


def test_a_server_that_restarts_goes_on_where_the_rater_was(
    open_page: OpenPage, serve: Callable[..., ServedApp]
) -> None:
    first = serve(SCRIPT, SCRIPT, answers=recorded(3))
    page = open_page(first)
    begin_rating(page)
    vote(page)
    go_on(page)
    wait_for_phase(page, "vote")
    shown, kept = question(page), page.context.storage_state()
    second = serve(SCRIPT, SCRIPT, answers=recorded(3), data_dir=first.data_dir)
    moved = {"cookies": [], "origins": [{**kept["origins"][0], "origin": second.url.rstrip("/")}]}
    again = open_page(second, storage_state=moved)
    wait_for_phase(again, "vote")
    assert "2 / 3" in place(again) and question(again) == shown


@pytest.mark.parametrize("held", [True, False])
def test_a_page_that_closes_while_the_vote_is_on_its_way_leaves_one_row_or_none(
    page: Page, app: ServedApp, held: bool
) -> None:
    """Closed before the vote has left, and right after: the next page goes on with what the log says."""
    begin_rating(page)
    before, shown, place_before = len(app.rows()), question(page), place(page)
    if held:
        page.context.set_offline(True)  # a held route is let go when the page closes, and the vote arrives after all
    page.click(PILLS["model_a"], no_wait_after=True)
    again = page.context.new_page()
    page.close()
    page.context.set_offline(False)
    again.goto(app.url)
    wait_ready(again)
    again.wait_for_timeout(500)
    rows = app.rows()[before:]
    assert len(rows) <= 1 and all(len(row) == len(app.rows()[0]) for row in rows)
    again.reload()
    wait_for_phase(again, "vote")
    assert not (held and rows)
    assert (question(again) == shown) == (place(again) == place_before) == (not rows)


def test_two_tabs_and_two_clicks_give_one_vote(page: Page, app: ServedApp) -> None:
    begin_rating(page)
    other = page.context.new_page()
    other.goto(app.url)
    wait_until_votable(other)
    before = len(app.rows())
    page.dblclick(PILLS["model_a"])
    wait_for_phase(page, "voted")
    other.click(PILLS["model_a"])
    expect(other.locator("body")).to_contain_text("already voted")
    assert len(app.rows()) == before + 1


def test_a_vote_may_be_published_only_once_the_rater_ticks_the_box(page: Page, app: ServedApp) -> None:
    begin_rating(page)
    box = page.locator("#may_publish input")
    expect(box).not_to_be_checked()
    stored = []
    for tick in (True, None, False):
        wait_until_votable(page)
        if tick is not None:
            box.set_checked(tick)
        vote(page, "tie")
        stored.append(app.rows()[-1]["may_publish"])
        expect(box).to_be_hidden()
        go_on(page)
    # It stays as it is from vote to vote.
    assert stored == ["True", "True", "False"]


def test_details_are_stored_with_the_vote_and_empty_for_the_next_battle(page: Page, app: ServedApp) -> None:
    begin_rating(page)
    page.click("[data-open=details]")
    for name, value in (("correct", "a"), ("clear", "tie")):
        page.locator(f"#{name} input[value={value}]").check()
    page.locator("#any_right input[value=yes]").check()
    page.fill("#comment textarea", "=1+2, 好")
    vote(page, "tie (bothbad)")
    row = app.rows()[-1]
    assert (json.loads(row["criteria"]), row["any_right"]) == ({"correct": "a", "clear": "tie"}, "True")
    assert (row["comment"], row["winner"]) == ("=1+2, 好", "tie (bothbad)")
    go_on(page)
    wait_until_votable(page)
    page.click("[data-open=details]")
    expect(page.locator("#details input:checked")).to_have_count(0)
    expect(page.locator("#comment textarea")).to_have_value("")


def test_a_skip_is_no_vote(page: Page, app: ServedApp) -> None:
    begin_rating(page)
    before, shown = len(app.rows()), question(page)
    page.click("#skip")
    expect(page.locator("#phase .place")).to_contain_text("2 / 3")
    expect(questions(page, "a").first).not_to_have_text(shown)
    assert len(app.rows()) == before
    assert '"kind": "skipped"' in (app.data_dir / "events.jsonl").read_text(encoding="utf-8")


def test_a_double_click_skips_one_battle_and_on_the_next_button_does_not_touch_the_next_battle(
    page: Page, app: ServedApp
) -> None:
    begin_rating(page)
    page.dblclick("#skip", delay=20)
    expect(page.locator("#phase .place")).to_contain_text("2 / 3")
    wait_until_votable(page)
    expect(page.locator("#phase .place")).to_contain_text("2 / 3")
    vote(page)
    box = page.locator("#new").bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_until_votable(page)
    expect(page.locator("#phase .place")).to_contain_text("3 / 3")
    expect(page.locator("#may_publish input")).not_to_be_checked()


def test_escape_closes_the_details_and_goes_back_to_their_button(page: Page) -> None:
    begin_rating(page)
    opener = page.locator("[data-open=details]")
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    page.focus("#comment textarea")
    page.evaluate("""document.activeElement.dispatchEvent(new KeyboardEvent("keydown",
        { key: "Escape", isComposing: true, bubbles: true }))""")
    expect(page.locator("#comment textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#comment textarea")).to_be_hidden()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")


def test_the_language_of_a_vote_changes_with_the_page(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, locale="zh-CN")
    expect(page.locator("#hello .stored")).to_contain_text("我们会保存")
    begin_rating(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("4")
    wait_for_phase(page, "voted")
    expect(says(page)).to_contain_text("已投票")
    assert app.rows()[-1]["winner"] == "model_b"
    page.click("#language")
    expect(says(page)).to_contain_text("Vote saved")


def test_votes_are_taken_back_by_the_code_on_the_receipt(page: Page, app: ServedApp) -> None:
    begin_rating(page)
    vote(page)
    receipt = page.locator("#phase .receipt").inner_text()
    code = re.search(r"withdrawal code (\S+)", receipt)[1]  # type: ignore[index]
    own = app.rows()[-1]["vote_id"]
    assert own[:8] in receipt
    go(page, "about")
    page.click("#withdrawal button")
    page.fill("#withdrawal_code input, #withdrawal_code textarea", "wrong")
    page.click("#withdraw")
    expect(page.locator("body")).to_contain_text("No receipt has this code")
    page.fill("#withdrawal_code input, #withdrawal_code textarea", code)
    page.click("#withdraw")
    expect(page.locator("#withdrawn")).to_contain_text("1 vote withdrawn")
    assert own in (app.data_dir / "events.jsonl").read_text(encoding="utf-8")


def test_results_and_exports_wait_for_those_who_are_not_done(
    page: Page, app: ServedApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    begin_rating(page)
    go(page, "results")
    expect(page.locator("#summary")).to_contain_text("unlock when you have rated every pair")
    assert not NAMES.search(page.content())
    expect(page.locator("#tab_results :is(button, table)").locator("visible=true")).to_have_count(0)
    expect(page.locator("#summary a[href='#arena']")).to_have_text("Rate answers")
    client = Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    for name in ("/results", "/export"):
        with pytest.raises(AppError, match="unlock when you have rated every pair"):
            client.predict(api_name=name)
    go(page, "arena")
    for _ in range(3):
        vote(page)
        go_on(page)
    wait_for_phase(page, "over")
    go(page, "results")
    expect(page.locator("#summary")).to_contain_text("Too early to call")
    with page.expect_download() as download:
        page.click("#download")
    assert download.value.suggested_filename == "votes.csv"


def test_without_recorded_answers_there_is_no_such_mode(new_page: Callable[..., Tab], scripted_app: ServedApp) -> None:
    page = new_page(scripted_app.url).page
    wait_ready(page)
    assert [one.get_attribute("value") for one in page.locator("#mode input").all()] == ["blind", "named"]


def test_a_server_that_does_not_know_the_page_shows_it_again_in_its_room(
    open_page: OpenPage, serve: Callable[..., ServedApp]
) -> None:
    """A click would otherwise lead out of the room, and the vote would count elsewhere."""
    app = serve(SCRIPT, SCRIPT, answers=recorded(3))
    code = app.services.rooms.open(app.services.rooms.prompts, 5).code
    page = open_page(app)
    page.click("#joining button")
    page.fill("#room_code :is(input, textarea)", code)
    page.click("#join_room")
    wait_until_votable(page)
    vote(page)
    for tab in app.services.chats.tabs():  # as if the process had ended
        app.services.chats.close(tab)
    go_on(page)
    wait_for_phase(page, "vote")
    assert code in place(page) and "2 / 3" in place(page)
    vote(page)
    assert [row["room"] for row in app.rows()] == [code, code]
