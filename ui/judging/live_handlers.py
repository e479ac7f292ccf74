"""The handlers of live blind battles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.judging.live import LiveBattles, LiveView
from arena.prompts import Prompt
from arena.types import SideName, Vote
from arena.votes.withdrawals import Withdrawals
from ui.access import Access, Stored, address_of, refusals
from ui.chat.view import queued_line
from ui.components import matching_prompt, prompt_text
from ui.gradio.compat import Block
from ui.judging.layout import LiveTab
from ui.judging.view import answer_rows, heading, prompt_block, receipt, reference_block, text_rows
from ui.markup import status
from ui.replay.view import replay_link
from ui.session import LiveJudging, Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, TURNS, Props, Typed, Updates, merged, stream


@dataclass(frozen=True)
class LiveHandlers:
    """The live blind battles of one page; `browser` is what the browser stores of its rater."""

    live: LiveBattles
    prompts: Sequence[Prompt]
    withdrawals: Withdrawals
    access: Access
    part: LiveTab
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs, form = self.part, self.outputs, self.part.form
        turn = {**TURNS, "trigger_mode": "once", "show_progress_on": [part.status]}
        gr.on([part.box.submit, part.send.click], self.send, [self.browser, part.box], outputs, **turn)
        part.stop.click(self.stop, None, part.stop, queue=False, **PRIVATE)
        part.picker.input(lambda name: prompt_text(self.prompts, name), part.picker, part.box, queue=False, **PRIVATE)
        form.submit.click(self.submit, {self.browser, *form.inputs}, outputs, concurrency_limit=None, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self.part
        return [part.picker, part.box, part.send, part.stop, part.status, part.shown, *part.form.changing]

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties, apart from what the rater has chosen."""
        part, lang, view, vote = self.part, tab.lang, tab.live.view, tab.live.vote
        form, runs = part.form, view is not None and view.state == "answering"
        is_open = view is not None and view.state == "votable" and vote is None
        props: Props = {
            part.send: {"interactive": not runs},
            part.stop: {"interactive": runs},
            part.status: {"value": _status(lang, view)},
            part.shown: {"visible": view is not None},
            form.prompt: {"value": prompt_block(lang, view.prompt if view else "")},
            form.note: {"value": self._receipt(lang, vote)},
            form.reference: {"value": reference_block(lang, self.prompts, vote)},
            **{component: {"interactive": is_open} for component in (*form.inputs, form.submit)},
        }
        for side in SideName:
            battle = vote.battle if vote else None
            before = text_rows(view.shown.texts[side] if view else "")
            props[form.names[side]] = {"value": heading(lang, side, battle)}
            props[form.panes[side]] = {"value": answer_rows(lang, battle.side(side).answer) if battle else before}
        return props

    def _receipt(self, lang: str, vote: Vote | None) -> str:
        if vote is None:
            return ""
        return f"{receipt(lang, vote, self.withdrawals.code_of)} · {replay_link(lang, vote.battle.id)}"

    def send(self, stored: Stored, typed: str | None, request: gr.Request) -> Iterator[Updates]:
        """A new battle, shown as its answers arrive."""
        tab, part = self.tabs.get(request), self.part
        judge = self.access.known_judge(tab, stored)
        try:
            self.access.check_rate(request)
            views = self.live.ask(request.session_hash, judge, typed or "", matching_prompt(self.prompts, typed or ""))
        except ArenaError as error:
            gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
            yield {part.stop: gr.skip()}
            return
        tab.live = LiveJudging(next(views))
        shown = self.render(tab)
        emptied: Props = {part.box: {"value": ""}, part.picker: {"value": ""}}
        yield merged(shown, part.form.emptied(), emptied)
        yield from stream(self._follow(tab, views), lambda: self.render(tab), shown, part.stop)

    @staticmethod
    def _follow(tab: Tab, views: Iterator[LiveView]) -> Iterator[None]:
        for view in views:
            tab.live = LiveJudging(view)
            yield

    def stop(self, request: gr.Request) -> Any:
        """Stop both sides. The battle's own stream shows the rest."""
        self.live.stop(self._session(request))
        return gr.update(interactive=False)

    def submit(self, typed: Typed, request: gr.Request) -> Updates:
        """Cast the vote on the tab's last battle."""
        tab = self.tabs.get(request)
        with refusals(tab):
            judgement = self.part.form.judgement(typed)
            judge, address = self.access.known_judge(tab, typed[self.browser]), address_of(request)
            vote = self.live.cast(request.session_hash, judge, judgement, address=address)
            tab.live = LiveJudging(tab.live.view, vote)
        return merged(self.render(tab))

    def _session(self, request: gr.Request) -> str | None:
        self.tabs.get(request)  # raises gr.Error for a call that comes from no page
        return request.session_hash


def _status(lang: str, view: LiveView | None) -> str:
    """What the battle is doing, as HTML. The words are the same for both sides, so that they reveal nothing."""
    if view is None:
        return ""
    waits = view.state == "answering" and not any(view.shown.texts.values())
    if waits and view.shown.ahead:
        line = queued_line(lang, view.shown.ahead, view.shown.wait)
    else:
        line = text(lang, "waiting" if waits else f"live_{view.state}")
    return status(line, "span")
