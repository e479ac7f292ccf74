"""The batch tab and the report tab in a real browser: asked, watched, paused, and taken away as a file."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp, text_steps

from arena.answers import read_recorded
from tests.browser.conftest import Tab
from tests.browser.hands import go, show_token

SHORT, LONG = 5_000, 60_000  # milliseconds
SLOW = [{"match": "同济", "steps": [{"text": "tick ", "delay": 0.05, "times": 40}]}, {"steps": text_steps("Canberra.")}]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    return serve({"name": "Alpha-7B", "answers": SLOW}, {"name": "Beta-6B", "answers": SLOW[1:]}, local=True)


@pytest.fixture
def page(new_page: Callable[..., Tab], app: ServedApp) -> Page:
    opened = new_page(app.url).page
    opened.locator("#tab_batch-button").click(timeout=LONG)
    expect(opened.locator("#batch_start")).to_be_enabled(timeout=LONG)
    return opened


def test_all_prompts_are_asked_and_the_report_is_there(page: Page, app: ServedApp) -> None:
    expect(page.locator("#batch_grid")).to_contain_text("not run")
    page.click("#batch_start")
    running = page.locator("#batch_grid .cell-running")
    expect(running).to_have_count(1, timeout=SHORT)
    expect(page.locator("#batch_status")).to_contain_text("left", timeout=SHORT)
    # The sixth prompt takes two seconds: a pause lets it end.
    expect(running).to_contain_text("tokens", timeout=LONG)
    page.click("#batch_pause")
    expect(page.locator("#batch_start")).to_be_enabled(timeout=LONG)
    done = page.locator("#batch_grid .cell-done")
    assert 6 <= done.count() < 26
    page.click("#batch_start")
    expect(page.locator("#batch_status")).to_contain_text("26 of 26 done", timeout=LONG)
    expect(done.first).to_contain_text(re.compile(r"done · [\d.]+ s · [\d.]+ tokens/s"))
    kept = read_recorded(app.data_dir / "answers.jsonl")
    assert len(kept) == len({entry.key for entry in kept}) == 26
    page.locator("#tab_report-button").click()
    page.click("#report_look")
    expect(page.locator("#report_time canvas, #report_time svg.marks").first).to_be_visible(timeout=LONG)
    expect(page.locator("#report_note")).to_contain_text("the share of checks passed")
    with page.expect_download(timeout=LONG) as taken:
        page.click("#report_html")
    assert taken.value.suggested_filename == "report.html"
    report = taken.value.path().read_text(encoding="utf-8")
    assert "Alpha-7B and Beta-6B: a comparison" in report and "does not say “1907”" in report


def test_a_page_opened_later_sees_what_is_there(new_page: Callable[..., Tab], app: ServedApp) -> None:
    page = new_page(app.url, viewport=(390, 844), locale="zh-CN").page
    page.locator("#tab_batch-button").click(timeout=LONG)
    expect(page.locator("#batch_status")).to_contain_text("已完成 26 / 26", timeout=LONG)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_a_host_for_the_world_is_asked_for_the_token(
    serve: Callable[..., ServedApp], new_page: Callable[..., Tab]
) -> None:
    app = serve({"answers": SLOW[1:]}, {"answers": SLOW[1:]}, admin_token="correct horse battery")
    page = new_page(app.url).page
    expect(page.locator("#tab_batch-button")).to_be_visible(timeout=LONG)
    go(page, "batch")
    expect(page.locator("#batch_desk")).to_be_hidden()
    show_token(page, "batch", "correct horse battery")
    expect(page.locator("#batch_start")).to_be_enabled(timeout=SHORT)
    expect(page.locator("#batch_status")).to_contain_text("0 of 26 done", timeout=SHORT)
