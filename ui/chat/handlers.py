"""The chat tab's handlers: they turn what was clicked into calls of arena.chat, and its battles into updates."""

from __future__ import annotations

import html
import time
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import ArenaError, InputError
from arena.types import Battle, SideName, SideProgress
from ui.chat.layout import SETTINGS, ChatTab
from ui.chat.notes import vote_note
from ui.chat.panes import pane_messages, status_line
from ui.session import Services, Tab, Tabs
from ui.texts import error_text, text
from ui.updates import KEEP_ALIVE_SECONDS, PRIVATE, TURNS, UPDATE_SECONDS, Props, Updates, changed


class ChatHandlers:
    """Wires the chat tab of one page."""

    def __init__(self, services: Services, page: ChatTab, tabs: Tabs) -> None:
        self._services = services
        self._page = page
        self._tabs = tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        page = self._page
        outputs = self.outputs
        turn: dict[str, Any] = {
            "outputs": outputs,
            **TURNS,
            "trigger_mode": "multiple",
            "show_progress_on": [page.vote_note],
        }
        inputs = [page.box, page.system, *page.settings.values()]
        gr.on([page.box.submit, page.send.click], self.send, inputs, **turn)
        for side, pane in page.panes.items():
            pane.regenerate.click(self._regenerate_of(side), None, **turn)
            pane.stop.click(self._stop_of(side), None, outputs, queue=False, **PRIVATE)
            copied: Any = pane.copy.click(self._raw_of(side), None, pane.raw, queue=False, **PRIVATE)
            copied.then(None, pane.raw, js="(text) => window.copyText(text)", api_visibility="private")
        page.stop_all.click(self._stop_of(None), None, outputs, queue=False, **PRIVATE)
        page.new_chat.click(self.new_chat, None, outputs, queue=False, **PRIVATE)
        page.picker.input(self._services.prompt_text, page.picker, page.box, queue=False, **PRIVATE)
        page.timer.tick(self.tick, None, [*outputs, page.timer], queue=False, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the chat tab may update."""
        page = self._page
        sides = [
            part
            for pane in page.panes.values()
            for part in (pane.chatbot, pane.status, pane.stop, pane.regenerate, pane.copy)
        ]
        return [*sides, page.box, page.picker, page.stop_all, page.choice, page.submit, page.vote_note]

    def render(self, tab: Tab) -> Props:
        """What every changing component of the tab shows now, as properties."""
        page, lang, turns, running, progress = self._page, tab.lang, tab.chat.turns, tab.chat.running, tab.chat.progress
        last = turns[-1] if turns else None
        props: Props = {}
        for side, pane in page.panes.items():
            answer = last.side(side).answer if last else None
            line = status_line(lang, answer, progress[side], self._services.backends[side].load_state)
            busy = answer is not None and answer.finish_reason is None
            props[pane.chatbot] = {"value": pane_messages(lang, turns, side)}
            props[pane.status] = {"value": _status_html(line)}
            props[pane.stop] = {"interactive": busy}
            props[pane.regenerate] = {"interactive": answer is not None and not busy}
            props[pane.copy] = {"interactive": answer is not None and bool(answer.text)}
        is_open = last is not None and self._services.ballots.is_open(last.id)
        props[page.stop_all] = {"interactive": running}
        props[page.choice] = {"interactive": is_open}
        props[page.submit] = {"interactive": is_open}
        props[page.vote_note] = {"value": vote_note(lang, tab.chat, self._services.ballots, tab.vote)}
        return props

    def send(
        self,
        prompt: str,
        system: str,
        temperature: str,
        top_p: str,
        max_new_tokens: str,
        seed: str,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """One turn of both sides."""
        tab, page = self._tabs.get(request), self._page
        numbers = dict(zip(SETTINGS, (temperature, top_p, max_new_tokens, seed), strict=True))

        def ask() -> Iterator[Battle]:
            self._services.check_rate(request)
            settings = {name: _number(name, typed) for name, typed in numbers.items()}
            return tab.chat.ask(prompt or "", settings, system or "", self._services.prompt_of(prompt or ""))

        yield from self._turn(tab, ask, {page.box: "", page.picker: "", page.choice: gr.update(value=None)})

    def regenerate(self, side: SideName, request: gr.Request) -> Iterator[Updates]:
        """Another answer of one side to the last prompt."""
        tab = self._tabs.get(request)
        yield from self._turn(tab, lambda: tab.chat.ask_again(side), {self._page.choice: gr.update(value=None)})

    def stop(self, side: SideName | None, request: gr.Request) -> Updates:
        """Stop one side, or both. The turn's own stream shows the rest."""
        self._tabs.get(request).chat.stop(side)
        page = self._page
        stopped = list(page.panes.values()) if side is None else [page.panes[side]]
        return {pane.stop: gr.update(interactive=False) for pane in stopped}

    def new_chat(self, request: gr.Request) -> Updates:
        """Stop and begin anew."""
        tab = self._tabs.get(request)
        tab.chat.stop()
        with tab.panes():
            try:
                tab.chat.clear()
            except ArenaError as error:
                return self._refuse(tab, error)
            updates = changed({}, self.render(tab))
        return updates | {self._page.choice: gr.update(value=None, interactive=False)}

    def tick(self, request: gr.Request) -> Updates:
        """Show how far the models are loaded; the clock stops once there is nothing to wait for."""
        tab = self._tabs.get(request)
        states = {side: backend.load_state for side, backend in self._services.backends.items()}
        waiting = any(not state.ready and not state.error for state in states.values())
        updates: Updates = {self._page.timer: gr.Timer(active=waiting)}
        # Once there is a turn, its own stream writes the lines, and a late tick must not write an older one over them.
        for side, pane in self._page.panes.items() if not tab.chat.turns else ():
            updates[pane.status] = gr.update(
                value=_status_html(status_line(tab.lang, None, SideProgress(), states[side]))
            )
        return updates

    # gradio finds a handler's gr.Request by its signature, which a functools.partial hides: hence these.

    def _regenerate_of(self, side: SideName) -> Callable[..., Iterator[Updates]]:
        def regenerate(request: gr.Request) -> Iterator[Updates]:
            yield from self.regenerate(side, request)

        return regenerate

    def _stop_of(self, side: SideName | None) -> Callable[..., Updates]:
        def stop(request: gr.Request) -> Updates:
            return self.stop(side, request)

        return stop

    def _raw_of(self, side: SideName) -> Callable[..., str]:
        def raw(request: gr.Request) -> str:
            """The last answer exactly as the model wrote it."""
            turns = self._tabs.get(request).chat.turns
            return turns[-1].side(side).answer.text if turns else ""

        return raw

    def _turn(self, tab: Tab, ask: Callable[[], Iterator[Battle]], first: Updates) -> Iterator[Updates]:
        """Begins a turn and shows it, or says why not."""
        try:
            battles = ask()
        except ArenaError as error:
            yield self._refuse(tab, error)
            return
        if next(battles, None) is None:
            # The turn that runs already carries this answer too, and shows it.
            yield {self._page.stop_all: gr.skip()}
            return
        with tab.panes():
            yield from self._show(tab, battles, first)

    def _show(self, tab: Tab, battles: Iterator[Battle], first: Updates) -> Iterator[Updates]:
        """Passes a turn on to the page, a part at a time."""
        shown = self.render(tab)
        yield {**changed({}, shown), **first}
        sent = time.monotonic()
        for _ in battles:
            now = time.monotonic()
            if now - sent < UPDATE_SECONDS:
                continue
            props = self.render(tab)
            updates = changed(shown, props)
            if updates or now - sent > KEEP_ALIVE_SECONDS:
                sent, shown = now, props
                yield updates or {self._page.stop_all: gr.skip()}
        yield changed({}, self.render(tab))

    def _refuse(self, tab: Tab, error: ArenaError) -> Updates:
        """Say why nothing was done; what was typed stays."""
        gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
        return {self._page.stop_all: gr.skip()}


def _number(name: str, typed: str | None) -> float | int | None:
    """The number in a settings box, None if it is empty. Raises InputError for anything else."""
    typed = unicodedata.normalize("NFKC", typed or "").strip()
    if not typed:
        return None
    try:
        return int(typed) if name in ("max_new_tokens", "seed") else float(typed)
    except ValueError as error:
        message = f"{name} must be a number, not {typed!r}."
        raise InputError("setting_number", message, name=name, value=typed) from error


def _status_html(line: str) -> str:
    return f'<span role="status">{html.escape(line)}</span>'
