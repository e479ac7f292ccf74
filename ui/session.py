"""What the page needs from outside, and who is asking. Knows no layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from arena.ballots import Ballots
from arena.chat import Chats
from arena.counts import Results
from arena.prompts import Prompt
from arena.types import Backend, SideName
from ui.texts import language_of_browser


@dataclass(frozen=True)
class Services:
    """All that the page works with; app.py puts it together.

    `judge` turns a rater's random id into what may be stored. `export(excel)` writes a fresh copy of all votes and
    returns its path. `lang` forces a language unless empty; `secret` seals what the browser keeps.
    """

    backends: Mapping[SideName, Backend]
    prompts: tuple[Prompt, ...]
    chats: Chats
    ballots: Ballots
    judge: Callable[[str], str]
    results: Callable[[], Results]
    export: Callable[[bool], Path]
    secret: str
    lang: str = ""

    def prompt_of(self, written: str) -> Prompt | None:
        """The prompt of the set that was sent as it stands."""
        return next((prompt for prompt in self.prompts if prompt.text.strip() == written.strip()), None)


def lang_of(services: Services, request: gr.Request, chosen: str = "") -> str:
    """The language to answer in: what the person chose, what the host set, or what the browser asks for."""
    return chosen or services.lang or language_of_browser(request.headers.get("accept-language", ""))
