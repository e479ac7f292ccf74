"""The batch tab's handlers. Each of them asks first whether the reader may use the machine so."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.batch import BatchRunner, BatchState
from arena.errors import ArenaError, InputError
from ui.batch.layout import BatchTab
from ui.batch.view import grid_block, refusal_block, status_block
from ui.judging.raters import refusals
from ui.session import Services, Tab, Tabs, address_of
from ui.updates import PRIVATE, Props, merged, whole_number


class BatchHandlers:
    """Wires the batch tab of one page."""

    def __init__(self, services: Services, desk: BatchRunner, part: BatchTab, tabs: Tabs) -> None:
        self._services = services
        self._desk = desk
        self._part = part
        self._tabs = tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self._part, self.outputs
        numbers = [part.repeats, part.seed]
        door = part.door
        gr.on(
            [door.enter.click, door.token.submit], self.enter, [door.token, *numbers], [*outputs, door.token], **PRIVATE
        )
        part.start.click(self.start, [*numbers, part.retry], outputs, **PRIVATE)
        part.pause.click(self.pause, numbers, outputs, **PRIVATE)
        part.stop.click(self.stop, numbers, outputs, **PRIVATE)
        gr.on([part.tab.select, part.timer.tick], self.look, numbers, outputs, queue=False, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self._part
        return [part.door.column, part.desk, part.start, part.pause, part.stop, part.status, part.grid, part.timer]

    def render(self, tab: Tab, request: gr.Request, repeats: str | None = "1", seed: str | None = "0") -> Props:
        """What every changing component shows now, as properties."""
        part, may = self._part, self._services.may_run(tab, request)
        shown: Props = {part.door.column: {"visible": not may}, part.desk: {"visible": may}}
        if not may:
            return shown | {part.status: {"value": ""}, part.grid: {"value": ""}, part.timer: {"active": False}}
        try:
            state = self._desk.state(whole_number(repeats), whole_number(seed))
        except ArenaError as error:  # of the numbers, or of a file that somebody has changed
            return shown | {part.status: {"value": refusal_block(tab.lang, error)}, part.grid: {"value": ""}}
        return shown | self._state(tab, state)

    def _state(self, tab: Tab, state: BatchState) -> Props:
        part = self._part
        titles = {prompt.id: prompt.title[tab.lang] for prompt in self._services.prompts}
        return {
            part.start: {"interactive": not state.running},
            part.pause: {"interactive": state.running and not state.ending},
            part.stop: {"interactive": state.running},
            part.status: {"value": status_block(tab.lang, state)},
            part.grid: {"value": grid_block(tab.lang, state.progress, titles)},
            part.timer: {"active": state.running},
        }

    def enter(self, token: str | None, repeats: str | None, seed: str | None, request: gr.Request) -> dict[Block, Any]:
        """Show the token, once for each tab."""
        tab = self._tabs.get(request)
        with refusals(tab):
            if self._services.admin is None:
                raise InputError("admin_none", "This page has no admin.")
            self._services.admin.check(token or "", address_of(request))
        tab.admin = True
        return merged(self.render(tab, request, repeats, seed), {self._part.door.token: {"value": ""}})

    def start(self, repeats: str | None, seed: str | None, retry: bool, request: gr.Request) -> dict[Block, Any]:
        """Ask what is not there yet."""
        tab = self._allowed(request)
        with refusals(tab):
            self._desk.start(whole_number(repeats), whole_number(seed), bool(retry))
        return merged(self.render(tab, request, repeats, seed))

    def pause(self, repeats: str | None, seed: str | None, request: gr.Request) -> dict[Block, Any]:
        """Let the running answer end, and begin no other."""
        tab = self._allowed(request)
        self._desk.pause()
        return merged(self.render(tab, request, repeats, seed))

    def stop(self, repeats: str | None, seed: str | None, request: gr.Request) -> dict[Block, Any]:
        """End at once."""
        tab = self._allowed(request)
        self._desk.stop()
        return merged(self.render(tab, request, repeats, seed))

    def look(self, repeats: str | None, seed: str | None, request: gr.Request) -> dict[Block, Any]:
        """How far it is now."""
        return merged(self.render(self._tabs.get(request), request, repeats, seed))

    def _allowed(self, request: gr.Request) -> Tab:
        """The tab of somebody who may. Raises gr.Error for anybody else."""
        tab = self._tabs.get(request)
        with refusals(tab):
            if not self._services.may_run(tab, request):
                raise InputError("admin_needed", "This needs the admin's token.")
        return tab
