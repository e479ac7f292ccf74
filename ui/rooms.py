"""The class tab: rooms in which a class rates answers, each with its link, its code, its counts and its results."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import gradio as gr
import segno

from arena.judging.room import NO_ROOM, Room
from arena.judging.rooms import Rooms
from arena.results.sentences import planner
from arena.results.service import ResultsService
from ui.about import backup_line
from ui.admin import HostHandlers
from ui.arena.view import room_html
from ui.components import Labels
from ui.markup import tiles
from ui.services import Site
from ui.tabs import Tab
from ui.texts import text
from ui.updates import UNQUEUED, Props, whole_number

# How often the counts of an open room are refreshed.
REFRESH_SECONDS = 3.0
EXPECTED_RATERS = 30


class ClassTab:
    """The components that handlers read or write."""

    def __init__(self, labels: Labels, prompts: Sequence[str]) -> None:
        labels.markdown("class_what", "class_what")
        titles = [(f"prompt_{prompt}", prompt) for prompt in prompts]
        self.prompts = labels.choices(gr.CheckboxGroup, "class_prompts", titles, value=list(prompts))
        self.expected = labels.textbox("class_wanted", value=str(EXPECTED_RATERS), max_lines=1)
        self.open = labels.button("class_open", variant="primary")
        self.chooser = labels.labelled(gr.Dropdown, "class_room", choices=[], interactive=True)
        # What the projector shows, over the whole window (page.js).
        with gr.Column(elem_id="class_stage"):
            self.link = gr.HTML("", elem_id="class_link")
            self.counts = gr.HTML("", elem_id="class_counts")
        self.close = labels.button("class_close", interactive=False)
        self.results = gr.HTML("", elem_id="class_results")
        self.backup = gr.Markdown("", elem_id="class_backup")
        self.timer = gr.Timer(REFRESH_SECONDS, active=False)


@dataclass(frozen=True)
class RoomHandlers(HostHandlers):
    """The class tab of one page."""

    part: ClassTab
    rooms: Rooms
    results: ResultsService
    site: Site

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        self.acts(part.open.click, self.open, [part.prompts, part.expected])
        self.acts(part.chooser.input, self.choose, [part.chooser])
        self.acts(part.close.click, self.close)
        self.on(part.timer.tick, self.refresh, **UNQUEUED)

    def render(self, tab: Tab) -> Props:
        part, lang, is_host = self.part, tab.lang, self.access.is_host(tab)
        rooms = self.rooms.rooms if is_host else ()
        room = next((room for room in rooms if room.code == (tab.class_room or room.code)), None)
        tab.class_room = room.code if room else NO_ROOM
        headers = tab.request.headers
        # The address by which the reader opened the page, unless the host has named one.
        base = self.site.public_url or headers.get("origin") or f"http://{headers.get('host', '')}"
        is_open = room is not None and not room.closed
        states = {one.code: "class_is_closed" if one.closed else "class_is_open" for one in rooms}
        choices = [(text(lang, state, code=code), code) for code, state in states.items()]
        return {
            part.chooser: {"choices": choices, "value": room.code if room else None},
            part.link: {"value": link_block(lang, base, room)},
            part.counts: {"value": counts_block(lang, room)},
            part.close: {"interactive": is_open},
            part.results: {"value": room_html(lang, room, "", self.results) if room and room.closed else ""},
            part.backup: {"value": backup_line(lang, self.site.backup) if is_host else ""},
            part.timer: {"active": is_open},
        }

    def open(self, tab: Tab, prompts: list[str], expected: str | None) -> None:
        """Open a room."""
        tab.class_room = self.rooms.open(prompts, whole_number(expected)).code

    def choose(self, tab: Tab, code: str | None) -> None:
        """Show another room."""
        tab.class_room = self.rooms.room(code or "").code

    def close(self, tab: Tab) -> None:
        """Close the room and show its results."""
        self.rooms.close(tab.class_room)

    def refresh(self, tab: Tab) -> Props:
        """Show the counts as they are now, and all once the room is closed."""
        tab.require_opened()
        part, props = self.part, self.render(tab)
        return {part.counts: props[part.counts]} if props[part.timer]["active"] else props


def link_block(lang: str, base: str, room: Room | None) -> str:
    """The link as a QR code, the code, the link, and the projector's buttons, as HTML; "" once the room is closed.

    `base` is the page's address.
    """
    if room is None or room.closed:
        return ""
    link = f"{base.rstrip('/')}/?room={quote(room.code)}"
    # Black on white in dark mode as well: some phones cannot read an inverted code.
    image = segno.make(link, error="m").svg_inline(omitsize=True, border=3, dark="#000", light="#fff")
    title = escape(text(lang, "class_qr"))
    buttons = (
        f'<button type="button" data-project="{on}">{escape(text(lang, f"class_project_{on}"))}</button>'
        for on in ("on", "off")
    )
    return (
        f'<div class="qr" role="img" aria-label="{title}">{image}</div>'
        f'<div><p class="join">{escape(text(lang, "class_join"))}</p><p class="room-code">{escape(room.code)}</p>'
        f'<p><a href="{escape(link)}" target="_blank" rel="noopener">{escape(link)}</a></p>{"".join(buttons)}</div>'
    )


def counts_block(lang: str, room: Room | None) -> str:
    """How many raters have started and finished and how many votes there are, as HTML. It reveals no result."""
    if room is None:
        return ""
    progress = room.progress
    done, of = progress.finished, room.wanted
    finished = f"{done} / {of}"
    label = text(lang, "class_finished", count=finished)
    bar = f'<progress max="{of}" value="{min(done, of)}" aria-label="{label}"></progress>'
    # Before the first vote: how many raters are needed.
    plan = "" if progress.votes else f"<p>{escape(planner(lang, len(room.prompts)))}</p>"
    votes = {"class_votes": progress.votes, "class_prompts_count": len(room.prompts)}
    shown = tiles(lang, {"class_joined": progress.started, "class_finished": finished, **votes}, ' role="status"')
    return f"{shown}{bar}{plan}"
