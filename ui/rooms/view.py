"""What the class tab shows of a room: its link, its code, how far it is, how many raters it takes."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import segno

from arena.judging.assignments import RoomProgress
from arena.judging.rooms import Room
from arena.results.sentences import planner
from ui.texts import text


def room_link(base: str, room: Room) -> str:
    """The address that raters open; `base` is the page's own."""
    return f"{base.rstrip('/')}/?room={quote(room.code)}"


def link_block(lang: str, base: str, room: Room | None) -> str:
    """The code, the link and the link as a QR code, as HTML; nothing once the room is closed."""
    if room is None or room.closed:
        return ""
    link = room_link(base, room)
    # A white border and black modules in dark mode as well: not every phone reads it the other way round.
    image = segno.make(link, error="m").svg_inline(omitsize=True, border=3, dark="#000", light="#fff")
    title = escape(text(lang, "class_qr"))
    return (
        f'<p class="room-code">{escape(room.code)}</p>'
        f'<p><a href="{escape(link)}" target="_blank" rel="noopener">{escape(link)}</a></p>'
        f'<div class="qr" role="img" aria-label="{title}">{image}</div>'
    )


def counts_block(lang: str, room: Room | None, progress: RoomProgress | None) -> str:
    """How many have begun and are through, and how many votes there are, as HTML: no word of what they say."""
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
    # Before a class one wants to know how many raters it takes.
    plan = "" if progress.votes else f"<p>{escape(planner(lang, len(room.prompts)))}</p>"
    return f'<p role="status">{escape(words)}</p>{bar}{plan}'
