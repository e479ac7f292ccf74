"""The class tab's handlers and what they show of a room: its link, its code, its counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import gradio as gr
import segno

from arena.judging.assignments import RoomProgress
from arena.judging.rooms import Room, Rooms
from arena.results.selection import Filters
from arena.results.sentences import planner
from arena.results.service import ResultsService
from arena.votes.backup import BackupStatus
from ui.about import backup_line
from ui.access import Access, refusals, require_admin
from ui.gradio.compat import Block
from ui.judging.view import closed_block
from ui.markup import status
from ui.rooms.layout import ClassTab
from ui.session import Tab, Tabs
from ui.texts import text
from ui.updates import PRIVATE, Props, Updates, merged, whole_number


@dataclass(frozen=True)
class RoomHandlers:
    """The class tab of one page; `public_url` is its address from outside, "" if unknown."""

    rooms: Rooms
    results: ResultsService
    public_url: str
    backup: Callable[[], BackupStatus] | None
    access: Access
    part: ClassTab
    tabs: Tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self.part, self.outputs
        form = part.sign_in
        gr.on([form.enter.click, form.token.submit], self.enter, form.token, [*outputs, form.token], **PRIVATE)
        part.open.click(self.open, [part.prompts, part.expected], outputs, **PRIVATE)
        part.chooser.input(self.choose, part.chooser, outputs, **PRIVATE)
        part.close.click(self.close, None, outputs, **PRIVATE)
        part.timer.tick(self.look, None, [part.counts, part.timer], queue=False, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self.part
        parts = [part.sign_in.column, part.content, part.chooser, part.link, part.counts, part.close, part.results]
        return [*parts, part.backup, part.timer]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        """What every changing component shows now, as properties."""
        part, lang, room = self.part, tab.lang, self._room(tab)
        base = self.public_url or _address_in(request)
        is_open = room is not None and not room.closed
        return {
            part.sign_in.column: {"visible": not tab.admin},
            part.content: {"visible": tab.admin},
            part.chooser: {"choices": self._choices(tab), "value": room.code if room else None},
            part.link: {"value": link_block(lang, base, room)},
            part.counts: {"value": self._counts(tab, room)},
            part.close: {"interactive": is_open},
            part.results: {"value": self._results(lang, room)},
            part.backup: {"value": backup_line(lang, self.backup) if tab.admin else ""},
            part.timer: {"active": is_open},
        }

    def enter(self, token: str | None, request: gr.Request) -> Updates:
        """Check the token, once for each tab."""
        tab = self.tabs.get(request)
        with refusals(tab):
            self.access.sign_in(tab, token, request)
        return merged(self.render(tab, request), {self.part.sign_in.token: {"value": ""}})

    def open(self, prompts: list[str], expected: str | None, request: gr.Request) -> Updates:
        """Open a room."""
        tab = self._admin_tab(request)
        with refusals(tab):
            tab.class_room = self.rooms.open(prompts, whole_number(expected)).code
        return merged(self.render(tab, request))

    def choose(self, code: str | None, request: gr.Request) -> Updates:
        """Show another room."""
        tab = self._admin_tab(request)
        with refusals(tab):
            tab.class_room = self.rooms.room(code or "").code
        return merged(self.render(tab, request))

    def close(self, request: gr.Request) -> Updates:
        """Close the room and show its results."""
        tab = self._admin_tab(request)
        with refusals(tab):
            self.rooms.close(tab.class_room)
        return merged(self.render(tab, request))

    def look(self, request: gr.Request) -> Updates:
        """Refresh the counts."""
        tab, part = self.tabs.get(request), self.part
        room = self._room(tab)
        is_open = room is not None and not room.closed
        return {part.counts: self._counts(tab, room), part.timer: gr.Timer(active=is_open)}

    def _admin_tab(self, request: gr.Request) -> Tab:
        """The tab of an admin. Raises gr.Error for anybody else."""
        tab = self.tabs.get(request)
        with refusals(tab):
            require_admin(tab.admin)
        return tab

    def _room(self, tab: Tab) -> Room | None:
        return self.rooms.room(tab.class_room) if tab.admin and tab.class_room else None

    def _counts(self, tab: Tab, room: Room | None) -> str:
        return counts_block(tab.lang, room, self.rooms.judging(room.code).progress if room else None)

    def _results(self, lang: str, room: Room | None) -> str:
        if room is None or not room.closed:
            return ""
        return closed_block(lang, room, self.results.figures(Filters(room=room.code), is_over=True))

    def _choices(self, tab: Tab) -> list[tuple[str, str]]:
        if not tab.admin:
            return []
        keys = {False: "class_is_open", True: "class_is_closed"}
        return [(text(tab.lang, keys[room.closed], code=room.code), room.code) for room in self.rooms.rooms]


def _address_in(request: gr.Request) -> str:
    """The address by which the reader opened the page."""
    headers = request.headers
    if origin := headers.get("origin"):
        return str(origin)
    return f"http://{headers.get('host', '')}"


def room_link(base: str, room: Room) -> str:
    """The address for raters; `base` is the page's own."""
    return f"{base.rstrip('/')}/?room={quote(room.code)}"


def link_block(lang: str, base: str, room: Room | None) -> str:
    """The code, the link and the link as a QR code, as HTML; nothing once the room is closed."""
    if room is None or room.closed:
        return ""
    link = room_link(base, room)
    # Black on white in dark mode as well: some phones cannot read an inverted code.
    image = segno.make(link, error="m").svg_inline(omitsize=True, border=3, dark="#000", light="#fff")
    title = escape(text(lang, "class_qr"))
    return (
        f'<p class="room-code">{escape(room.code)}</p>'
        f'<p><a href="{escape(link)}" target="_blank" rel="noopener">{escape(link)}</a></p>'
        f'<div class="qr" role="img" aria-label="{title}">{image}</div>'
    )


def counts_block(lang: str, room: Room | None, progress: RoomProgress | None) -> str:
    """How many raters have started and finished and how many votes there are, as HTML. It reveals no result."""
    if room is None or progress is None:
        return ""
    done, of = progress.finished, room.wanted
    words = text(
        lang,
        "class_counts",
        begun=progress.started,
        through=done,
        wanted=of,
        votes=progress.votes,
        count=len(room.prompts),
    )
    bar = f'<progress max="{of}" value="{min(done, of)}" aria-label="{escape(words)}"></progress>'
    # Before the first vote: how many raters are needed.
    plan = "" if progress.votes else f"<p>{escape(planner(lang, len(room.prompts)))}</p>"
    return f"{status(words)}{bar}{plan}"
