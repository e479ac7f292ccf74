"""The page behind a notebook's proxy, nginx, and Caddy: under a prefix that the app does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pandas as pd
import pytest
from playwright.sync_api import expect
from proxies import caddy, jupyter, nginx
from served_app import ServedApp

from tests.browser.conftest import Tab
from tests.browser.hands import answer, ask, ask_for_vote, go, questions, says, vote, wait_for_phase, wait_ready
from tests.browser.notebook_proxy import notebook_proxy

# Asked for at the root of every host.
ICON = {"/favicon.ico"}


@pytest.fixture
def outside(scripted_app: ServedApp) -> Iterator[tuple[str, list[str]]]:
    with notebook_proxy(scripted_app.url) as found:
        yield found


def test_battle_vote_and_export_work_behind_a_notebooks_proxy(
    new_page: Callable[..., Tab], scripted_app: ServedApp, outside: tuple[str, list[str]]
) -> None:
    address, strayed = outside
    before = len(scripted_app.rows())
    tab = new_page(address)
    page = tab.page
    wait_ready(page)
    ask_for_vote(page, "Why?")
    assert "done." in answer(page, "a")
    vote(page)
    expect(says(page)).to_contain_text("Vote saved")
    assert len(scripted_app.rows()) == before + 1
    go(page, "results")
    with page.expect_download() as download:
        page.click("#download")
    assert len(pd.read_csv(download.value.path(), dtype=str)) == before + 1
    assert tab.hosts == {urlsplit(address).netloc} and set(strayed) <= ICON
    assert not tab.page_errors


def test_a_link_to_a_battle_stays_under_the_prefix(
    new_page: Callable[..., Tab], scripted_app: ServedApp, outside: tuple[str, list[str]]
) -> None:
    address, strayed = outside
    page = new_page(f"{address}?replay=none").page
    expect(page.locator("#replay_title")).to_contain_text("There is no vote on this battle")
    assert page.url.startswith(address) and set(strayed) <= ICON


def test_without_the_slash_the_page_finds_itself(
    new_page: Callable[..., Tab], scripted_app: ServedApp, outside: tuple[str, list[str]]
) -> None:
    address, strayed = outside
    page = new_page(f"{address.rstrip('/')}?room=ABC234").page
    wait_ready(page)
    assert page.url.startswith(f"{address}?room=ABC234")
    # What the browser asks for before it leaves the page without the slash.
    assert all("/assets/" in path for path in set(strayed) - ICON)


@pytest.mark.parametrize(
    "proxy", [nginx, caddy, pytest.param(jupyter, marks=pytest.mark.extra)], ids=["nginx", "caddy", "jupyter"]
)
def test_behind_a_reverse_proxy_answers_arrive_as_they_grow_and_a_vote_is_taken(
    proxy: Callable[..., AbstractContextManager[str]], new_page: Callable[..., Tab], scripted_app: ServedApp
) -> None:
    before = len(scripted_app.rows())
    with proxy([scripted_app.url], path="/arena") as address:
        tab = new_page(address.rstrip("/"))
        page = tab.page
        wait_ready(page)
        assert page.url == address
        ask(page, "slow")
        expect(page.locator("#pane_a [data-testid=bot]").last).to_contain_text("tick tick")
        wait_for_phase(page, "run")
        page.click("#stop_all")
        wait_for_phase(page, "cut")
        page.reload()
        wait_ready(page)
        ask_for_vote(page, "Why?")
        vote(page)
        expect(says(page)).to_contain_text("Vote saved")
        page.reload()
        expect(questions(page, "a")).to_have_text("Why?")
        assert tab.hosts == {urlsplit(address).netloc} and not tab.page_errors
    assert len(scripted_app.rows()) == before + 1
