"""Fixtures that drive Debian's Chromium.

A gradio server may run in this very process: launch it with prevent_thread_lock=True and close it after the test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, ViewportSize, expect, sync_playwright
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
    "--process-per-site",
]
_WINDOW: ViewportSize = {"width": 1280, "height": 800}
# Of the site of every app, whatever its port.
_EMPTY = "http://127.0.0.1/"
# Options of contexts that are used again; those with others are closed after their test.
_REUSED = {"locale", "has_touch", "is_mobile"}
# Unused contexts that are kept, each with a renderer of a few hundred megabytes.
_MAX_IDLE = 4


@dataclass
class Contexts:
    """Browser contexts that tests use in turn: in a used one, a page costs half the CPU time of the first.

    An empty page keeps the renderer of each context alive between tests, and with it the compiled scripts.
    """

    browser: Browser
    idle: list[tuple[dict[str, Any], BrowserContext]] = field(default_factory=list)

    def take(self, options: dict[str, Any]) -> BrowserContext:
        """A context that has nothing stored, created with these options."""
        for place, (known, context) in enumerate(self.idle):
            if known == options:
                del self.idle[place]
                return context
        context = self.browser.new_context(viewport=_WINDOW, **options)
        context.set_default_timeout(PATIENCE)
        empty = context.new_page()
        empty.route(_EMPTY, lambda route: route.fulfill(body=""))
        empty.goto(_EMPTY)
        return context

    def give_back(self, options: dict[str, Any], context: BrowserContext) -> None:
        """Closes what the test opened in the context, and clears what it stored."""
        if not options.keys() <= _REUSED:
            context.close()
            return
        empty, *pages = context.pages
        for page in pages:
            page.close()
        context.set_offline(False)
        context.clear_permissions()
        context.clear_cookies()
        session = context.new_cdp_session(empty)
        session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        session.detach()
        self.idle.insert(0, (options, context))
        for _, unused in self.idle[_MAX_IDLE:]:
            unused.close()
        del self.idle[_MAX_IDLE:]


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
        page.context.on("request", self._on_request)

    def forget(self) -> None:
        """Listens to the context no more, which the next test uses."""
        self.page.context.remove_listener("request", self._on_request)

    def _on_console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.console_errors.append(text)

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # asked while models answer
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        if host := urlsplit(request.url).netloc:  # data: and blob: addresses have none
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
    # The first has no window at all, and takes a fifth less CPU time.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        pytest.fail("There is no Chromium. On Debian: apt-get install chromium-headless-shell", pytrace=False)
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """The contexts of the whole run."""
    return Contexts(browser)


NewPage = Callable[..., Tab]


@pytest.fixture
def new_page(contexts: Contexts) -> Iterator[NewPage]:
    """Opens an address in a context of its own: new_page(url, locale="zh-CN", viewport=(390, 844)).

    Nothing on the page is animated, unless the test is about what moves: while models answer, a dot that pulses has the
    whole window drawn sixty times a second, without a GPU. Further arguments are those of playwright's
    Browser.new_context.
    """
    taken: list[tuple[dict[str, Any], Tab]] = []

    def open_page(
        url: str,
        locale: str = "en-US",
        viewport: tuple[int, int] = (1280, 800),
        color_scheme: Literal["light", "dark"] = "light",
        motion: bool = False,
        **options: Any,
    ) -> Tab:
        options = {"locale": locale, **options}
        tab = Tab(contexts.take(options).new_page())
        taken.append((options, tab))
        tab.page.set_viewport_size({"width": viewport[0], "height": viewport[1]})
        tab.page.emulate_media(color_scheme=color_scheme, reduced_motion="no-preference" if motion else "reduce")
        tab.page.goto(url)
        return tab

    yield open_page
    for options, tab in taken:
        tab.forget()
        contexts.give_back(options, tab.page.context)


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
