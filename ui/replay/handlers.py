"""The handlers of the replay, and of reporting, hiding and withdrawing what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.judging.moderation import Moderation, Reason
from arena.results.replay import ask_again, find_vote, obstacle
from arena.results.service import ResultsService
from arena.types import Backend, SideName, Vote
from arena.votes.withdrawals import Withdrawals
from ui.access import Access, Stored, address_of, refusals, require_admin
from ui.display import plain_copy
from ui.judging.view import answer_rows, first_prompt, history_rows, prompt_block
from ui.markup import alert, status
from ui.replay.layout import ReplayPart
from ui.replay.view import facts_block, outcome_block, replay_link
from ui.session import Tab, Tabs
from ui.texts import error_text, text
from ui.updates import KEEP_ALIVE_SECONDS, PRIVATE, TURNS, Props, Updates, changed, throttled

MAX_REPORTED = 50


@dataclass(frozen=True)
class JudgedBattles:
    """The battles with a vote, and who may see them. Without `moderation` none is hidden."""

    results: ResultsService
    access: Access
    moderation: Moderation | None = None

    def vote_on(self, tab: Tab, stored: Stored, battle_id: str) -> Vote:
        """The vote on a battle.

        Raises InputError if there is none, if it would unblind a rater who is not done, and for a reader if it is
        hidden.
        """
        vote = find_vote(self.results.store, battle_id.strip())
        if vote is None:
            raise InputError("replay_unknown", "There is no vote on this battle.")
        if vote.battle.source == "recorded":
            self.access.check_unblinding(stored, tab.admin)
        if not tab.admin and self.why_hidden(vote):
            raise InputError("battle_hidden", "This battle is not shown here.")
        return vote

    def why_hidden(self, vote: Vote) -> Reason:
        """Why the battle is hidden from readers; "" if it is not."""
        return self.moderation.why(vote.battle) if self.moderation else ""

    def admin_props(self, part: ReplayPart, tab: Tab, vote: Vote) -> Props:
        """What is shown under a battle to readers and, once the tab has shown the token, to an admin."""
        why = self.why_hidden(vote)
        return {
            part.report: {"visible": not tab.admin and self.moderation is not None, "interactive": True},
            part.hide: {"visible": tab.admin, "value": text(tab.lang, "replay_unhide" if why else "replay_hide")},
            part.withdraw: {"visible": tab.admin},
            part.sure: {"visible": False},
            part.answer: {"value": status(text(tab.lang, f"replay_hidden_{why}")) if why else ""},
            part.reported: {"value": self._reported(tab.lang) if tab.admin else ""},
        }

    def _reported(self, lang: str) -> str:
        """Links to the reported battles that no admin has decided on."""
        reported = self.moderation.undecided()[:MAX_REPORTED] if self.moderation else []
        links = [replay_link(lang, battle, f"{escape(battle[:8])} ({count})") for battle, count in reported]
        return f"<p>{escape(text(lang, 'replay_waiting_reports'))} {' · '.join(links)}</p>" if links else ""


@dataclass(frozen=True)
class ReplayHandlers:
    """The replay of one page; `browser` is what the browser stores of its rater, `page_tabs` holds the page's tabs."""

    judged: JudgedBattles
    backends: Mapping[SideName, Backend]
    part: ReplayPart
    tabs: Tabs
    browser: gr.BrowserState
    page_tabs: gr.Tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, inputs = self.part, [self.browser, self.part.battle_id]
        gr.on(
            [part.look.click, part.battle_id.submit], self.look, inputs, part.changing, concurrency_limit=4, **PRIVATE
        )
        turn = {**TURNS, "trigger_mode": "once", "show_progress_on": [part.outcome]}
        running: Any = part.again.click(self.again, inputs, part.outcome, **turn)
        part.stop.click(self.stopped, None, part.outcome, cancels=[running], queue=False, **PRIVATE)

    def wire_link(self, demo: gr.Blocks) -> None:
        """Open the battle that the page's address names."""
        outputs = [*self.part.changing, self.page_tabs]
        demo.load(self.opened, self.browser, outputs, concurrency_limit=4, **PRIVATE)

    def opened(self, stored: Stored, request: gr.Request) -> Updates:
        """Show the battle that the address names, if it names one."""
        battle_id = request.query_params.get("replay", "")
        if not battle_id:
            return {self.page_tabs: gr.skip()}
        tab = self.tabs.get(request)
        # The handler that sets it from the browser's store runs at the same time.
        tab.lang = (stored or {}).get("lang") or tab.lang
        shown = {**self._shown(tab, stored, battle_id), self.part.battle_id: {"value": battle_id}}
        return {**changed({}, {**shown, self.part.fold: {"open": True}}), self.page_tabs: gr.Tabs(selected="results")}

    def look(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Updates:
        """Show the battle with the id in the box."""
        return changed({}, self._shown(self.tabs.get(request), stored, battle_id or ""))

    def again(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Iterator[Any]:
        """Ask both sides again where that is possible, and compare the answers."""
        tab = self.tabs.get(request)
        try:
            self.judged.access.check_rate(request)
            then = self.judged.vote_on(tab, stored, battle_id or "").battle
        except ArenaError as error:
            yield alert(error_text(tab.lang, error))
            return
        backends = {backend.spec.id: backend for backend in self.backends.values()}
        here = {name: backends.get(then.side(name).model.id) for name in SideName}
        obstacles = {name: (why, here[name]) for name in SideName if (why := obstacle(then.side(name), here[name]))}
        able = {name: backend for name, backend in here.items() if backend and name not in obstacles}
        yield outcome_block(tab.lang, then, None, obstacles)
        if able:
            now = then
            for now in throttled(ask_again(then, able), KEEP_ALIVE_SECONDS):
                yield outcome_block(tab.lang, then, now, obstacles)
            yield outcome_block(tab.lang, then, now, obstacles)

    def stopped(self, request: gr.Request) -> str:
        """Say that the answers were stopped."""
        return status(text(self.tabs.get(request).lang, "replay_stopped"))

    def _shown(self, tab: Tab, stored: Stored, battle_id: str) -> Props:
        part = self.part
        try:
            vote = self.judged.vote_on(tab, stored, battle_id)
        except ArenaError as error:
            return {part.note: {"value": alert(error_text(tab.lang, error))}, part.shown: {"visible": False}}
        battle = vote.battle
        props: Props = {
            part.note: {"value": ""},
            part.shown: {"visible": True},
            part.prompt: {"value": prompt_block(tab.lang, first_prompt(battle))},
            part.facts: {"value": facts_block(tab.lang, vote)},
            part.again: {"interactive": bool(self.backends)},
            part.outcome: {"value": ""},
            **self.judged.admin_props(part, tab, vote),
        }
        for name in SideName:
            side = battle.side(name)
            words = f"{text(tab.lang, f'replay_side_{name}')} · **{plain_copy(side.model.id)}**"
            props[part.names[name]] = {"value": words}
            props[part.panes[name]] = {"value": [*history_rows(side), *answer_rows(tab.lang, side.answer)]}
        return props


@dataclass(frozen=True)
class ModerationHandlers:
    """What is under a replayed battle; `browser` is what the browser stores of its rater."""

    judged: JudgedBattles
    moderation: Moderation
    withdrawals: Withdrawals
    part: ReplayPart
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, inputs = self.part, [self.browser, self.part.battle_id]
        once = {"concurrency_limit": 1, **PRIVATE}
        part.report.click(self.report, inputs, [part.report, part.answer], **once)
        part.hide.click(self.hide, inputs, [part.hide, part.answer, part.reported], **once)
        host = [part.withdraw, part.sure, part.answer]
        part.withdraw.click(self.ask_to_withdraw, inputs, host, **once)
        part.sure.click(self.withdraw, inputs, host, **once)

    def report(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Updates:
        """Report the battle to the host."""
        tab, part = self.tabs.get(request), self.part
        judge = self.judged.access.known_judge(tab, stored)
        with refusals(tab):
            vote = self.judged.vote_on(tab, stored, battle_id or "")
            self.judged.access.count_prompt(address_of(request))
            self.moderation.report(vote.battle.id, judge)
        answer = {"value": status(text(tab.lang, "replay_reported"))}
        return changed({}, {part.report: {"interactive": False}, part.answer: answer})

    def hide(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Updates:
        """Hide the battle from readers, or show it again."""
        tab, part = self.tabs.get(request), self.part
        with refusals(tab):
            vote = self._vote_for_admin(tab, stored, battle_id or "")
            self.moderation.decide(vote.battle.id, hide=not self.moderation.why(vote.battle))
        shown = self.judged.admin_props(part, tab, vote)
        return changed({}, {part: shown[part] for part in (part.hide, part.answer, part.reported)})

    def ask_to_withdraw(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Updates:
        """Ask for confirmation, with the number of the rater's votes."""
        tab, part = self.tabs.get(request), self.part
        with refusals(tab):
            judge = self._vote_for_admin(tab, stored, battle_id or "").judge
        words = text(tab.lang, "replay_withdraw_nobody")
        if judge:
            words = text(tab.lang, "replay_withdraw_count", count=self.withdrawals.count(judge))
        return changed({}, {part.answer: {"value": status(words)}, part.sure: {"visible": bool(judge)}})

    def withdraw(self, stored: Stored, battle_id: str | None, request: gr.Request) -> Updates:
        """Withdraw all votes of the rater."""
        tab, part = self.tabs.get(request), self.part
        with refusals(tab):
            judge = self._vote_for_admin(tab, stored, battle_id or "").judge
            count = self.withdrawals.withdraw_judge(judge)
        words = text(tab.lang, "replay_withdrawn", count=count)
        gone: Props = {part.sure: {"visible": False}, part.withdraw: {"visible": False}}
        return changed({}, {part.answer: {"value": status(words)}, **gone})

    def _vote_for_admin(self, tab: Tab, stored: Stored, battle_id: str) -> Vote:
        """Raises InputError for anybody but an admin."""
        require_admin(tab.admin)
        return self.judged.vote_on(tab, stored, battle_id)
