"""The vote under the panes: handlers only. Every check of it is in arena.judging.ballots."""

from __future__ import annotations

import gradio as gr

from arena.errors import ArenaError
from arena.judging.ballots import Judgement
from ui.chat.layout import ChatTab
from ui.chat.notes import receipt_with_link
from ui.session import Services, Tabs, address_of
from ui.texts import error_text, text
from ui.updates import PRIVATE, Updates


class VoteHandlers:
    """Wires the vote of one page's chat tab; `kept` is what the browser keeps of its rater."""

    def __init__(self, services: Services, part: ChatTab, tabs: Tabs, kept: gr.BrowserState) -> None:
        self._services = services
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part = self._part
        outputs = [part.choice, part.submit, part.vote_note]
        part.submit.click(self.submit, [part.choice, self._kept], outputs, concurrency_limit=None, **PRIVATE)

    def submit(self, choice: str | None, kept: dict[str, str], request: gr.Request) -> Updates:
        """Cast the vote for this tab's last battle."""
        tab, part = self._tabs.get(request), self._part
        if not choice:
            return {part.vote_note: "⚠️ " + text(tab.lang, "vote_choose")}
        turns = tab.chat.turns
        rater = (kept or {}).get("rater") or f"tab:{request.session_hash}"
        try:
            battle_id = turns[-1].id if turns else ""
            judge, address = self._services.judge(rater), address_of(request)
            tab.vote = self._services.ballots.cast(battle_id, judge, Judgement(choice), address=address)
        except ArenaError as error:
            return {part.vote_note: "⚠️ " + error_text(tab.lang, error)}
        return {
            part.choice: gr.update(interactive=False),
            part.submit: gr.update(interactive=False),
            part.vote_note: receipt_with_link(tab.lang, tab.vote),
        }
