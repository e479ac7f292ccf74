"""The blind vote's handlers. Every check is on the other side, in arena.judging; here is what a rater sees of it."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import InputError
from arena.judging.desk import Desk
from arena.judging.rooms import NO_ROOM, Room, Rooms
from arena.types import Battle, SideName
from ui.handlers import PRIVATE, Props
from ui.judging.layout import JudgeTab
from ui.judging.raters import Kept, judge_of, known_judge, refusals
from ui.judging.stage import judgement, merged
from ui.judging.view import answer_rows, heading, note, progress_line, prompt_block, room_block, text_rows, unknown_room
from ui.session import Judging, Services, Tab, Tabs, address_of
from ui.texts import text

_ALL_AT_ONCE: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
# Keeps the room, which the address may name as well.
_SHOW_ID = """(id) => {
  const query = new URLSearchParams(location.search);
  id ? query.set("battle", id) : query.delete("battle");
  history.replaceState(null, "", location.pathname + (query.size ? "?" + query : ""));
}"""


class JudgeEvents:
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
        gr.on([part.begin.click, stage.actions["judge_next"].click], self.go_on, self._kept, outputs, **_ALL_AT_ONCE)
        stage.actions["judge_skip"].click(self.skip, self._kept, outputs, **_ALL_AT_ONCE)
        stage.submit.click(self.submit, [self._kept, *stage.said], outputs, **_ALL_AT_ONCE)
        gr.on(
            [part.join.click, part.room_code.submit], self.join, [self._kept, part.room_code], outputs, **_ALL_AT_ONCE
        )
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
            **stage.open_for_vote(is_open),
            stage.prompt: {"value": prompt_block(lang, battle.prompt if battle else "")},
            stage.actions["judge_skip"]: {"interactive": is_open},
            stage.actions["judge_next"]: {"interactive": vote is not None and not is_closed},
            stage.note: {"value": note(lang, position, vote, self._services.withdrawals.code_of)},
        }
        for side in SideName:
            props[stage.names[side]] = {"value": heading(lang, side, battle if vote else None)}
            props[stage.panes[side]] = {"value": self._rows(tab, battle, side)}
        return props

    def opened(self, tab: Tab, kept: Kept, room: str = "") -> None:
        """The page was opened, its address naming a room or none: a rater who has begun goes on where they were."""
        try:
            tab.room, tab.no_room = (self._rooms.room(room).code if room else NO_ROOM), ""
        except InputError as error:
            tab.room, tab.no_room = NO_ROOM, str(error.details["room"])
        judge, desk = judge_of(self._services, kept), self._desk(tab)
        if judge and desk.has_begun(judge) and not desk.closed:
            tab.judging = Judging(desk.position(judge))

    def go_on(self, kept: Kept, request: gr.Request) -> dict[Block, Any]:
        """The next battle, or the one that is before the rater already."""
        tab = self._tabs.get(request)
        with refusals(tab):
            tab.judging = Judging(self._desk(tab).position(known_judge(self._services, tab, kept)))
        return self._anew(tab)

    def join(self, kept: Kept, code: str | None, request: gr.Request) -> dict[Block, Any]:
        """Judge in the room with this code."""
        tab = self._tabs.get(request)
        with refusals(tab):
            tab.room, tab.no_room = self._rooms.room(code or "").code, ""
            tab.judging = Judging()
            if not self._desk(tab).closed:
                tab.judging = Judging(self._desk(tab).position(known_judge(self._services, tab, kept)))
        return self._anew(tab)

    def skip(self, kept: Kept, request: gr.Request) -> dict[Block, Any]:
        """Pass the battle by."""
        tab = self._tabs.get(request)
        with refusals(tab):
            judge, desk = known_judge(self._services, tab, kept), self._desk(tab)
            desk.skip(self._battle_id(tab), judge)
            tab.judging = Judging(desk.position(judge))
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
    ) -> dict[Block, Any]:
        """Cast the vote on the battle that this tab shows."""
        tab = self._tabs.get(request)
        if not choice:
            return {self._part.stage.note: "⚠️ " + text(tab.lang, "vote_choose")}
        said = judgement(choice, correct, complete, clear, any_right, comment)
        with refusals(tab):
            judge, address = known_judge(self._services, tab, kept), address_of(request)
            vote = self._desk(tab).cast(self._battle_id(tab), judge, said, address=address)
            tab.judging = Judging(tab.judging.position, vote)
        return merged(self.render(tab))

    def results(self, request: gr.Request) -> dict[Block, Any]:
        """What the room's votes come to, once it is closed."""
        tab = self._tabs.get(request)
        room = self._room(tab)
        if room is None or not room.closed:
            gr.Info(text(tab.lang, "room_still_open"), title=text(tab.lang, "notice"))
        return merged(self.render(tab))

    def withdraw(self, code: str | None, request: gr.Request) -> str:
        """Take back all votes whose receipts have the code."""
        tab = self._tabs.get(request)
        with refusals(tab):
            count = self._services.withdrawals.withdraw(code or "", address_of(request))
            return text(tab.lang, "judge_withdrawn", count=count)

    def _desk(self, tab: Tab) -> Desk:
        return self._rooms.desk(tab.room)

    def _room(self, tab: Tab) -> Room | None:
        return self._rooms.room(tab.room) if tab.room != NO_ROOM else None

    def _counts(self, room: Room | None) -> Any:
        """The votes of a closed room."""
        return self._services.results().of_room(room.code) if room and room.closed else None

    def _rows(self, tab: Tab, battle: Battle | None, side: SideName) -> list[dict[str, Any]]:
        if battle is None:
            return []
        answer = battle.side(side).answer
        return answer_rows(tab.lang, answer) if tab.judging.vote else text_rows(answer.text)

    def _anew(self, tab: Tab) -> dict[Block, Any]:
        """Everything as it is now, and nothing chosen yet."""
        return merged(self.render(tab), self._part.stage.nothing_said())

    @staticmethod
    def _battle_id(tab: Tab) -> str:
        """The battle that the tab shows: another tab of the same rater may be further."""
        position = tab.judging.position
        return position.battle.id if position and position.battle else ""
