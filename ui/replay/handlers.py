"""The replay's handlers. Who may see a battle is said in ui.session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.results.replay import Obstacle, ask_again, obstacle
from arena.types import Backend, Battle, SideName
from ui.display import plain_copy
from ui.judging.view import answer_rows, first_prompt, prompt_block, talk_rows
from ui.replay.finding import Kept, vote_on
from ui.replay.layout import ReplayPart
from ui.replay.moderation import host_props
from ui.replay.view import facts_block, outcome_block
from ui.session import Services, Tab, Tabs
from ui.texts import error_text, text
from ui.updates import KEEP_ALIVE_SECONDS, PRIVATE, TURNS, Props, Updates, changed


class ReplayHandlers:
    """Wires the replay of one page; `kept` is what the browser keeps of its rater, `pages` holds the page's tabs."""

    def __init__(self, services: Services, part: ReplayPart, tabs: Tabs, kept: gr.BrowserState, pages: gr.Tabs) -> None:
        self._services = services
        self._part = part
        self._tabs = tabs
        self._kept = kept
        self._pages = pages

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, asked = self._part, [self._kept, self._part.battle_id]
        gr.on([part.look.click, part.battle_id.submit], self.look, asked, part.changing, concurrency_limit=4, **PRIVATE)
        turn = {**TURNS, "trigger_mode": "once", "show_progress_on": [part.outcome]}
        running: Any = part.again.click(self.again, asked, part.outcome, **turn)
        part.stop.click(self.stopped, None, part.outcome, cancels=[running], queue=False, **PRIVATE)

    def wire_link(self, demo: gr.Blocks) -> None:
        """What an address with a battle in it opens."""
        outputs = [*self._part.changing, self._pages]
        demo.load(self.opened, self._kept, outputs, concurrency_limit=4, **PRIVATE)

    def opened(self, kept: Kept, request: gr.Request) -> Updates:
        """The battle that the address names, if it names one."""
        battle_id = request.query_params.get("replay", "")
        if not battle_id:
            return {self._pages: gr.skip()}
        tab = self._tabs.get(request)
        # The handler that reads it from the browser's store runs at the same time.
        tab.lang = (kept or {}).get("lang") or tab.lang
        shown = {**self._shown(tab, kept, battle_id), self._part.battle_id: {"value": battle_id}}
        return {**changed({}, {**shown, self._part.fold: {"open": True}}), self._pages: gr.Tabs(selected="results")}

    def look(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Updates:
        """The battle with the id in the box."""
        return changed({}, self._shown(self._tabs.get(request), kept, battle_id or ""))

    def again(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Iterator[Any]:
        """Both sides asked anew as far as they can be, and how that stands to the answers then."""
        tab = self._tabs.get(request)
        try:
            self._services.check_rate(request)
            then = vote_on(self._services, tab, kept, battle_id or "").battle
        except ArenaError as error:
            yield f'<p role="alert">⚠️ {escape(error_text(tab.lang, error))}</p>'
            return
        backends = {backend.spec.id: backend for backend in self._services.backends.values()}
        found = {name: backends.get(then.side(name).model.id) for name in SideName}
        obstacles = {name: (why, found[name]) for name in SideName if (why := obstacle(then.side(name), found[name]))}
        able = {name: backend for name, backend in found.items() if backend and name not in obstacles}
        yield outcome_block(tab.lang, then, None, obstacles)
        if able:
            yield from self._follow(tab, then, able, obstacles)

    def _follow(
        self,
        tab: Tab,
        then: Battle,
        backends: dict[SideName, Backend],
        obstacles: dict[SideName, tuple[Obstacle, Backend | None]],
    ) -> Iterator[str]:
        told, now = time.monotonic(), then
        for now in ask_again(then, backends):
            if time.monotonic() - told >= KEEP_ALIVE_SECONDS:
                told = time.monotonic()
                yield outcome_block(tab.lang, then, now, obstacles)
        yield outcome_block(tab.lang, then, now, obstacles)

    def stopped(self, request: gr.Request) -> str:
        """That nothing more comes."""
        return _line(text(self._tabs.get(request).lang, "replay_stopped"))

    def _shown(self, tab: Tab, kept: Kept, battle_id: str) -> Props:
        part = self._part
        try:
            vote = vote_on(self._services, tab, kept, battle_id)
        except ArenaError as error:
            words = f'<p role="alert">⚠️ {escape(error_text(tab.lang, error))}</p>'
            return {part.note: {"value": words}, part.shown: {"visible": False}}
        battle = vote.battle
        props: Props = {
            part.note: {"value": ""},
            part.shown: {"visible": True},
            part.prompt: {"value": prompt_block(tab.lang, first_prompt(battle))},
            part.facts: {"value": facts_block(tab.lang, vote)},
            part.again: {"interactive": bool(self._services.backends)},
            part.outcome: {"value": ""},
            **host_props(self._services, part, tab, vote),
        }
        for name in SideName:
            side = battle.side(name)
            words = f"{text(tab.lang, f'replay_side_{name}')} · **{plain_copy(side.model.id)}**"
            props[part.names[name]] = {"value": words}
            props[part.panes[name]] = {"value": [*talk_rows(side), *answer_rows(tab.lang, side.answer)]}
        return props


def _line(words: str) -> str:
    return f'<p role="status">{escape(words)}</p>'
