"""What readers may report of a battle, and what the host may do about it. Each handler asks first who it is."""

from __future__ import annotations

from html import escape

import gradio as gr

from arena.errors import InputError
from arena.judging.moderation import Moderation
from arena.types import Vote
from ui.judging.raters import known_judge, refusals
from ui.replay.finding import Kept, vote_on, why_hidden
from ui.replay.layout import ReplayPart
from ui.replay.view import replay_link
from ui.session import Services, Tab, Tabs, address_of
from ui.texts import text
from ui.updates import PRIVATE, Props, Updates, changed


class ModerationHandlers:
    """Wires what is under a replayed battle; `kept` is what the browser keeps of its rater."""

    def __init__(
        self, services: Services, hidden: Moderation, part: ReplayPart, tabs: Tabs, kept: gr.BrowserState
    ) -> None:
        self._services = services
        self._hidden = hidden
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, asked = self._part, [self._kept, self._part.battle_id]
        once = {"concurrency_limit": 1, **PRIVATE}
        part.report.click(self.report, asked, [part.report, part.said], **once)
        part.hide.click(self.hide, asked, [part.hide, part.said, part.reported], **once)
        host = [part.withdraw, part.sure, part.said]
        part.withdraw.click(self.ask_to_withdraw, asked, host, **once)
        part.sure.click(self.withdraw, asked, host, **once)

    def report(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Updates:
        """A reader says that this should not be seen."""
        tab, part = self._tabs.get(request), self._part
        judge = known_judge(self._services, tab, kept)
        with refusals(tab):
            vote = vote_on(self._services, tab, kept, battle_id or "")
            self._services.count_prompt(address_of(request))
            self._hidden.report(vote.battle.id, judge)
        said = {"value": _line(text(tab.lang, "replay_reported"))}
        return changed({}, {part.report: {"interactive": False}, part.said: said})

    def hide(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Updates:
        """The host hides the battle from readers, or shows it again."""
        tab, part = self._tabs.get(request), self._part
        with refusals(tab):
            vote = self._vote_for_host(tab, kept, battle_id or "")
            self._hidden.decide(vote.battle.id, hide=not self._hidden.why(vote.battle))
        shown = host_props(self._services, part, tab, vote)
        return changed({}, {part: shown[part] for part in (part.hide, part.said, part.reported)})

    def ask_to_withdraw(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Updates:
        """How many votes of the rater it is about."""
        tab, part = self._tabs.get(request), self._part
        with refusals(tab):
            judge = self._vote_for_host(tab, kept, battle_id or "").judge
        words = text(tab.lang, "replay_withdraw_nobody")
        if judge:
            words = text(tab.lang, "replay_withdraw_count", count=self._services.withdrawals.count(judge))
        return changed({}, {part.said: {"value": _line(words)}, part.sure: {"visible": bool(judge)}})

    def withdraw(self, kept: Kept, battle_id: str | None, request: gr.Request) -> Updates:
        """Take them back."""
        tab, part = self._tabs.get(request), self._part
        with refusals(tab):
            judge = self._vote_for_host(tab, kept, battle_id or "").judge
            count = self._services.withdrawals.withdraw_judge(judge)
        words = text(tab.lang, "replay_withdrawn", count=count)
        gone: Props = {part.sure: {"visible": False}, part.withdraw: {"visible": False}}
        return changed({}, {part.said: {"value": _line(words)}, **gone})

    def _vote_for_host(self, tab: Tab, kept: Kept, battle_id: str) -> Vote:
        """Raises InputError for anybody but the host."""
        if not tab.admin:
            raise InputError("admin_needed", "This needs the admin's token.")
        return vote_on(self._services, tab, kept, battle_id)


def host_props(services: Services, part: ReplayPart, tab: Tab, vote: Vote) -> Props:
    """What stands under a battle for readers and, if the tab has shown the token, for the host."""
    why = why_hidden(services, vote)
    return {
        part.report: {"visible": not tab.admin and services.hidden is not None, "interactive": True},
        part.hide: {"visible": tab.admin, "value": text(tab.lang, "replay_unhide" if why else "replay_hide")},
        part.withdraw: {"visible": tab.admin},
        part.sure: {"visible": False},
        part.said: {"value": _line(text(tab.lang, f"replay_hidden_{why}")) if why else ""},
        part.reported: {"value": _reported(services, tab) if tab.admin else ""},
    }


def _reported(services: Services, tab: Tab) -> str:
    """The battles that wait for the host, as links."""
    found = services.hidden.undecided() if services.hidden else []
    if not found:
        return ""
    links = [replay_link(tab.lang, battle, f"{escape(battle[:8])} ({count})") for battle, count in found[:50]]
    return f"<p>{escape(text(tab.lang, 'replay_waiting_reports'))} {' · '.join(links)}</p>"


def _line(words: str) -> str:
    return f'<p role="status">{escape(words)}</p>'
