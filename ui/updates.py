"""What the handlers of all tabs have in common: how they are wired and how often they speak. Knows no component."""

from __future__ import annotations

import unicodedata
from typing import Any

import gradio as gr
from gradio.blocks import Block

Props = dict[Block, dict[str, Any]]
Updates = dict[Block, Any]

# At most ten updates a second; at least one in half a second, since gradio can only cancel a handler as it yields.
UPDATE_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 0.5
# Turns at the same time. More wait in gradio's queue, which shows their place.
TURNS_AT_ONCE = 16
LONGEST_NUMBER = 10
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Of a handler that asks models: one limit for all of them.
TURNS: dict[str, Any] = {
    "concurrency_id": "turn",
    "concurrency_limit": TURNS_AT_ONCE,
    "api_visibility": "private",
    "show_progress": "minimal",
}


def whole_number(typed: str | None) -> int:
    """The number in a box, in digits of any width; -1 for what is none."""
    written = unicodedata.normalize("NFKC", typed or "").strip()
    return int(written) if written.isdecimal() and len(written) <= LONGEST_NUMBER else -1


def changed(before: Props, now: Props) -> Updates:
    """The updates that turn what is shown into what is to be shown."""
    return {component: _update(props) for component, props in now.items() if before.get(component) != props}


def merged(*parts: Props) -> Updates:
    """The updates for all of them; what comes later is added."""
    props: Props = {}
    for part in parts:
        for component, values in part.items():
            props[component] = {**props.get(component, {}), **values}
    return changed({}, props)


def _update(props: dict[str, Any]) -> Any:
    # For an update gradio makes the component anew, which takes it milliseconds; a value alone it just passes on.
    return props["value"] if set(props) == {"value"} else gr.update(**props)
