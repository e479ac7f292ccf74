"""The class tab's handlers. Each of them asks first whether the tab has shown the token."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import InputError
from arena.judging.limits import Admin
from arena.judging.rooms import Room, Rooms
from arena.results.selection import Filters
from ui.backup import backup_line
from ui.judging.raters import refusals
from ui.judging.view import over_block
from ui.rooms.layout import ClassTab
from ui.rooms.view import counts_block, link_block
from ui.session import Services, Tab, Tabs, address_of
from ui.texts import text
from ui.updates import PRIVATE, Props, merged, whole_number


class RoomHandlers:
    """Wires the class tab of one page."""

    def __init__(self, services: Services, admin: Admin, rooms: Rooms, part: ClassTab, tabs: Tabs) -> None:
        self._services = services
        self._admin = admin
        self._rooms = rooms
        self._part = part
        self._tabs = tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self._part, self.outputs
        door = part.door
        gr.on([door.enter.click, door.token.submit], self.enter, door.token, [*outputs, door.token], **PRIVATE)
        part.open.click(self.open, [part.prompts, part.wanted], outputs, **PRIVATE)
        part.chooser.input(self.choose, part.chooser, outputs, **PRIVATE)
        part.close.click(self.close, None, outputs, **PRIVATE)
        part.timer.tick(self.look, None, [part.counts, part.timer], queue=False, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self._part
        parts = [part.door.column, part.desk, part.chooser, part.link, part.counts, part.close, part.results]
        return [*parts, part.backup, part.timer]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        """What every changing component shows now, as properties."""
        part, lang, room = self._part, tab.lang, self._room(tab)
        base = self._services.public_url or _address_in(request)
        is_open = room is not None and not room.closed
        return {
            part.door.column: {"visible": not tab.admin},
            part.desk: {"visible": tab.admin},
            part.chooser: {"choices": self._choices(tab), "value": room.code if room else None},
            part.link: {"value": link_block(lang, base, room)},
            part.counts: {"value": self._counts(tab, room)},
            part.close: {"interactive": is_open},
            part.results: {"value": self._results(lang, room)},
            part.backup: {"value": backup_line(lang, self._services.backup) if tab.admin else ""},
            part.timer: {"active": is_open},
        }

    def enter(self, token: str | None, request: gr.Request) -> dict[Block, Any]:
        """Show the token, once for each tab."""
        tab = self._tabs.get(request)
        with refusals(tab):
            self._admin.check(token or "", address_of(request))
        tab.admin = True
        return merged(self.render(tab, request), {self._part.door.token: {"value": ""}})

    def open(self, prompts: list[str], wanted: str | None, request: gr.Request) -> dict[Block, Any]:
        """Open a room."""
        tab = self._known(request)
        with refusals(tab):
            tab.class_room = self._rooms.open(prompts, whole_number(wanted)).code
        return merged(self.render(tab, request))

    def choose(self, code: str | None, request: gr.Request) -> dict[Block, Any]:
        """Look at another room."""
        tab = self._known(request)
        with refusals(tab):
            tab.class_room = self._rooms.room(code or "").code
        return merged(self.render(tab, request))

    def close(self, request: gr.Request) -> dict[Block, Any]:
        """Close the room and show what its votes come to."""
        tab = self._known(request)
        with refusals(tab):
            self._rooms.close(tab.class_room)
        return merged(self.render(tab, request))

    def look(self, request: gr.Request) -> dict[Block, Any]:
        """The counts as they are now."""
        tab, part = self._tabs.get(request), self._part
        room = self._room(tab)
        is_open = room is not None and not room.closed
        return {part.counts: self._counts(tab, room), part.timer: gr.Timer(active=is_open)}

    def _known(self, request: gr.Request) -> Tab:
        """The tab of somebody who has shown the token. Raises gr.Error for anybody else."""
        tab = self._tabs.get(request)
        with refusals(tab):
            if not tab.admin:
                raise InputError("admin_needed", "This needs the admin's token.")
        return tab

    def _room(self, tab: Tab) -> Room | None:
        return self._rooms.room(tab.class_room) if tab.admin and tab.class_room else None

    def _counts(self, tab: Tab, room: Room | None) -> str:
        return counts_block(tab.lang, room, self._rooms.judging(room.code).progress if room else None)

    def _results(self, lang: str, room: Room | None) -> str:
        """What the votes of a closed room come to."""
        if room is None or not room.closed:
            return ""
        return over_block(lang, room, self._services.results.figures(Filters(room=room.code), is_over=True))

    def _choices(self, tab: Tab) -> list[tuple[str, str]]:
        if not tab.admin:
            return []
        keys = {False: "class_is_open", True: "class_is_closed"}
        return [(text(tab.lang, keys[room.closed], code=room.code), room.code) for room in self._rooms.rooms]


def _address_in(request: gr.Request) -> str:
    """The address under which the reader has opened the page."""
    headers = request.headers
    if origin := headers.get("origin"):
        return str(origin)
    return f"http://{headers.get('host', '')}"
