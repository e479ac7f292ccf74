"""Fixtures that drive Debian's Chromium.

A gradio server may run in this very process: launch it with prevent_thread_lock=True and close it after the test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright
from served_app import ServedApp

from tests.browser.hands import PATIENCE, choose_mode, wait_ready

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Tab:
    """A page in a browser of its own, with all that happened in it.

    `page_errors` and `console_errors` are texts, `dialogs` the messages of alert and the like (each is dismissed),
    `hosts` the hosts that were asked for anything, by name and port.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.page_errors: list[str] = []
        self.console_errors: list[str] = []
        self.dialogs: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.on("console", lambda message: self._on_console(message.type, message.text))
        page.on("dialog", self._on_dialog)
        # Of the whole context: a window that a page opens counts as well.
        page.context.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.console_errors.append(text)

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # asked while models answer
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_request(self, url: str) -> None:
        if host := urlsplit(url).netloc:  # data: and blob: addresses have none
            self.hosts.add(host)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder `browser`."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("There is no program called chromium. On Debian: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield chromium
        chromium.close()


NewPage = Callable[..., Tab]


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens an address in a new context: new_page(url, locale="zh-CN", viewport=(390, 844), color_scheme="dark").

    Further arguments are those of playwright's Browser.new_context.
    """
    contexts = []

    def open_page(
        url: str,
        locale: str = "en-US",
        viewport: tuple[int, int] = (1280, 800),
        color_scheme: str = "light",
        **context: Any,
    ) -> Tab:
        width, height = viewport
        contexts.append(
            browser.new_context(
                locale=locale, viewport={"width": width, "height": height}, color_scheme=color_scheme, **context
            )
        )
        contexts[-1].set_default_timeout(PATIENCE)
        tab = Tab(contexts[-1].new_page())
        tab.page.goto(url)
        return tab

    yield open_page
    for context in contexts:
        context.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(new_page: NewPage) -> OpenPage:
    """Opens an app's page, in a mode if one is named, and waits until it can be used."""

    def open_app(app: ServedApp, mode: str = "", **options: Any) -> Page:
        page = new_page(app.url, **options).page
        wait_ready(page)
        if mode:
            choose_mode(page, mode)
        return page

    return open_app
