"""The tabs have addresses: a link opens one, Back returns, and a reload stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp

from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import BOX, ask_for_vote, go, questions, wait_for_phase, wait_ready


@pytest.fixture
def page(open_page: OpenPage, scripted_app: ServedApp) -> Page:
    return open_page(scripted_app)


def test_an_address_opens_its_tab(new_page: NewPage, scripted_app: ServedApp) -> None:
    page = new_page(f"{scripted_app.url}#results").page
    expect(page.locator("#summary")).to_be_visible()
    expect(page.locator(BOX)).to_be_hidden()
    page = new_page(f"{scripted_app.url}#about").page
    expect(page.locator("#about")).to_be_visible()


def test_an_address_that_no_tab_has_opens_the_arena(new_page: NewPage, scripted_app: ServedApp) -> None:
    tab = new_page(f"{scripted_app.url}#no'such[tab]")
    wait_ready(tab.page)
    expect(tab.page.locator(BOX)).to_be_visible()
    assert tab.page_errors == []


def test_back_and_forward_go_through_the_tabs_and_a_reload_stays(page: Page) -> None:
    go(page, "results")
    expect(page).to_have_url(re.compile("#results$"))
    go(page, "about")
    expect(page).to_have_url(re.compile("#about$"))
    page.go_back()
    expect(page.locator("#summary")).to_be_visible()
    page.go_back()
    expect(page.locator(BOX)).to_be_visible()
    assert "#" not in page.url
    page.go_forward()
    expect(page.locator("#summary")).to_be_visible()
    page.go_forward()
    expect(page.locator("#about")).to_be_visible()
    page.reload()
    expect(page.locator("#about")).to_be_visible()


def test_a_battle_is_still_there_when_its_reader_returns(page: Page) -> None:
    ask_for_vote(page, "Why?")
    go(page, "results")
    page.go_back()
    expect(questions(page, "a")).to_be_visible()
    wait_for_phase(page, "vote")


def test_on_a_phone_the_menu_leads_to_an_address_as_well(open_page: OpenPage, scripted_app: ServedApp) -> None:
    page = open_page(scripted_app, viewport=(390, 844), has_touch=True, is_mobile=True)
    go(page, "about")
    expect(page).to_have_url(re.compile("#about$"))
    expect(page.locator("#about")).to_be_visible()
    page.go_back()
    expect(page.locator(BOX)).to_be_visible()
