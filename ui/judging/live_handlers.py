"""The handlers of live blind battles: what is asked, what may be seen meanwhile, and the vote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import ArenaError
from arena.judging.live import LiveBattles, LiveView
from arena.types import SideName, Vote
from ui.chat.panes import queued_line
from ui.judging.live_layout import LiveTab
from ui.judging.raters import Kept, known_judge, refusals
from ui.judging.view import answer_rows, heading, prompt_block, receipt, text_rows
from ui.judging.vote_form import judgement
from ui.reference import reference_block
from ui.replay.view import replay_link
from ui.session import LiveJudging, Services, Tab, Tabs, address_of
from ui.texts import error_text, text
from ui.updates import KEEP_ALIVE_SECONDS, PRIVATE, TURNS, UPDATE_SECONDS, Props, Updates, changed, merged


class LiveHandlers:
    """Wires the live blind battles of one page; `kept` is what the browser keeps of its rater."""

    def __init__(self, services: Services, live: LiveBattles, part: LiveTab, tabs: Tabs, kept: gr.BrowserState) -> None:
        self._services = services
        self._live = live
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs, stage = self._part, self.outputs, self._part.stage
        turn = {**TURNS, "trigger_mode": "once", "show_progress_on": [part.status]}
        gr.on([part.box.submit, part.send.click], self.send, [self._kept, part.box], outputs, **turn)
        part.stop.click(self.stop, None, part.stop, queue=False, **PRIVATE)
        part.picker.input(self._services.prompt_text, part.picker, part.box, queue=False, **PRIVATE)
        stage.submit.click(self.submit, [self._kept, *stage.said], outputs, concurrency_limit=None, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self._part
        return [part.picker, part.box, part.send, part.stop, part.status, part.shown, *part.stage.changing]

    def render(self, tab: Tab) -> Props:
        """What every changing component shows now, as properties; what the rater has chosen is left alone."""
        part, lang, view, vote = self._part, tab.lang, tab.live.view, tab.live.vote
        stage, runs = part.stage, view is not None and view.state == "answering"
        is_open = view is not None and view.state == "votable" and vote is None
        props: Props = {
            part.send: {"interactive": not runs},
            part.stop: {"interactive": runs},
            part.status: {"value": _status(lang, view)},
            part.shown: {"visible": view is not None},
            stage.prompt: {"value": prompt_block(lang, view.prompt if view else "")},
            stage.note: {"value": self._receipt(lang, vote)},
            stage.reference: {"value": reference_block(lang, self._services.prompts, vote)},
            **{component: {"interactive": is_open} for component in (*stage.said, stage.submit)},
        }
        for side in SideName:
            told = vote.battle if vote else None
            props[stage.names[side]] = {"value": heading(lang, side, told)}
            rows = (
                answer_rows(lang, told.side(side).answer) if told else text_rows(view.shown.texts[side] if view else "")
            )
            props[stage.panes[side]] = {"value": rows}
        return props

    def _receipt(self, lang: str, vote: Vote | None) -> str:
        if vote is None:
            return ""
        return f"{receipt(lang, vote, self._services.withdrawals.code_of)} · {replay_link(lang, vote.battle.id)}"

    def send(self, kept: Kept, typed: str | None, request: gr.Request) -> Iterator[Updates]:
        """A new battle, shown as it grows."""
        tab, part = self._tabs.get(request), self._part
        judge = known_judge(self._services, tab, kept)
        try:
            self._services.check_rate(request)
            views = self._live.ask(request.session_hash, judge, typed or "", self._services.prompt_of(typed or ""))
        except ArenaError as error:
            gr.Warning(error_text(tab.lang, error), title=text(tab.lang, "notice"))
            yield {part.stop: gr.skip()}
            return
        tab.live = LiveJudging(next(views))
        shown = self.render(tab)
        emptied: Props = {part.box: {"value": ""}, part.picker: {"value": ""}}
        yield merged(shown, part.stage.nothing_said(), emptied)
        yield from self._show(tab, views, shown)

    def _show(self, tab: Tab, views: Iterator[LiveView], shown: Props) -> Iterator[Updates]:
        """Passes the battle on to the page, a part at a time."""
        sent = time.monotonic()
        for view in views:
            tab.live = LiveJudging(view)
            now = time.monotonic()
            if now - sent < UPDATE_SECONDS:
                continue
            props = self.render(tab)
            updates = changed(shown, props)
            if updates or now - sent > KEEP_ALIVE_SECONDS:
                sent, shown = now, props
                yield updates or {self._part.stop: gr.skip()}
        yield merged(self.render(tab))

    def stop(self, request: gr.Request) -> Any:
        """Stop both sides; the battle's own stream shows the rest."""
        self._live.stop(self._session(request))
        return gr.update(interactive=False)

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
        """Cast the vote on the tab's last battle."""
        tab = self._tabs.get(request)
        with refusals(tab):
            said = judgement(choice, correct, complete, clear, any_right, comment)
            judge, address = known_judge(self._services, tab, kept), address_of(request)
            vote = self._live.cast(request.session_hash, judge, said, address=address)
            tab.live = LiveJudging(tab.live.view, vote)
        return merged(self.render(tab))

    def _session(self, request: gr.Request) -> str | None:
        self._tabs.get(request)  # refuses a call from no page
        return request.session_hash


def _status(lang: str, view: LiveView | None) -> str:
    """Where the battle stands, the same words whichever side is meant."""
    if view is None:
        return ""
    waits = view.state == "answering" and not any(view.shown.texts.values())
    if waits and view.shown.ahead:
        line = queued_line(lang, view.shown.ahead, view.shown.wait)
    else:
        line = text(lang, "waiting" if waits else f"live_{view.state}")
    return f'<span role="status">{escape(line)}</span>'
