"""The batch tab and the report tab in a real browser: asked, watched, paused, and taken away as a file."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp, text_steps

from arena.answers import read_recorded
from tests.browser.conftest import Tab
from tests.browser.hands import go, sign_in

SLOW = [
    {"match": "同济", "steps": [{"text": "tick ", "delay": 0.05, "times": 120}]},
    {"steps": text_steps("Canberra.")},
]


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    return serve({"name": "Alpha-7B", "answers": SLOW}, {"name": "Beta-6B", "answers": SLOW[1:]}, local=True)


@pytest.fixture
def page(new_page: Callable[..., Tab], app: ServedApp) -> Page:
    opened = new_page(app.url).page
    opened.locator("#tab_batch-button").click()
    expect(opened.locator("#batch_start")).to_be_enabled()
    return opened


def test_all_prompts_are_asked_and_the_report_is_there(page: Page, app: ServedApp) -> None:
    expect(page.locator("#batch_grid")).to_contain_text("not run")
    page.click("#batch_start")
    running = page.locator("#batch_grid .cell-running")
    expect(running).to_have_count(1)
    expect(page.locator("#batch_status")).to_contain_text("left")
    # The sixth prompt takes six seconds: a pause lets it end.
    expect(running).to_contain_text("tokens")
    page.click("#batch_pause")
    expect(page.locator("#batch_start")).to_be_enabled()
    done = page.locator("#batch_grid .cell-done")
    assert 6 <= done.count() < 26
    page.click("#batch_start")
    expect(page.locator("#batch_status")).to_contain_text("26 of 26 done")
    expect(done.first).to_contain_text(re.compile(r"done · [\d.]+ s · [\d.]+ tokens/s"))
    kept = read_recorded(app.data_dir / "answers.jsonl")
    assert len(kept) == len({entry.key for entry in kept}) == 26
    page.locator("#tab_report-button").click()
    page.click("#report_look")
    expect(page.locator("#report_charts svg.marks").first).to_be_visible()
    expect(page.locator("#report_charts figcaption")).to_contain_text("the share of checks passed")
    with page.expect_download() as taken:
        page.click("#report_html")
    assert taken.value.suggested_filename == "report.html"
    report = taken.value.path().read_text(encoding="utf-8")
    assert "Alpha-7B and Beta-6B: a comparison" in report and "does not say “1907”" in report


def test_a_page_opened_later_sees_what_is_there(new_page: Callable[..., Tab], app: ServedApp) -> None:
    page = new_page(f"{app.url}#batch", viewport=(390, 844), locale="zh-CN").page
    expect(page.locator("#batch_status")).to_contain_text("已完成 26 / 26")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_a_host_for_the_world_is_asked_for_the_token(
    serve: Callable[..., ServedApp], new_page: Callable[..., Tab]
) -> None:
    app = serve({"answers": SLOW[1:]}, {"answers": SLOW[1:]}, admin_token="correct horse battery")
    page = new_page(app.url).page
    sign_in(page, "correct horse battery")
    go(page, "batch")
    expect(page.locator("#batch_start")).to_be_enabled()
    expect(page.locator("#batch_status")).to_contain_text("0 of 26 done")
