"""The Arena's handlers: they turn clicks into calls of the mode that is on, and its screen into updates."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.exports.conversation import as_json_lines, as_markdown
from arena.prompts import Prompt
from arena.results.service import ResultsService
from arena.sessions import Session, Sessions
from arena.types import Battle, SideName, Winner
from ui.access import Stored, address_of
from ui.arena.layout import ArenaTab
from ui.arena.mode import ArenaMode, Caller, Modes, mode_of
from ui.arena.modes import Named
from ui.arena.rate import Rate
from ui.arena.screen import Mode, head_html
from ui.arena.view import arena_props
from ui.gradio.compat import Block
from ui.tabs import Tab
from ui.texts import error_text, text
from ui.updates import TURNS, UNLIMITED, UNQUEUED, Handlers, Props, Typed, Updates, changed, stream, with_first


@dataclass(frozen=True)
class ArenaHandlers(Handlers):
    """The Arena of one page. `modes` has what this page offers, the first one first."""

    part: ArenaTab
    modes: Modes
    prompts: Sequence[Prompt]
    results: ResultsService
    sessions: Sessions

    def wire(self, demo: gr.Blocks) -> None:
        part, composer, outputs = self.part, self.part.composer, self.outputs
        turn = {"outputs": self._turn_outputs, **TURNS, "trigger_mode": "once", "show_progress": "hidden"}
        gr.on([composer.box.submit, composer.send.click], self.send, {self.browser, *composer.inputs}, **turn)
        composer.stop.click(with_first(self.stop, None), None, part.timer, **UNQUEUED)
        for side in SideName:
            part.hidden[f"stop_{side}"].click(with_first(self.stop, side), None, part.timer, **UNQUEUED)
            part.hidden[f"regenerate_{side}"].click(self._again_of(side, "regenerate"), None, **turn)
            part.hidden[f"continue_{side}"].click(self._again_of(side, "continue_answer"), None, **turn)
            self._hand_over(f"copy_{side}", with_first(self._raw, side), "window.copyText(text)")
        for kind, write in {"markdown": as_markdown, "json": as_json_lines}.items():
            self._hand_over(f"save_{kind}", with_first(self._file, write), f"window.saveText(text, '{kind}')")
        part.edit.click(self.edit, composer.box, outputs, **UNLIMITED)
        typed = {self.browser, *part.details.inputs}
        for winner, pill in part.pills.items():
            pill.click(self._vote_of(winner), typed, outputs, **UNLIMITED)
        gr.on([part.new.click, part.begin.click], self.renew, self.browser, outputs, **UNLIMITED)
        part.skip.click(self.skip, self.browser, outputs, **UNLIMITED)
        joining = [self.browser, part.room_code]
        gr.on([part.join.click, part.room_code.submit], self.join, joining, outputs, **UNLIMITED)
        part.room_results.click(self.show_room_results, None, outputs, **UNLIMITED)
        composer.mode.input(self.choose_mode, [self.browser, composer.mode], outputs, **UNQUEUED)
        pickers = list(part.pickers.values())
        for picker in pickers:
            chosen: Any = picker.input(self.choose_pair, pickers, outputs, **UNQUEUED)
            chosen.then(None, pickers, js="(a, b) => window.showPair(a, b)", api_visibility="private")
        if pickers:
            part.tab.select(self.show_models, None, outputs, **UNQUEUED)
        part.timer.tick(self.tick, None, [*part.heads.values(), part.timer], **UNQUEUED)
        part.battle_id.change(None, part.battle_id, js="(id) => window.showBattle(id)", api_visibility="private")

    def _hand_over(self, name: str, read: Callable[..., str], script: str) -> None:
        """Give the browser's script a text when the hidden button `name` is pressed."""
        pressed: Any = self.part.hidden[name].click(read, None, self.part.raw, **UNQUEUED)
        pressed.then(None, self.part.raw, js=f"(text) => {script}", api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        part = self.part
        shown = [part.room, part.room_results, part.welcome, part.start, part.switch, part.phase, part.battle_id]
        sides = [*part.heads.values(), *part.panes.values()]
        asking = [part.composer.box, part.composer.mode, part.composer.more, part.add_details, part.edit, part.new]
        shown += [part.begin, *part.pickers.values(), *([part.choice] if part.pickers else [])]
        return [*shown, *sides, *part.pills.values(), *part.details.inputs, *asking, part.timer]

    @property
    def _turn_outputs(self) -> list[Block]:
        """What changes while models answer; every further output costs the browser time at each update."""
        part = self.part
        asking = [part.composer.box, part.composer.more, part.edit]
        sides = [*part.heads.values(), *part.panes.values()]
        return [part.phase, *sides, *asking, *part.details.inputs, part.timer]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        return self.whole(tab)

    def whole(self, tab: Tab) -> Props:
        """What every changing component shows now; remembered as what the browser shows."""
        tab.shown = arena_props(tab, self.part, self.modes, self.prompts, self.results)
        return tab.shown

    def _updates(self, tab: Tab) -> Updates:
        """What has changed since the last update of the browser."""
        # gradio does not accept an empty dictionary as one that names components.
        return {self.part.timer: gr.skip(), **changed(tab.shown, self.whole(tab))}

    def opened(self, tab: Tab, stored: Stored, request: gr.Request) -> None:
        tab.opened = True
        judge, room = self.access.judge_of(stored, request), request.query_params.get("room", "")
        if tab.key and (kept := self.sessions.load(tab.key)):
            room = room or kept.room
            tab.mode = next((mode for mode in self.modes if mode == kept.mode), None)
            for mode in self.modes.values():
                mode.restore(tab, self._caller(stored, request), kept)
        tab.mode = tab.mode or next(iter(self.modes))
        asked = [request.query_params.get(side, "") for side in SideName]
        if any(asked) and (named := self._named):
            tab.mode = "named"
            try:
                named.seat(tab, *asked)
            except ArenaError as error:
                tab.refused = error
        if rate := self._rate:
            rate.opened(tab, judge, room)
            if tab.room or tab.unknown_room:
                tab.mode = "rate"

    def _keep(self, tab: Tab) -> None:
        """Save what the tab shows for a reload."""
        if tab.key:
            fields = {name: value for mode in self.modes.values() for name, value in mode.kept(tab).items()}
            self.sessions.save(tab.key, Session(tab.mode or "", room=tab.room, **fields))

    def choose_mode(self, stored: Stored, mode: str, request: gr.Request) -> Updates:
        """Switch to another way to compare, unless models are still answering."""
        tab = self._tab(request)
        with _notices(tab):
            if mode not in self.modes:
                raise InputError("mode_unknown", "There is no such mode.")
            if self._mode(tab).screen(tab).phase == "run":
                raise InputError("busy", "The last prompt is still being answered. Wait or stop it.")
            tab.mode, tab.draft = cast(Mode, mode), None
            self._keep(tab)
        return {**self._updates(tab), self.part.composer.mode: self._mode(tab).screen(tab).mode}

    def choose_pair(self, a: str, b: str, request: gr.Request) -> Updates:
        """Compare these models from now on. What was typed stays; the conversation of the others ends."""
        tab, part = self._tab(request), self.part
        with _notices(tab):
            if named := self._named:
                named.choose(tab, a, b)
            tab.refused = None
            self._keep(tab)
        pickers: Updates = {part.pickers[side]: backend.spec.id for side, backend in tab.chat.pair.items()}
        return {**self._updates(tab), **pickers, part.timer: gr.Timer(active=True)}

    def show_models(self, request: gr.Request) -> Updates:
        """Show which models can be chosen now. A turn that runs shows everything by itself."""
        tab = self.tabs.get(request)
        # The browser selects the tab as it opens the page: before that is rendered there is nothing to update.
        is_busy = not tab.shown or self._mode(tab).screen(tab).phase == "run"
        return {self.part.timer: gr.skip()} if is_busy else self._updates(tab)

    def send(self, typed: Typed, request: gr.Request) -> Iterator[Updates]:
        """One turn of both sides."""
        tab, composer = self._tab(request), self.part.composer
        mode = self._mode(tab)
        caller = self._caller(typed[self.browser], request)
        first = {composer.box: "", **changed({}, self.part.details.emptied(mode.vote(tab)))}
        yield from self._turn(request, lambda: mode.ask(tab, caller, composer.question(typed)), first)

    def edit(self, typed: str | None, request: gr.Request) -> Updates:
        """Put the last question into the input, to be asked again; or put back what was typed there before."""
        tab = self._tab(request)
        question, draft, typed = self._mode(tab).screen(tab).question, tab.draft, typed or ""
        begins = draft is None and bool(question)
        tab.draft = typed if begins else None
        shown = question if begins else typed if draft is None else draft
        return {**self._updates(tab), self.part.composer.box: shown}

    def _turn(
        self, request: gr.Request, ask: Callable[[], Iterator[object] | None], first: Updates
    ) -> Iterator[Updates]:
        """Start a turn and show it, or say why not. What was typed stays if it is refused."""
        tab, steps = self._tab(request), None
        with _notices(tab):
            self.access.check_rate(request)
            steps = ask()
            tab.draft = None
        if steps is None:
            yield {self.part.timer: gr.skip()}
            return

        def render() -> Props:
            return {block: props for block, props in self.whole(tab).items() if block in outputs}

        outputs = set(self._turn_outputs)
        with tab.panes():
            try:
                shown = render()
                yield {**changed({}, shown), **first}
                yield from stream(steps, render, shown, self.part.panes.values())
            finally:
                self._keep(tab)

    def stop(self, side: SideName | None, request: gr.Request) -> Any:
        """Stop one side, or both. The turn's own stream shows the rest."""
        tab = self.tabs.get(request)
        self._mode(tab).stop(tab, Caller(request.session_hash, ""), side)
        return gr.skip()

    def vote(self, winner: Winner, typed: Typed, request: gr.Request) -> Updates:
        """Cast the vote on what the tab shows. It is on disk when this returns."""
        tab = self._tab(request)
        with _notices(tab):
            caller = self._known(typed[self.browser], request)
            self._mode(tab).cast(tab, caller, self.part.details.judgement(winner, typed))
            self._keep(tab)
        return self._updates(tab)

    def renew(self, stored: Stored, request: gr.Request) -> Updates:
        """Go on to the next battle, or start the first one."""
        tab = self._tab(request)
        mode = self._mode(tab)
        vote = mode.vote(tab)
        with _notices(tab):
            tab.draft = None
            mode.renew(tab, (self._known if mode.needs_rater else self._caller)(stored, request))
            self._keep(tab)
        return {**self._updates(tab), **changed({}, self.part.details.emptied(vote))}

    def skip(self, stored: Stored, request: gr.Request) -> Updates:
        """Leave a recorded battle out."""
        tab = self._tab(request)
        with _notices(tab):
            if rate := self._rate:
                rate.skip(tab, self._known(stored, request))
        return self._updates(tab)

    def join(self, stored: Stored, code: str | None, request: gr.Request) -> Updates:
        """Rate in the room with this code."""
        tab = self._tab(request)
        with _notices(tab):
            if rate := self._rate:
                rate.join(tab, self._known(stored, request), code or "")
                self._keep(tab)
        return self._updates(tab)

    def show_room_results(self, request: gr.Request) -> Updates:
        """Show the room's results, once it is closed."""
        tab, rate = self.tabs.get(request), self._rate
        if rate and not rate.room(tab).closed:
            gr.Info(text(tab.lang, "room_still_open"), title=text(tab.lang, "notice"))
        return self._updates(tab)

    def tick(self, request: gr.Request) -> Updates:
        """Show how far the models are loaded. The timer stops when they are, or when something was asked."""
        tab = self.tabs.get(request)
        screen = self._mode(tab).screen(tab)
        if screen.phase != "empty":
            return {self.part.timer: gr.Timer(active=False)}
        heads: Updates = {head: head_html(tab.lang, side, screen) for side, head in self.part.heads.items()}
        return {**heads, self.part.timer: gr.Timer(active=any(mode.waits(tab) for mode in self.modes.values()))}

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

    def _tab(self, request: gr.Request) -> Tab:
        """The tab that sent the request. Raises gr.Error if this process does not know what it shows.

        The browser then reloads the page, which restores it. Otherwise a rater would leave their room unnoticed.
        """
        tab = self.tabs.get(request)
        if not tab.opened:
            words, title = text(tab.lang, "stale"), text(tab.lang, "notice")
            raise gr.Error(f'<span class="stale">{words}</span>', title=title, print_exception=False)
        return tab

    def _caller(self, stored: Stored, request: gr.Request) -> Caller:
        return Caller(request.session_hash, self.access.judge_of(stored, request), address_of(request))

    def _known(self, stored: Stored, request: gr.Request) -> Caller:
        """The same. Raises InputError for a browser that stores nothing."""
        return Caller(request.session_hash, self.access.known_judge(stored, request), address_of(request))

    def _raw(self, side: SideName, request: gr.Request) -> str:
        tab = self.tabs.get(request)
        return self._mode(tab).raw(tab, side)

    def _file(self, write: Callable[[Sequence[Battle]], str], request: gr.Request) -> str:
        tab = self.tabs.get(request)
        return write(self._mode(tab).conversation(tab))

    def _vote_of(self, winner: Winner) -> Callable[..., Updates]:
        def vote(typed: Typed, request: gr.Request) -> Updates:
            return self.vote(winner, typed, request)

        return vote

    def _again_of(
        self, side: SideName, method: Literal["regenerate", "continue_answer"]
    ) -> Callable[..., Iterator[Updates]]:
        """The handler that calls this method of the mode for one side."""

        def again(request: gr.Request) -> Iterator[Updates]:
            tab = self._tab(request)
            yield from self._turn(request, lambda: getattr(self._mode(tab), method)(tab, side), {})

        return again


@contextmanager
def _notices(tab: Tab) -> Iterator[None]:
    """Turns an ArenaError into a notice. gradio would write Error across the panes if a handler raised."""
    try:
        yield
    except ArenaError as error:
        gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
