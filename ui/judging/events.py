"""The blind vote's handlers. Every check is on the other side, in arena.judging; here is what a rater sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import ArenaError
from arena.judging.desk import Desk
from arena.judging.judgement import CRITERIA, Judgement
from arena.types import SideName
from ui.judging.layout import ANY_RIGHT, JudgeTab
from ui.judging.view import answer_rows, heading, note, progress_line, prompt_block
from ui.session import Judging, Services, Tab, Tabs
from ui.texts import error_text, text

Props = dict[Block, dict[str, Any]]
Kept = dict[str, str] | None

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
_SHOW_ID = "(id) => history.replaceState(null, '', id ? '?battle=' + encodeURIComponent(id) : location.pathname)"


class JudgeEvents:
    """Wires the blind vote of one page; `kept` is what the browser keeps of its rater."""

    def __init__(self, services: Services, desk: Desk, part: JudgeTab, tabs: Tabs, kept: gr.BrowserState) -> None:
        self._services = services
        self._desk = desk
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self._part, self.outputs
        gr.on([part.begin.click, part.next.click], self.go_on, self._kept, outputs, **_PRIVATE)
        part.skip.click(self.skip, self._kept, outputs, **_PRIVATE)
        said = [part.choice, *part.criteria.values(), part.any_right, part.comment]
        part.submit.click(self.submit, [self._kept, *said], outputs, **_PRIVATE)
        part.withdraw.click(self.withdraw, part.code, part.withdrawn, **_PRIVATE)
        part.battle_id.change(None, part.battle_id, js=_SHOW_ID, api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the blind vote may update."""
        part = self._part
        shown = [
            part.intro,
            part.begin,
            part.stage,
            part.progress,
            part.prompt,
            *part.names.values(),
            *part.panes.values(),
        ]
        return [*shown, *self._said, part.submit, part.skip, part.next, part.note, part.battle_id]

    @property
    def _said(self) -> list[Block]:
        part = self._part
        return [part.choice, *part.criteria.values(), part.any_right, part.comment]

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties; what the rater has chosen is left alone."""
        part, lang, position, vote = self._part, tab.lang, tab.judging.position, tab.judging.vote
        battle = position.battle if position else None
        is_open = battle is not None and vote is None
        props: Props = {
            part.intro: {"visible": position is None},
            # Not before the page is loaded: until then nobody knows who the rater is.
            part.begin: {"interactive": position is None},
            part.stage: {"visible": position is not None},
            part.progress: {"value": progress_line(lang, position)},
            part.prompt: {"value": prompt_block(lang, battle) if battle else ""},
            part.submit: {"interactive": is_open},
            part.skip: {"interactive": is_open},
            part.next: {"interactive": vote is not None},
            part.note: {"value": note(lang, position, vote, self._desk.withdrawals.code_of)},
            part.battle_id: {"value": battle.id if battle else ""},
            **{component: {"interactive": is_open} for component in self._said},
        }
        for side in SideName:
            props[part.names[side]] = {"value": heading(lang, side, battle if vote else None)}
            props[part.panes[side]] = {"value": answer_rows(lang, battle.side(side).answer) if battle else []}
        return props

    def opened(self, tab: Tab, kept: Kept) -> None:
        """The page was opened: a rater who has begun goes on where they were."""
        judge = self._judge(kept)
        if judge and self._desk.has_begun(judge):
            tab.judging = Judging(self._desk.position(judge))

    def go_on(self, kept: Kept, request: gr.Request) -> dict[Block, Any]:
        """The next battle, or the one that is before the rater already."""
        tab = self._tabs.get(request)
        with self._refusals(tab):
            tab.judging = Judging(self._desk.position(self._known(tab, kept)))
        return self._anew(tab)

    def skip(self, kept: Kept, request: gr.Request) -> dict[Block, Any]:
        """Pass the battle by."""
        tab = self._tabs.get(request)
        with self._refusals(tab):
            judge = self._known(tab, kept)
            self._desk.skip(self._battle_id(tab), judge)
            tab.judging = Judging(self._desk.position(judge))
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
        verdicts = dict(zip(CRITERIA, (correct, complete, clear), strict=True))
        if not choice:
            return {self._part.note: "⚠️ " + text(tab.lang, "vote_choose")}
        criteria = {name: verdict for name, verdict in verdicts.items() if verdict}
        judgement = Judgement(choice, criteria, comment or "", any_right == ANY_RIGHT[0] if any_right else None)
        with self._refusals(tab):
            vote = self._desk.cast(self._battle_id(tab), self._known(tab, kept), judgement)
            tab.judging = Judging(tab.judging.position, vote)
        return _updates(self.render(tab))

    def withdraw(self, code: str | None, request: gr.Request) -> str:
        """Take back all votes whose receipts have the code."""
        tab = self._tabs.get(request)
        with self._refusals(tab):
            return text(tab.lang, "judge_withdrawn", count=self._desk.withdrawals.withdraw(code or ""))

    def _anew(self, tab: Tab) -> dict[Block, Any]:
        """Everything as it is now, and nothing chosen yet."""
        props = self.render(tab)
        for component in self._said:
            props[component]["value"] = "" if component is self._part.comment else None
        return _updates(props)

    @staticmethod
    def _battle_id(tab: Tab) -> str:
        """The battle that the tab shows: another tab of the same rater may be further."""
        position = tab.judging.position
        return position.battle.id if position and position.battle else ""

    def _judge(self, kept: Kept) -> str:
        rater = (kept or {}).get("rater", "")
        return self._services.judge(rater) if rater else ""

    def _known(self, tab: Tab, kept: Kept) -> str:
        judge = self._judge(kept)
        if not judge:
            raise gr.Error(text(tab.lang, "judge_no_storage"), print_exception=False)
        return judge

    @contextmanager
    def _refusals(self, tab: Tab) -> Iterator[None]:
        """What is refused is said, in the rater's language, and changes nothing on the page."""
        try:
            yield
        except ArenaError as error:
            raise gr.Error(error_text(tab.lang, error), print_exception=False) from error


def _updates(props: Props) -> dict[Block, Any]:
    return {component: gr.update(**values) for component, values in props.items()}
