"""What the handlers of all tabs share: their base class, what an update is, and how often a stream sends one."""

import inspect
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from ui.access import Access, Stored, refusals
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
# For what a reader chooses. A choice made while an earlier one is being answered is answered next: gradio would drop
# it, though the control shows it. The handler must not send the control's value back unless something else counts.
CHOSEN: dict[str, Any] = {**UNQUEUED, "trigger_mode": "always_last"}
UNLIMITED: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
# For a handler that asks models: one limit for all of them.
TURNS: dict[str, Any] = {"concurrency_id": "turn", "concurrency_limit": TURNS_AT_ONCE}


@dataclass(frozen=True)
class Handlers:
    """The handlers of one part of the page; `browser` is what the browser stores of its rater."""

    access: Access
    tabs: Tabs
    browser: gr.BrowserState
    part: Any

    def wire(self, demo: gr.Blocks) -> None:
        """Attach all handlers; call inside `demo`, the page's gr.Blocks."""

    def on(
        self,
        triggers: Any,
        handler: Callable[..., Any],
        inputs: Collection[Block] = (),
        outputs: Block | Collection[Block] | None = None,
        **how: Any,
    ) -> Any:
        """Let `handler(tab, *values)` answer, with the values of the inputs, or one dictionary for a set of them.

        It returns or yields what to show. `outputs` are all of this part unless given.
        """

        def values(typed: Typed) -> Sequence[Any]:
            return [typed] if isinstance(inputs, set) else [typed[block] for block in inputs]

        def handle(request: gr.Request, typed: Typed) -> Any:
            return self.answer(handler, request, typed[self.browser], *values(typed))

        def steps(request: gr.Request, typed: Typed) -> Iterator[Any]:
            yield from handle(request, typed)

        function = steps if inspect.isgeneratorfunction(handler) else handle
        function.__name__ = getattr(handler, "func", handler).__name__  # what the log calls it
        shown = self.outputs if outputs is None else outputs
        return gr.on(triggers, function, {self.browser, *inputs}, shown, **{**PRIVATE, **how})

    def download(self, button: gr.Button, write: Callable[..., str], inputs: Collection[Block], limit: int) -> None:
        """On a click on `button`, write a file, `limit` at the same time, and hand it to the browser."""
        file = self.part.file
        written = self.on(button.click, write, inputs, file, concurrency_limit=limit)
        written.success(None, js=f"() => document.querySelector('#{file.elem_id}').click()", api_visibility="private")

    def answer(self, handler: Callable[..., Any], request: gr.Request, stored: Stored, *values: Any) -> Any:
        """What the handler returns, as updates. An ArenaError becomes a message on the page."""
        tab = self.tabs.get(request)
        self.access.recognise(tab, stored, request)
        result = self.result(tab, handler, *values)
        return (changed({}, result) or gr.skip()) if isinstance(result, dict) else result

    def result(self, tab: Tab, handler: Callable[..., Any], *values: Any) -> Any:
        """What the handler returns. Raises gr.Error for an ArenaError."""
        with refusals(tab.lang):
            return handler(tab, *values)

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        return list(dict.fromkeys(_blocks_in(self.part)))

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties."""
        return {}

    def opened(self, tab: Tab) -> None:
        """Note that a browser has opened the page."""


def _blocks_in(part: Any) -> Iterator[Block]:
    """The components among the attributes of a part of the page, and among those of its own parts."""
    if isinstance(part, gr.blocks.Block):
        yield part
    elif isinstance(part, (list, dict)):
        for item in part.values() if isinstance(part, dict) else part:
            yield from _blocks_in(item)
    elif hasattr(part, "__dict__"):
        yield from _blocks_in(vars(part))


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


def _update(props: dict[str, Any]) -> Any:
    # For an update gradio rebuilds the component, which takes milliseconds; it just passes on a plain value.
    return props["value"] if set(props) == {"value"} else gr.update(**props)
