"""The handlers of rating recorded answers. Every check is in arena.judging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.errors import InputError
from arena.judging.rooms import NO_ROOM, Room, RoomJudging, Rooms
from arena.prompts import Prompt
from arena.results.figures import Figures
from arena.results.selection import Filters
from arena.results.service import ResultsService
from arena.types import Battle, SideName, Vote
from arena.votes.withdrawals import Withdrawals
from ui.access import Access, Stored, address_of, refusals
from ui.gradio.compat import Block
from ui.judging.layout import JudgeTab
from ui.judging.view import (
    answer_rows,
    first_prompt,
    heading,
    history_rows,
    note,
    progress_line,
    prompt_block,
    reference_block,
    room_block,
    text_rows,
    unknown_room,
)
from ui.session import Judging, Tab, Tabs
from ui.texts import text
from ui.updates import PRIVATE, Props, Typed, Updates, changed

_UNLIMITED: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
# Keeps the room, which the address may name as well.
_SHOW_ID = """(id) => {
  const query = new URLSearchParams(location.search);
  id ? query.set("battle", id) : query.delete("battle");
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
}"""


@dataclass(frozen=True)
class JudgeHandlers:
    """The rating of recorded answers on one page; `browser` is what the browser stores of its rater."""

    rooms: Rooms
    prompts: Sequence[Prompt]
    withdrawals: Withdrawals
    results_service: ResultsService
    access: Access
    part: JudgeTab
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs, form = self.part, self.outputs, self.part.form
        following: Any = gr.on(
            [part.begin.click, form.actions["judge_next"].click], self.go_on, self.browser, outputs, **_UNLIMITED
        )
        form.actions["judge_skip"].click(self.skip, self.browser, outputs, **_UNLIMITED)
        voted: Any = form.submit.click(self.submit, {self.browser, *form.inputs}, outputs, **_UNLIMITED)
        # In the browser: disabling and enabling each component would cost the server more than the vote.
        voted.success(None, js="() => window.lockVote('judge', true)", api_visibility="private")
        joined: Any = gr.on(
            [part.join.click, part.room_code.submit], self.join, [self.browser, part.room_code], outputs, **_UNLIMITED
        )
        for event in (following, joined):
            event.success(None, js="() => window.lockVote('judge', false)", api_visibility="private")
        part.results.click(self.results, None, outputs, **_UNLIMITED)
        part.withdraw.click(self.withdraw, part.code, part.withdrawn, **_UNLIMITED)
        part.battle_id.change(None, part.battle_id, js=_SHOW_ID, api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the blind vote may update."""
        part = self.part
        parts = [part.room, part.results, part.intro, part.begin, part.shown, part.progress, part.battle_id]
        return [*parts, *part.form.changing]

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties, apart from what the rater has chosen."""
        part, lang, position, vote = self.part, tab.lang, tab.judging.position, tab.judging.vote
        form, room, battle = part.form, self._room(tab), position.battle if position else None
        is_open = battle is not None and vote is None
        is_closed = room is not None and room.closed
        props: Props = {
            part.room: {
                "value": unknown_room(lang, tab.unknown_room) or room_block(lang, room, self._figures(room)),
                "visible": room is not None or tab.unknown_room != "",
            },
            part.results: {"visible": room is not None and not is_closed},
            part.intro: {"visible": position is None and not is_closed},
            # Disabled until the page is loaded: only then is the rater known.
            part.begin: {"interactive": position is None},
            part.shown: {"visible": position is not None and not (is_closed and vote is None)},
            part.progress: {"value": progress_line(lang, position)},
            part.battle_id: {"value": battle.id if battle else ""},
            form.submit: {"interactive": is_open},
            form.prompt: {"value": prompt_block(lang, first_prompt(battle) if battle else "")},
            form.actions["judge_skip"]: {"interactive": is_open},
            form.actions["judge_next"]: {"interactive": vote is not None and not is_closed},
            form.note: {"value": note(lang, position, vote, self.withdrawals.code_of)},
            form.reference: {"value": reference_block(lang, self.prompts, vote)},
        }
        for side in SideName:
            props[form.names[side]] = {"value": heading(lang, side, battle if vote else None)}
            props[form.panes[side]] = {"value": self._rows(tab, battle, side)}
        return props

    def whole(self, tab: Tab) -> Props:
        """The same, for a page that was just opened or has changed its language."""
        tab.judge_shown = self.render(tab)
        return tab.judge_shown

    def opened(self, tab: Tab, stored: Stored, room: str = "") -> None:
        """Note that the page was opened, with a room in its address or none. A rater continues where they stopped."""
        try:
            tab.room, tab.unknown_room = (self.rooms.room(room).code if room else NO_ROOM), ""
        except InputError as error:
            tab.room, tab.unknown_room = NO_ROOM, str(error.details["room"])
        judge, judging = self.access.judge_of(stored), self._judging(tab)
        if judge and judging.has_started(judge) and not judging.closed:
            tab.judging = Judging(judging.assign(judge))

    def go_on(self, stored: Stored, request: gr.Request) -> Updates:
        """Show the next battle, or the current one if it is not rated yet."""
        tab = self.tabs.get(request)
        vote = tab.judging.vote
        with refusals(tab):
            tab.judging = self._position(tab, stored, request)
        return self._with_empty_form(tab, vote)

    def join(self, stored: Stored, code: str | None, request: gr.Request) -> Updates:
        """Rate in the room with this code."""
        tab = self.tabs.get(request)
        with refusals(tab):
            tab.room, tab.unknown_room = self.rooms.room(code or "").code, ""
            tab.judging = Judging()
            if not self._judging(tab).closed:
                tab.judging = self._position(tab, stored, request)
        return self._with_empty_form(tab)

    def _position(self, tab: Tab, stored: Stored, request: gr.Request) -> Judging:
        judge = self.access.known_judge(tab, stored)
        return Judging(self._judging(tab).assign(judge, address=address_of(request)))

    def skip(self, stored: Stored, request: gr.Request) -> Updates:
        """Skip the battle."""
        tab = self.tabs.get(request)
        with refusals(tab):
            judge, judging = self.access.known_judge(tab, stored), self._judging(tab)
            judging.skip(self._battle_id(tab), judge)
            tab.judging = Judging(judging.assign(judge))
        return self._with_empty_form(tab)

    def submit(self, typed: Typed, request: gr.Request) -> Updates:
        """Cast the vote on the battle that this tab shows."""
        tab = self.tabs.get(request)
        with refusals(tab):
            judgement = self.part.form.judgement(typed)
            judge, address = self.access.known_judge(tab, typed[self.browser]), address_of(request)
            vote = self._judging(tab).cast(self._battle_id(tab), judge, judgement, address=address)
            tab.judging = Judging(tab.judging.position, vote)
        return self._updates(tab)

    def results(self, request: gr.Request) -> Updates:
        """Show the room's results, once it is closed."""
        tab = self.tabs.get(request)
        room = self._room(tab)
        if room is None or not room.closed:
            gr.Info(text(tab.lang, "room_still_open"), title=text(tab.lang, "notice"))
        return self._updates(tab)

    def withdraw(self, code: str | None, request: gr.Request) -> str:
        """Withdraw all votes whose receipts have the code."""
        tab = self.tabs.get(request)
        with refusals(tab):
            count = self.withdrawals.withdraw(code or "", address_of(request))
            return text(tab.lang, "judge_withdrawn", count=count)

    def _judging(self, tab: Tab) -> RoomJudging:
        return self.rooms.judging(tab.room)

    def _room(self, tab: Tab) -> Room | None:
        return self.rooms.room(tab.room) if tab.room != NO_ROOM else None

    def _figures(self, room: Room | None) -> Figures | None:
        """The figures of a closed room."""
        return self.results_service.figures(Filters(room=room.code), is_over=True) if room and room.closed else None

    def _rows(self, tab: Tab, battle: Battle | None, side: SideName) -> list[dict[str, Any]]:
        if battle is None:
            return []
        shown = battle.side(side)
        last = answer_rows(tab.lang, shown.answer) if tab.judging.vote else text_rows(shown.answer.text)
        return [*history_rows(shown), *last]

    def _updates(self, tab: Tab) -> Updates:
        """Only what has changed, since gradio spends time on every value."""
        before, tab.judge_shown = tab.judge_shown, self.render(tab)
        return changed(before, tab.judge_shown) or {self.part.battle_id: gr.skip()}

    def _with_empty_form(self, tab: Tab, vote: Vote | None = None) -> Updates:
        """What has changed, and an empty form. If `vote` is known, only what it filled in is emptied."""
        return {**self._updates(tab), **changed({}, self.part.form.emptied(vote))}

    @staticmethod
    def _battle_id(tab: Tab) -> str:
        """The battle that the tab shows; another tab of the same rater may show a later one."""
        position = tab.judging.position
        return position.battle.id if position and position.battle else ""
