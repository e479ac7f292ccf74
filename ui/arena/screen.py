"""What the Arena tab shows, as values, and the HTML of its heads and of the line between panes and composer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from arena.types import SideName, Winner
from ui.texts import text

Phase = Literal["empty", "run", "vote", "voted", "cut", "over"]
State = Literal["wait", "run", "done", "stop"]
Mode = Literal["blind", "named", "rate"]
Row = dict[str, Any]
"""A message as gr.Chatbot takes it."""

# The pills from left to right, which is also the order of the keys 1 to 4.
PILLS = (Winner.MODEL_A, Winner.TIE, Winner.BOTH_BAD, Winner.MODEL_B)
CHOSEN = {SideName.A: Winner.MODEL_A, SideName.B: Winner.MODEL_B}


@dataclass(frozen=True)
class PaneView:
    """One pane. `title` and `meta` are plain text; `color` is "a" or "b", or "" while the model is hidden.

    `actions` are the buttons of its head: stop, regenerate and copy.
    """

    title: str
    rows: Sequence[Row] = ()
    state: State = "wait"
    meta: str = ""
    color: str = ""
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """The whole tab. `says` and `extra` are HTML; `turn` changes with every question; `vote` is the vote cast.

    `labels` are the pills' texts, `hint` is the text in the empty input, `can_skip` whether the battle can be skipped,
    `can_change` whether another pill changes the vote. `question` is the last question if it can be edited.
    """

    mode: Mode
    phase: Phase
    panes: Mapping[SideName, PaneView]
    turn: str = ""
    says: str = ""
    extra: str = ""
    winner: Winner | None = None
    hint: str = ""
    can_skip: bool = False
    can_change: bool = False
    question: str = ""
    labels: Mapping[Winner, str] = field(default_factory=dict)


def head_html(lang: str, side: SideName, screen: Screen, chosen: str = "your_choice") -> str:
    """The head of a pane; `chosen` is the text of the better answer. page.js reads its data attributes."""
    pane = screen.panes[side]
    mark = "" if screen.winner is None else "win" if screen.winner is CHOSEN[side] else "lose"
    badge = f'<span class="badge">{escape(text(lang, chosen))}</span>' if mark == "win" else ""
    buttons = "".join(_icon(lang, action, side) for action in pane.actions)
    return (
        f'<div class="head" data-side="{side}" data-state="{pane.state}" data-turn="{screen.turn}"'
        f' data-color="{pane.color}" data-mark="{mark}"><i class="dot"></i><h2>{escape(pane.title)}</h2>{badge}'
        f'<span class="meta" role="status" title="{escape(pane.meta)}">{escape(pane.meta)}</span>{buttons}</div>'
    )


def _icon(lang: str, action: str, side: SideName) -> str:
    label = escape(text(lang, action))
    copied = f' data-copied="{escape(text(lang, "copied"))}"' if action == "copy" else ""
    return (
        f'<button type="button" class="tool {action}" data-press="{action}_{side}"{copied}'
        f' aria-label="{label}" title="{label}"></button>'
    )


def phase_html(lang: str, screen: Screen, edits: bool = False) -> str:
    """The line between panes and composer. By its data attributes arena.css shows what belongs to the phase.

    `edits`: the last question is being edited.
    """
    states = {"skip": screen.can_skip, "change": screen.can_change, "edit": bool(screen.question), "edits": edits}
    attributes = "".join(f' data-{name}="yes"' for name, is_on in states.items() if is_on)
    says = escape(text(lang, "edit_hint")) if edits else screen.says
    unread = "".join(
        f'<button type="button" class="unread" data-show="{side}">{escape(text(lang, f"unread_{side}"))}</button>'
        for side in SideName
    )
    return (
        f'<div id="phase" data-phase="{screen.phase}" data-mode="{screen.mode}" data-hint="{escape(screen.hint)}"'
        f' data-winner="{screen.winner or ""}"{attributes}>'
        f'<p role="status">{says}</p>{unread}{screen.extra}</div>'
    )


def switch_html(lang: str) -> str:
    """The switch between the two panes on a phone."""
    buttons = "".join(
        f'<button type="button" data-show="{side}" aria-pressed="false"><i class="dot"></i>'
        f"<span>{escape(text(lang, f'side_{side}'))}</span></button>"
        for side in SideName
    )
    return f'<div class="switch" role="group" aria-label="{escape(text(lang, "switch_sides"))}">{buttons}</div>'
