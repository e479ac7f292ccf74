"""What the handlers of all tabs share: their base class, what an update is, and how often a stream sends one."""

import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from ui.access import Access, Stored
from ui.gradio.compat import Block
from ui.tabs import Tab, Tabs

Props = dict[Block, dict[str, Any]]
Updates = dict[Block, Any]
Typed = dict[Block, Any]
"""What a handler receives for a set of inputs."""
T = TypeVar("T")

# At most ten updates per second; at least two, since gradio can cancel a handler only when it yields.
UPDATE_SECONDS = 0.1
REPEAT_SECONDS = 0.5
# Turns that run at the same time. More wait in gradio's queue, which shows their place.
TURNS_AT_ONCE = 16
MAX_DIGITS = 10
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
UNQUEUED: dict[str, Any] = {**PRIVATE, "queue": False}
UNLIMITED: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
# For a handler that asks models: one limit for all of them.
TURNS: dict[str, Any] = {
    "concurrency_id": "turn",
    "concurrency_limit": TURNS_AT_ONCE,
    "api_visibility": "private",
    "show_progress": "minimal",
}


@dataclass(frozen=True)
class Handlers:
    """The handlers of one part of the page; `browser` is what the browser stores of its rater."""

    access: Access
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self, demo: gr.Blocks) -> None:
        """Attach all handlers; call inside `demo`, the page's gr.Blocks."""

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        return []

    def render(self, tab: Tab, request: gr.Request) -> Props:
        """What every changing component shows now, as properties."""
        return {}

    def opened(self, tab: Tab, stored: Stored, request: gr.Request) -> None:
        """Note that a browser has opened the page."""


def throttled(
    items: Iterable[T], seconds: float = UPDATE_SECONDS, since: float = float("-inf"), last: bool = True
) -> Iterator[T]:
    """The items that come at least `seconds` after the one yielded before, and with `last` the last item.

    `since` is the time of the update before the first item, by `time.monotonic`.
    """
    sent, waiting = since, list[T]()
    for item in items:
        now, waiting = time.monotonic(), [item]
        if now - sent >= seconds:
            sent, waiting = now, []
            yield item
    if last:
        yield from waiting


def stream(
    items: Iterable[object], render: Callable[[], Props], shown: Props, panes: Collection[Block]
) -> Iterator[Updates]:
    """The updates for what `items` change, throttled; at the end everything.

    `shown` was sent just now, so the first update waits. Every REPEAT_SECONDS everything but `panes` is sent again:
    the response of another handler (opening the page, Stop, a tick) may reach the browser late and overwrite it.
    """
    repeated = time.monotonic()
    for _ in throttled(items, since=repeated, last=False):
        before, shown = shown, render()
        if time.monotonic() - repeated >= REPEAT_SECONDS:
            repeated = time.monotonic()
            before = {pane: before[pane] for pane in panes}
        if updates := changed(before, shown):
            yield updates
    yield changed({}, render())


def whole_number(typed: str | None) -> int:
    """The number in a box, in digits of any width; -1 if it is not a whole number."""
    written = unicodedata.normalize("NFKC", typed or "").strip()
    return int(written) if written.isdecimal() and len(written) <= MAX_DIGITS else -1


def changed(before: Props, now: Props) -> Updates:
    """The updates that turn what is shown into what should be shown."""
    return {component: _update(props) for component, props in now.items() if before.get(component) != props}


def merged(*parts: Props, only: Collection[Block] | None = None) -> Updates:
    """The updates for all parts, or for the components in `only`; a later part overrides an earlier one."""
    props: Props = {}
    for part in parts:
        for component, values in part.items():
            if only is None or component in only:
                props[component] = {**props.get(component, {}), **values}
    return changed({}, props)


def _update(props: dict[str, Any]) -> Any:
    # For an update gradio rebuilds the component, which takes milliseconds; it just passes on a plain value.
    return props["value"] if set(props) == {"value"} else gr.update(**props)


def with_first(handler: Callable[[Any, gr.Request], Any], first: object) -> Callable[[gr.Request], Any]:
    """A handler with its first argument. gradio reads the signature for gr.Request, which functools.partial hides."""

    def handle(request: gr.Request) -> Any:
        return handler(first, request)

    return handle
