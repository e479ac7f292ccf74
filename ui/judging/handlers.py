"""The blind vote's handlers. Every check is on the other side, in arena.judging; here is what a rater sees of it."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import InputError
from arena.judging.rooms import NO_ROOM, Room, RoomJudging, Rooms
from arena.results.selection import Filters
from arena.types import Battle, SideName, Vote
from ui.judging.layout import JudgeTab
from ui.judging.raters import Kept, judge_of, known_judge, refusals
from ui.judging.view import (
    answer_rows,
    first_prompt,
    heading,
    note,
    progress_line,
    prompt_block,
    room_block,
    talk_rows,
    text_rows,
    unknown_room,
)
from ui.judging.vote_form import judgement
from ui.reference import reference_block
from ui.session import Judging, Services, Tab, Tabs, address_of
from ui.texts import text
from ui.updates import PRIVATE, Props, Updates, changed

_ALL_AT_ONCE: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
# Keeps the room, which the address may name as well.
_SHOW_ID = """(id) => {
  const query = new URLSearchParams(location.search);
  id ? query.set("battle", id) : query.delete("battle");
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
}"""


class JudgeHandlers:
    """Wires the blind vote of one page; `kept` is what the browser keeps of its rater."""

    def __init__(self, services: Services, rooms: Rooms, part: JudgeTab, tabs: Tabs, kept: gr.BrowserState) -> None:
        self._services = services
        self._rooms = rooms
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs, stage = self._part, self.outputs, self._part.stage
        following: Any = gr.on(
            [part.begin.click, stage.actions["judge_next"].click], self.go_on, self._kept, outputs, **_ALL_AT_ONCE
        )
        stage.actions["judge_skip"].click(self.skip, self._kept, outputs, **_ALL_AT_ONCE)
        voted: Any = stage.submit.click(self.submit, [self._kept, *stage.said], outputs, **_ALL_AT_ONCE)
        # Not by the server: to turn each of these off and on again costs it more than the vote.
        voted.success(None, js="() => window.lockVote('judge', true)", api_visibility="private")
        begun: Any = gr.on(
            [part.join.click, part.room_code.submit], self.join, [self._kept, part.room_code], outputs, **_ALL_AT_ONCE
        )
        for fresh in (following, begun):
            fresh.success(None, js="() => window.lockVote('judge', false)", api_visibility="private")
        part.results.click(self.results, None, outputs, **_ALL_AT_ONCE)
        part.withdraw.click(self.withdraw, part.code, part.withdrawn, **_ALL_AT_ONCE)
        part.battle_id.change(None, part.battle_id, js=_SHOW_ID, api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the blind vote may update."""
        part = self._part
        parts = [part.room, part.results, part.intro, part.begin, part.shown, part.progress, part.battle_id]
        return [*parts, *part.stage.changing]

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties; what the rater has chosen is left alone."""
        part, lang, position, vote = self._part, tab.lang, tab.judging.position, tab.judging.vote
        stage, room, battle = part.stage, self._room(tab), position.battle if position else None
        is_open = battle is not None and vote is None
        is_closed = room is not None and room.closed
        props: Props = {
            part.room: {
                "value": unknown_room(lang, tab.no_room) or room_block(lang, room, self._counts(room)),
                "visible": room is not None or tab.no_room != "",
            },
            part.results: {"visible": room is not None and not is_closed},
            part.intro: {"visible": position is None and not is_closed},
            # Not before the page is loaded: until then nobody knows who the rater is.
            part.begin: {"interactive": position is None},
            part.shown: {"visible": position is not None and not (is_closed and vote is None)},
            part.progress: {"value": progress_line(lang, position)},
            part.battle_id: {"value": battle.id if battle else ""},
            stage.submit: {"interactive": is_open},
            stage.prompt: {"value": prompt_block(lang, first_prompt(battle) if battle else "")},
            stage.actions["judge_skip"]: {"interactive": is_open},
            stage.actions["judge_next"]: {"interactive": vote is not None and not is_closed},
            stage.note: {"value": note(lang, position, vote, self._services.withdrawals.code_of)},
            stage.reference: {"value": reference_block(lang, self._services.prompts, vote)},
        }
        for side in SideName:
            props[stage.names[side]] = {"value": heading(lang, side, battle if vote else None)}
            props[stage.panes[side]] = {"value": self._rows(tab, battle, side)}
        return props

    def whole(self, tab: Tab) -> Props:
        """The same for a page that has just been opened or turned to the other language."""
        tab.judge_shown = self.render(tab)
        return tab.judge_shown

    def opened(self, tab: Tab, kept: Kept, room: str = "") -> None:
        """The page was opened, its address naming a room or none: a rater who has begun goes on where they were."""
        try:
            tab.room, tab.no_room = (self._rooms.room(room).code if room else NO_ROOM), ""
        except InputError as error:
            tab.room, tab.no_room = NO_ROOM, str(error.details["room"])
        judge, desk = judge_of(self._services, kept), self._desk(tab)
        if judge and desk.has_started(judge) and not desk.closed:
            tab.judging = Judging(desk.assign(judge))

    def go_on(self, kept: Kept, request: gr.Request) -> Updates:
        """The next battle, or the one that is before the rater already."""
        tab = self._tabs.get(request)
        vote = tab.judging.vote
        with refusals(tab):
            tab.judging = self._position(tab, kept, request)
        return self._anew(tab, vote)

    def join(self, kept: Kept, code: str | None, request: gr.Request) -> Updates:
        """Judge in the room with this code."""
        tab = self._tabs.get(request)
        with refusals(tab):
            tab.room, tab.no_room = self._rooms.room(code or "").code, ""
            tab.judging = Judging()
            if not self._desk(tab).closed:
                tab.judging = self._position(tab, kept, request)
        return self._anew(tab)

    def _position(self, tab: Tab, kept: Kept, request: gr.Request) -> Judging:
        judge = known_judge(self._services, tab, kept)
        return Judging(self._desk(tab).assign(judge, address=address_of(request)))

    def skip(self, kept: Kept, request: gr.Request) -> Updates:
        """Pass the battle by."""
        tab = self._tabs.get(request)
        with refusals(tab):
            judge, desk = known_judge(self._services, tab, kept), self._desk(tab)
            desk.skip(self._battle_id(tab), judge)
            tab.judging = Judging(desk.assign(judge))
        return self._anew(tab)

    def submit(
        self,
        kept: Kept,
        choice: str | None,
        correct: str | None,
        complete: str | None,
        clear: str | None,
        any_right: str | None,
        comment: str | None,
        request: gr.Request,
    ) -> Updates:
        """Cast the vote on the battle that this tab shows."""
        tab = self._tabs.get(request)
        with refusals(tab):
            said = judgement(choice, correct, complete, clear, any_right, comment)
            judge, address = known_judge(self._services, tab, kept), address_of(request)
            vote = self._desk(tab).cast(self._battle_id(tab), judge, said, address=address)
            tab.judging = Judging(tab.judging.position, vote)
        return self._updates(tab)

    def results(self, request: gr.Request) -> Updates:
        """What the room's votes come to, once it is closed."""
        tab = self._tabs.get(request)
        room = self._room(tab)
        if room is None or not room.closed:
            gr.Info(text(tab.lang, "room_still_open"), title=text(tab.lang, "notice"))
        return self._updates(tab)

    def withdraw(self, code: str | None, request: gr.Request) -> str:
        """Take back all votes whose receipts have the code."""
        tab = self._tabs.get(request)
        with refusals(tab):
            count = self._services.withdrawals.withdraw(code or "", address_of(request))
            return text(tab.lang, "judge_withdrawn", count=count)

    def _desk(self, tab: Tab) -> RoomJudging:
        return self._rooms.judging(tab.room)

    def _room(self, tab: Tab) -> Room | None:
        return self._rooms.room(tab.room) if tab.room != NO_ROOM else None

    def _counts(self, room: Room | None) -> Any:
        """The votes of a closed room."""
        return self._services.results.figures(Filters(room=room.code), is_over=True) if room and room.closed else None

    def _rows(self, tab: Tab, battle: Battle | None, side: SideName) -> list[dict[str, Any]]:
        if battle is None:
            return []
        shown = battle.side(side)
        last = answer_rows(tab.lang, shown.answer) if tab.judging.vote else text_rows(shown.answer.text)
        return [*talk_rows(shown), *last]

    def _updates(self, tab: Tab) -> Updates:
        """What is to be shown now and is not yet: each value is a step of its own for gradio, and takes its time."""
        before, tab.judge_shown = tab.judge_shown, self.render(tab)
        return changed(before, tab.judge_shown) or {self._part.battle_id: gr.skip()}

    def _anew(self, tab: Tab, vote: Vote | None = None) -> Updates:
        """Everything as it is now, and nothing chosen yet; if what was chosen is known from a `vote`, that is taken
        back and the rest left alone."""
        return {**self._updates(tab), **changed({}, self._part.stage.nothing_said(vote))}

    @staticmethod
    def _battle_id(tab: Tab) -> str:
        """The battle that the tab shows: another tab of the same rater may be further."""
        position = tab.judging.position
        return position.battle.id if position and position.battle else ""
