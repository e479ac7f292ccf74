"""The Arena's handlers of a served app, called as gradio calls them, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from served_app import ServedApp, handlers_of

from arena.types import Winner
from ui.arena.handlers import ArenaHandlers
from ui.gradio.compat import make_blocks
from ui.page import Page

STORED = {"rater": "r"}


class Arena:
    """The Arena of one page, with the requests of one browser tab."""

    def __init__(self, app: ServedApp) -> None:
        with make_blocks():
            page = Page(app.services)
        self.handlers: ArenaHandlers = handlers_of(page, ArenaHandlers)
        self.part = self.handlers.part
        self.services = app.services

    @property
    def tab(self) -> Any:
        """What the server remembers of the tab."""
        return self.handlers.tabs.get(self.request())

    def request(self, session: str | None = "one") -> Any:
        """A request of the tab, or of another one, which has opened the page."""
        usual = {"headers": {"accept-language": "en"}, "client": None, "query_params": {}}
        request: Any = SimpleNamespace(session_hash=session, **usual)
        if session:
            self.handlers.tabs.get(request).opened = True
        return request

    def choose(self, mode: str) -> dict[Any, Any]:
        """Switch to another way to compare."""
        return self.ask(self.handlers.choose_mode, mode)

    def ask(self, handler: Callable[..., Any], *values: Any, stored: Any = STORED, session: str | None = "one") -> Any:
        """What a handler sends."""
        return self.handlers.answer(handler, self.request(session), stored, *values)

    def send(
        self, words: str | None, stored: Any = STORED, session: str | None = "one", **settings: str
    ) -> list[dict[Any, Any]]:
        """All updates of a turn; `settings` are what the boxes say."""
        typed = {
            **dict.fromkeys(self.part.composer.inputs),
            self.part.composer.box: words,
            **{self.part.composer.settings[name]: value for name, value in settings.items()},
        }
        return list(self.ask(self.handlers.send, typed, stored=stored, session=session))

    def vote(self, winner: Winner = Winner.TIE, stored: Any = STORED, session: str | None = "one") -> dict[Any, Any]:
        """A click on a pill."""
        typed = dict.fromkeys(self.part.details.inputs)
        return self.ask(partial(self.handlers.vote, winner), typed, stored=stored, session=session)

    def phase(self) -> str:
        """The phase that the tab is in."""
        return self.handlers._mode(self.tab).screen(self.tab).phase


@pytest.fixture
def arena_of() -> Callable[[ServedApp], Arena]:
    """Makes the Arena of a served app."""
    return Arena
