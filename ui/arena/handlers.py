"""The Arena's handlers: they turn clicks into calls of the mode that is on, and its screen into updates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.exports.conversation import as_json_lines, as_markdown
from arena.judging.room import NO_ROOM
from arena.prompts import Prompt
from arena.results.service import ResultsService
from arena.sessions import Session, Sessions
from arena.types import Battle, SideName, Winner
from ui.arena.layout import ArenaTab
from ui.arena.mode import ArenaMode, Modes, mode_of
from ui.arena.modes import Named
from ui.arena.rate import Rate
from ui.arena.screen import Mode
from ui.arena.view import arena_props
from ui.gradio.compat import Block
from ui.tabs import Tab
from ui.texts import error_text, text
from ui.updates import CHOSEN, TURNS, UNLIMITED, UNQUEUED, Handlers, Props, Typed, Updates, changed, stream


@dataclass(frozen=True)
class ArenaHandlers(Handlers):
    """The Arena of one page. `modes` has what this page offers, the first one first."""

    part: ArenaTab
    modes: Modes
    prompts: Sequence[Prompt]
    results: ResultsService
    sessions: Sessions

    def wire(self, demo: gr.Blocks) -> None:
        part, composer, hidden = self.part, self.part.composer, self.part.hidden
        # After a turn's last update one can ask again: gradio would drop what is sent before the turn's handler ends.
        turn = {"outputs": self._turn_outputs, "trigger_mode": "multiple", **TURNS}
        self.on([composer.box.submit, composer.send.click], self.send, set(composer.inputs), **turn)
        self.on(composer.stop.click, partial(self.stop, None), outputs=[], **UNQUEUED)
        for side in SideName:
            self.on(hidden[f"stop_{side}"].click, partial(self.stop, side), outputs=[], **UNQUEUED)
            self.on(hidden[f"regenerate_{side}"].click, partial(self.again, side, "regenerate"), **turn)
            self.on(hidden[f"continue_{side}"].click, partial(self.again, side, "continue_answer"), **turn)
            self._hand_over(f"copy_{side}", partial(self._raw, side), "window.copyText(text)")
        for kind, write in {"markdown": as_markdown, "json": as_json_lines}.items():
            self._hand_over(f"save_{kind}", partial(self._file, write), f"window.saveText(text, '{kind}')")
        self.on(part.edit.click, self.edit, [composer.box], **UNLIMITED)
        for winner, pill in part.pills.items():
            self.on(pill.click, partial(self.vote, winner), set(part.details.inputs), **UNLIMITED)
        self.on([part.new.click, part.begin.click], self.renew, **UNLIMITED)
        self.on(part.skip.click, self.skip, **UNLIMITED)
        self.on([part.join.click, part.room_code.submit], self.join, [part.room_code], **UNLIMITED)
        self.on(part.room_results.click, self.show_room_results, **UNLIMITED)
        self.on(composer.mode.input, self.choose_mode, [composer.mode], **CHOSEN)
        pickers = list(part.pickers.values())
        for picker in pickers:
            chosen = self.on(picker.input, self.choose_pair, pickers, **CHOSEN)
            chosen.then(None, pickers, js="(a, b) => window.showPair(a, b)", api_visibility="private")
        if pickers:
            self.on(part.tab.select, self.show_models, **UNQUEUED)
        part.battle_id.change(None, part.battle_id, js="(id) => window.showBattle(id)", api_visibility="private")

    def _hand_over(self, name: str, read: Callable[..., str], script: str) -> None:
        """Give the browser's script a text when the hidden button `name` is pressed."""
        pressed = self.on(self.part.hidden[name].click, read, outputs=self.part.raw, **UNQUEUED)
        pressed.success(None, self.part.raw, js=f"(text) => {script}", api_visibility="private")

    @property
    def _turn_outputs(self) -> list[Block]:
        """What changes while models answer; every further output costs the browser time at each update."""
        part = self.part
        asking = [part.composer.box, part.composer.more, part.edit]
        sides = [*part.heads.values(), *part.panes.values()]
        return [part.phase, *sides, *asking, *part.details.inputs]

    def result(self, tab: Tab, handler: Callable[..., Any], *values: Any) -> Any:
        """What the handler returns. An ArenaError becomes a notice: gradio would write Error across the panes."""
        try:
            return handler(tab, *values)
        except ArenaError as error:
            _notify(tab, error)
            return self._changes(tab)

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now; remembered as what the browser shows."""
        tab.shown = arena_props(tab, self.part, self.modes, self.prompts, self.results)
        return tab.shown

    def _changes(self, tab: Tab) -> Props:
        """What has changed since the last update of the browser."""
        before = tab.shown
        return {block: props for block, props in self.render(tab).items() if before.get(block) != props}

    def opened(self, tab: Tab) -> None:
        query = tab.request.query_params
        room, known_room = query.get("room", ""), NO_ROOM
        if tab.key and (kept := self.sessions.load(tab.key)):
            known_room = kept.room
            room = room or known_room
            tab.mode = next((mode for mode in self.modes if mode == kept.mode), None)
            for mode in self.modes.values():
                mode.restore(tab, kept)
        tab.mode = tab.mode or next(iter(self.modes))
        asked = [query.get(side, "") for side in SideName]
        if any(asked) and (named := self._named):
            tab.mode = "named"
            try:
                named.seat(tab, *asked)
            except ArenaError as error:
                tab.refused = error
        if rate := self._rate:
            rate.opened(tab, room)
            # A reload in the same room keeps the mode.
            if tab.unknown_room or tab.room != known_room:
                tab.mode = "rate"

    def _keep(self, tab: Tab) -> None:
        """Save what the tab shows for a reload."""
        if tab.key:
            fields = {name: value for mode in self.modes.values() for name, value in mode.kept(tab).items()}
            self.sessions.save(tab.key, Session(tab.mode or "", room=tab.room, **fields))

    def choose_mode(self, tab: Tab, mode: str) -> Props:
        """Switch to another way to compare, unless models are still answering."""
        tab.require_opened()
        _note_shown(tab, self.part.composer.mode, mode)
        if mode not in self.modes:
            raise InputError("mode_unknown", "There is no such mode.")
        if self._mode(tab).phase(tab) == "run":
            raise InputError("busy", "The last prompt is still being answered. Wait or stop it.")
        tab.mode, tab.draft = cast(Mode, mode), None
        self._keep(tab)
        return self._changes(tab)

    def choose_pair(self, tab: Tab, a: str, b: str) -> Props:
        """Compare these models from now on. What was typed stays; the conversation of the others ends."""
        tab.require_opened()
        for picker, model in zip(self.part.pickers.values(), (a, b), strict=True):
            _note_shown(tab, picker, model)
        if named := self._named:
            named.choose(tab, a, b)
        tab.refused = None
        self._keep(tab)
        return self._changes(tab)

    def show_models(self, tab: Tab) -> Props:
        """Show which models can be chosen now. A turn that runs shows everything by itself."""
        # The browser selects the tab as it opens the page: before that is rendered there is nothing to update.
        return self._changes(tab) if tab.shown and self._mode(tab).phase(tab) != "run" else {}

    def send(self, tab: Tab, typed: Typed) -> Iterator[Updates]:
        """One turn of both sides."""
        mode, composer = self._mode(tab), self.part.composer
        first: Props = {composer.box: {"value": ""}, **self.part.details.emptied(mode.vote(tab))}
        yield from self._turn(tab, lambda: mode.ask(tab, composer.question(typed)), first)

    def again(self, side: SideName, method: Literal["regenerate", "continue_answer"], tab: Tab) -> Iterator[Updates]:
        """Another answer of one side, or the rest of one."""
        yield from self._turn(tab, lambda: getattr(self._mode(tab), method)(tab, side), {})

    def edit(self, tab: Tab, typed: str | None) -> Props:
        """Put the last question into the input, to be asked again; or put back what was typed there before."""
        tab.require_opened()
        question, draft, typed = self._mode(tab).screen(tab).question, tab.draft, typed or ""
        begins = draft is None and bool(question)
        tab.draft = typed if begins else None
        shown = question if begins else typed if draft is None else draft
        return {**self._changes(tab), self.part.composer.box: {"value": shown}}

    def _turn(self, tab: Tab, ask: Callable[[], Iterator[object] | None], first: Props) -> Iterator[Updates]:
        """Start a turn and show it, or say why not. What was typed stays if it is refused."""
        tab.require_opened()
        steps = None
        try:
            self.access.check_rate(tab.request)
            steps = ask()
            tab.draft = None
        except ArenaError as error:
            _notify(tab, error)
        if steps is None:
            yield {self.part.phase: gr.skip()}
            return

        def render() -> Props:
            return {block: props for block, props in self.render(tab).items() if block in outputs}

        outputs = set(self._turn_outputs)
        with tab.panes():
            try:
                shown = render()
                yield changed({}, {**shown, **first})
                yield from stream(steps, render, shown, self.part.panes.values())
            finally:
                self._keep(tab)

    def stop(self, side: SideName | None, tab: Tab) -> None:
        """Stop one side, or both. The turn's own stream shows the rest."""
        tab.require_opened()
        self._mode(tab).stop(tab, side)

    def vote(self, winner: Winner, tab: Tab, typed: Typed) -> Props:
        """Cast the vote on what the tab shows. It is on disk when this returns."""
        tab.require_opened()
        self._mode(tab).cast(tab, self.part.details.judgement(winner, typed))
        self._keep(tab)
        return self._changes(tab)

    def renew(self, tab: Tab) -> Props:
        """Go on to the next battle, or start the first one."""
        tab.require_opened()
        mode = self._mode(tab)
        vote, tab.draft = mode.vote(tab), None
        mode.renew(tab)
        self._keep(tab)
        return {**self._changes(tab), **self.part.details.emptied(vote)}

    def skip(self, tab: Tab) -> Props:
        """Leave a recorded battle out."""
        tab.require_opened()
        if rate := self._rate:
            rate.skip(tab)
        return self._changes(tab)

    def join(self, tab: Tab, code: str | None) -> Props:
        """Rate in the room with this code."""
        tab.require_opened()
        if rate := self._rate:
            rate.join(tab, code or "")
            self._keep(tab)
        return self._changes(tab)

    def show_room_results(self, tab: Tab) -> Props:
        """Show the room's results, once it is closed."""
        tab.require_opened()
        if (rate := self._rate) and not rate.room(tab).closed:
            gr.Info(text(tab.lang, "room_still_open"), title=text(tab.lang, "notice"))
        return self._changes(tab)

    @property
    def _rate(self) -> Rate | None:
        rate = self.modes.get("rate")
        return rate if isinstance(rate, Rate) else None

    @property
    def _named(self) -> Named | None:
        named = self.modes.get("named")
        return named if isinstance(named, Named) else None

    def _mode(self, tab: Tab) -> ArenaMode:
        return mode_of(tab, self.modes)

    def _raw(self, side: SideName, tab: Tab) -> str:
        tab.require_opened()
        return self._mode(tab).raw(tab, side)

    def _file(self, write: Callable[[Sequence[Battle]], str], tab: Tab) -> str:
        tab.require_opened()
        return write(self._mode(tab).conversation(tab))


def _note_shown(tab: Tab, control: Block, value: str) -> None:
    """Note what a reader has chosen: it is sent back only if something else counts."""
    tab.shown[control] = {**tab.shown.get(control, {}), "value": value}


def _notify(tab: Tab, error: ArenaError) -> None:
    gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
