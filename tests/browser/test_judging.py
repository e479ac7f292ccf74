"""The blind vote in a real browser, as a stranger with a phone gives it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import Tab

SHORT, LONG = 5_000, 60_000  # milliseconds
SCRIPT = {"answers": [{"match": "", "steps": [{"text": "done."}]}]}
MODELS = ("Alpha-7B", "Beta-6B")
NAMES = re.compile("alpha|beta", re.IGNORECASE)


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
def judge(new_page: Callable[..., Tab], app: ServedApp) -> Callable[..., Tab]:
    """Opens the page and waits until it can be used."""

    def open_page(served: ServedApp = app, **options: object) -> Tab:
        tab = new_page(served.url, **options)
        ready = tab.page.locator("#judge_begin:enabled, #judge_submit:enabled, #judge_next:enabled")
        expect(ready.first).to_be_visible(timeout=LONG)
        return tab

    return open_page


def begin(page: Page) -> None:
    page.click("#judge_begin")
    expect(page.locator("#judge_submit")).to_be_enabled(timeout=SHORT)


def choose(page: Page, number: int) -> None:
    page.locator("#judge_choice input[type=radio]").nth(number).check()


def vote(page: Page, number: int = 0) -> None:
    choose(page, number)
    page.click("#judge_submit")
    expect(page.locator("#judge_note")).to_contain_text("Vote saved", timeout=SHORT)


def go_on(page: Page) -> None:
    page.click("#judge_next")
    expect(page.locator("#judge_note")).not_to_contain_text("Vote saved", timeout=SHORT)


def test_a_stranger_reads_what_is_stored_and_walks_through_the_set(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    expect(page.locator("#judge_intro")).to_contain_text("We store")
    expect(page.locator("#judge_intro")).to_contain_text("may be published")
    begin(page)
    before = len(app.rows())
    for place in range(1, 4):
        expect(page.locator("#judge_progress")).to_contain_text(f"{place} / 3", timeout=SHORT)
        expect(page.locator("#judge_choice input:checked")).to_have_count(0)
        vote(page, place % 4)
        go_on(page)
    expect(page.locator("#judge_note")).to_contain_text("Thank you", timeout=SHORT)
    expect(page.locator("#judge_submit")).to_be_disabled()
    rows = app.rows()[before:]
    assert sorted(row["prompt_id"] for row in rows) == ["q0", "q1", "q2"]
    assert len({row["judge"] for row in rows}) == 1
    for row in rows:
        assert (row["source"], row["anony"], row["leaked"]) == ("recorded", "True", "False")
        assert {row["model_a"], row["model_b"]} == set(MODELS)
        assert row["settings"] == "" and float(row["dwell_s"]) >= 0


def test_nothing_tells_who_wrote_what_before_the_vote_and_all_does_after_it(judge: Callable[..., Tab]) -> None:
    page = judge().page
    begin(page)
    assert not NAMES.search(page.content())
    expect(page.locator("#judge_stage")).not_to_contain_text("171.2")
    vote(page)
    names = {page.locator(f"#judge_name_{side}").inner_text() for side in "ab"}
    assert any("Alpha-7B" in name and "171.2 s" in name and "12 tokens" in name for name in names)
    assert any("Beta-6B" in name and "454.0 s" in name for name in names)


def test_the_prompt_stands_there_as_typed_and_the_answers_are_rendered(judge: Callable[..., Tab]) -> None:
    page = judge().page
    begin(page)
    assert re.search(r"Question \d\n  <b>as typed</b>", page.locator("#judge_prompt .prompt").inner_text())
    expect(page.locator("#judge_stage strong").filter(has_text="Another")).to_be_visible()


def test_a_reload_goes_on_where_the_rater_was(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    begin(page)
    vote(page)
    go_on(page)
    expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=SHORT)
    shown, address = page.locator("#judge_prompt").inner_text(), page.url
    assert re.search(r"\?battle=[0-9a-f]{32}$", address)
    page.reload()
    expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=LONG)
    expect(page.locator("#judge_prompt")).to_have_text(re.compile(re.escape(shown.split("\n")[-1])), timeout=SHORT)
    assert page.url == address


def test_a_server_that_restarts_goes_on_where_the_rater_was(
    judge: Callable[..., Tab], serve: Callable[..., ServedApp]
) -> None:
    first = serve(SCRIPT, SCRIPT, answers=recorded(3))
    tab = judge(first)
    begin(tab.page)
    vote(tab.page)
    go_on(tab.page)
    expect(tab.page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=SHORT)
    prompt = tab.page.locator("#judge_prompt .prompt").inner_text()
    kept = tab.page.context.storage_state()
    origin = kept["origins"][0]
    second = serve(SCRIPT, SCRIPT, answers=recorded(3), data_dir=first.data_dir)
    moved = {"cookies": [], "origins": [{**origin, "origin": second.url.rstrip("/")}]}
    page = judge(second, storage_state=moved).page
    expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=LONG)
    assert page.locator("#judge_prompt .prompt").inner_text() == prompt


@pytest.mark.parametrize("held", [True, False])
def test_a_page_that_closes_while_the_vote_is_on_its_way_leaves_one_row_or_none(
    judge: Callable[..., Tab], app: ServedApp, held: bool
) -> None:
    """Closed before the vote has left, and right after: the next page goes on with what the log says."""
    tab = judge()
    page = tab.page
    begin(page)
    place = page.locator("#judge_progress").inner_text()
    asked, before = page.locator("#judge_prompt .prompt").inner_text(), len(app.rows())
    choose(page, 0)
    if held:
        page.context.set_offline(True)  # a held route is let go when the page closes, and the vote arrives after all
    page.click("#judge_submit", no_wait_after=True)
    kept = page.context.storage_state()
    page.close()
    again = judge(storage_state=kept).page
    again.wait_for_timeout(500)
    rows = app.rows()[before:]
    assert len(rows) <= 1 and all(len(row) == len(app.rows()[0]) for row in rows)
    again.reload()
    expect(again.locator("#judge_submit")).to_be_enabled(timeout=LONG)
    assert not (held and rows)
    same = again.locator("#judge_prompt .prompt").inner_text() == asked
    assert same == (not rows) and (again.locator("#judge_progress").inner_text() == place) == (not rows)


def test_two_tabs_and_two_clicks_give_one_vote(judge: Callable[..., Tab], app: ServedApp) -> None:
    tab = judge()
    page = tab.page
    begin(page)
    other = tab.page.context.new_page()
    other.goto(app.url)
    expect(other.locator("#judge_submit")).to_be_enabled(timeout=LONG)
    before = len(app.rows())
    for one in (page, other):
        choose(one, 0)
    page.dblclick("#judge_submit")
    expect(page.locator("#judge_note")).to_contain_text("Vote saved", timeout=SHORT)
    other.click("#judge_submit")
    expect(other.locator("body")).to_contain_text("already voted", timeout=SHORT)
    assert len(app.rows()) == before + 1


def test_what_else_a_rater_says_is_stored_and_forgotten_for_the_next(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    begin(page)
    page.click("#judge_more button")
    for name, value in (("correct", "a"), ("clear", "tie")):
        page.locator(f"#judge_{name} input[value={value}]").check()
    page.locator("#judge_any_right input[value=yes]").check()
    page.fill("#judge_comment textarea", "=1+2, 好")
    vote(page, 3)
    row = app.rows()[-1]
    assert (json.loads(row["criteria"]), row["any_right"]) == ({"correct": "a", "clear": "tie"}, "True")
    assert (row["comment"], row["winner"]) == ("=1+2, 好", "tie (bothbad)")
    go_on(page)
    expect(page.locator("#judge_stage input:checked")).to_have_count(0)
    expect(page.locator("#judge_comment textarea")).to_have_value("")


def test_without_a_choice_nothing_is_stored(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    begin(page)
    before = len(app.rows())
    page.click("#judge_submit")
    expect(page.locator("body")).to_contain_text("Choose an option", timeout=SHORT)
    choose(page, 0)
    assert page.locator("#judge_choice input:checked").count() == 1
    assert len(app.rows()) == before


def test_a_skip_is_no_vote(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    begin(page)
    before, asked = len(app.rows()), page.locator("#judge_prompt .prompt").inner_text()
    page.click("#judge_skip")
    expect(page.locator("#judge_progress")).to_contain_text("2 / 3", timeout=SHORT)
    assert page.locator("#judge_prompt .prompt").inner_text() != asked and len(app.rows()) == before
    events = (app.data_dir / "events.jsonl").read_text(encoding="utf-8")
    assert '"kind": "skipped"' in events


def test_the_keys_vote_in_the_tab_that_is_seen(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge(locale="zh-CN").page
    expect(page.locator("#judge_intro")).to_contain_text("保存的内容")
    begin(page)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#judge_note")).to_contain_text("已保存", timeout=SHORT)
    assert app.rows()[-1]["winner"] == "model_b"
    page.click("#language")
    expect(page.locator("#judge_note")).to_contain_text("Vote saved", timeout=SHORT)


def test_votes_are_taken_back_by_the_code_on_the_receipt(judge: Callable[..., Tab], app: ServedApp) -> None:
    page = judge().page
    begin(page)
    vote(page)
    code = page.locator("#judge_note code").inner_text()
    own = app.rows()[-1]["vote_id"]
    page.click("#judge_withdrawal button")
    page.fill("#judge_code input, #judge_code textarea", "wrong")
    page.click("#judge_withdraw")
    expect(page.locator("body")).to_contain_text("No receipt has this code", timeout=SHORT)
    page.fill("#judge_code input, #judge_code textarea", code)
    page.click("#judge_withdraw")
    expect(page.locator("#judge_withdrawn")).to_contain_text("1 vote withdrawn", timeout=SHORT)
    assert own in (app.data_dir / "events.jsonl").read_text(encoding="utf-8")


def test_results_and_exports_wait_for_those_who_are_not_done(
    judge: Callable[..., Tab], app: ServedApp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = judge().page
    begin(page)
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#summary")).to_contain_text("unlock when you have rated every pair", timeout=SHORT)
    assert not NAMES.search(page.content())
    page.click("#download")
    expect(page.locator("body")).to_contain_text("Results unlock when", timeout=SHORT)
    client = Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    for name in ("/results", "/export"):
        with pytest.raises(AppError, match="unlock when you have rated every pair"):
            client.predict(api_name=name)
    page.get_by_role("tab", name="Rate answers").click()
    for _ in range(3):
        vote(page)
        go_on(page)
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#summary")).to_contain_text("Too early to call", timeout=SHORT)
    with page.expect_download(timeout=SHORT) as download:
        page.click("#download")
    assert download.value.suggested_filename == "votes.csv"


def test_without_recorded_answers_there_is_no_such_tab(new_page: Callable[..., Tab], scripted_app: ServedApp) -> None:
    page = new_page(scripted_app.url).page
    expect(page.locator("#status_a [role=status]")).not_to_be_empty(timeout=LONG)
    expect(page.locator("#judge_stage, #judge_intro")).to_have_count(0)
