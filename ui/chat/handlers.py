"""The chat tab's handlers: they turn clicks into calls of arena.chat, and its battles into updates."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.ballots import Ballots, Judgement
from arena.prompts import Prompt
from arena.types import Backend, Battle, SideName, SideProgress
from ui.access import Access, Stored, address_of
from ui.chat.layout import ChatTab
from ui.chat.view import pane_messages, receipt_with_link, status_line, vote_note
from ui.components import matching_prompt, prompt_text
from ui.gradio.compat import Block
from ui.markup import status
from ui.session import Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, TURNS, Props, Typed, Updates, changed, stream


@dataclass(frozen=True)
class ChatHandlers:
    """The chat and the vote of one page; `browser` is what the browser stores of its rater."""

    backends: Mapping[SideName, Backend]
    prompts: Sequence[Prompt]
    ballots: Ballots
    access: Access
    part: ChatTab
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self.part, self.outputs
        turn: dict[str, Any] = {
            "outputs": outputs,
            **TURNS,
            "trigger_mode": "multiple",
            "show_progress_on": [part.vote_note],
        }
        gr.on([part.box.submit, part.send.click], self.send, part.inputs, **turn)
        for side, pane in part.panes.items():
            pane.regenerate.click(self._regenerate_of(side), None, **turn)
            pane.stop.click(self._stop_of(side), None, outputs, queue=False, **PRIVATE)
            copied: Any = pane.copy.click(self._raw_of(side), None, pane.raw, queue=False, **PRIVATE)
            copied.then(None, pane.raw, js="(text) => window.copyText(text)", api_visibility="private")
        part.stop_all.click(self._stop_of(None), None, outputs, queue=False, **PRIVATE)
        part.new_chat.click(self.new_chat, None, outputs, queue=False, **PRIVATE)
        part.picker.input(lambda name: prompt_text(self.prompts, name), part.picker, part.box, queue=False, **PRIVATE)
        part.timer.tick(self.tick, None, [*outputs, part.timer], queue=False, **PRIVATE)
        vote = [part.choice, part.submit, part.vote_note]
        part.submit.click(self.submit, [part.choice, self.browser], vote, concurrency_limit=None, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the chat tab may update."""
        part = self.part
        sides = [
            component
            for pane in part.panes.values()
            for component in (pane.chatbot, pane.status, pane.stop, pane.regenerate, pane.copy)
        ]
        return [*sides, part.box, part.picker, part.stop_all, part.choice, part.submit, part.vote_note]

    def render(self, tab: Tab) -> Props:
        """What every changing component of the tab shows now, as properties."""
        part, lang, turns, running, progress = self.part, tab.lang, tab.chat.turns, tab.chat.running, tab.chat.progress
        last = turns[-1] if turns else None
        props: Props = {}
        for side, pane in part.panes.items():
            answer = last.side(side).answer if last else None
            line = status_line(lang, answer, progress[side], self.backends[side].load_state)
            busy = answer is not None and answer.finish_reason is None
            props[pane.chatbot] = {"value": pane_messages(lang, turns, side)}
            props[pane.status] = {"value": status(line, "span")}
            props[pane.stop] = {"interactive": busy}
            props[pane.regenerate] = {"interactive": answer is not None and not busy}
            props[pane.copy] = {"interactive": answer is not None and bool(answer.text)}
        is_open = last is not None and self.ballots.is_open(last.id)
        props[part.stop_all] = {"interactive": running}
        props[part.choice] = {"interactive": is_open}
        props[part.submit] = {"interactive": is_open}
        props[part.vote_note] = {"value": vote_note(lang, tab.chat, self.ballots, tab.vote)}
        return props

    def send(self, typed: Typed, request: gr.Request) -> Iterator[Updates]:
        """One turn of both sides."""
        tab, part = self.tabs.get(request), self.part
        form = part.read(typed)

        def ask() -> Iterator[Battle]:
            self.access.check_rate(request)
            settings = {name: _number(name, number) for name, number in form.settings.items()}
            return tab.chat.ask(form.prompt, settings, form.system, matching_prompt(self.prompts, form.prompt))

        yield from self._turn(tab, ask, {part.box: "", part.picker: "", part.choice: gr.update(value=None)})

    def regenerate(self, side: SideName, request: gr.Request) -> Iterator[Updates]:
        """Another answer of one side to the last prompt."""
        tab = self.tabs.get(request)
        yield from self._turn(tab, lambda: tab.chat.ask_again(side), {self.part.choice: gr.update(value=None)})

    def stop(self, side: SideName | None, request: gr.Request) -> Updates:
        """Stop one side, or both. The turn's own stream shows the rest."""
        self.tabs.get(request).chat.stop(side)
        part = self.part
        stopped = list(part.panes.values()) if side is None else [part.panes[side]]
        return {pane.stop: gr.update(interactive=False) for pane in stopped}

    def new_chat(self, request: gr.Request) -> Updates:
        """Stop, and start with an empty conversation."""
        tab = self.tabs.get(request)
        tab.chat.stop()
        with tab.panes():
            try:
                tab.chat.clear()
            except ArenaError as error:
                return self._refuse(tab, error)
            updates = changed({}, self.render(tab))
        return updates | {self.part.choice: gr.update(value=None, interactive=False)}

    def tick(self, request: gr.Request) -> Updates:
        """Show how far the models are loaded. The timer stops when they are."""
        tab = self.tabs.get(request)
        states = {side: backend.load_state for side, backend in self.backends.items()}
        waiting = any(not state.ready and not state.error for state in states.values())
        updates: Updates = {self.part.timer: gr.Timer(active=waiting)}
        # Once there is a turn, its stream writes the lines; a late tick must not overwrite them with an older one.
        for side, pane in self.part.panes.items() if not tab.chat.turns else ():
            updates[pane.status] = gr.update(
                value=status(status_line(tab.lang, None, SideProgress(), states[side]), "span")
            )
        return updates

    def submit(self, choice: str | None, stored: Stored, request: gr.Request) -> Updates:
        """Cast the vote on the tab's last battle."""
        tab, part = self.tabs.get(request), self.part
        if not choice:
            return {part.vote_note: "⚠️ " + text(tab.lang, "vote_choose")}
        turns = tab.chat.turns
        judge = self.access.judge_of(stored) or self.access.judge(f"tab:{request.session_hash}")
        try:
            battle_id = turns[-1].id if turns else ""
            tab.vote = self.ballots.cast(battle_id, judge, Judgement(choice), address=address_of(request))
        except ArenaError as error:
            return {part.vote_note: "⚠️ " + error_text(tab.lang, error)}
        return {
            part.choice: gr.update(interactive=False),
            part.submit: gr.update(interactive=False),
            part.vote_note: receipt_with_link(tab.lang, tab.vote),
        }

    # gradio finds a handler's gr.Request by its signature, which functools.partial hides.

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
            turns = self.tabs.get(request).chat.turns
            return turns[-1].side(side).answer.text if turns else ""

        return raw

    def _turn(self, tab: Tab, ask: Callable[[], Iterator[Battle]], first: Updates) -> Iterator[Updates]:
        """Start a turn and show it, or say why not."""
        try:
            battles = ask()
        except ArenaError as error:
            yield self._refuse(tab, error)
            return
        if next(battles, None) is None:
            # A running turn has taken this answer over and shows it.
            yield {self.part.stop_all: gr.skip()}
            return
        with tab.panes():
            shown = self.render(tab)
            yield {**changed({}, shown), **first}
            yield from stream(battles, lambda: self.render(tab), shown, self.part.stop_all)

    def _refuse(self, tab: Tab, error: ArenaError) -> Updates:
        """Say why nothing was done. What was typed stays."""
        gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
        return {self.part.stop_all: gr.skip()}


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
