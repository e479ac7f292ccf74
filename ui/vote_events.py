"""The vote under the panes and the results tab: handlers only. Every check of a vote is in arena.judging.ballots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.judging.judgement import Judgement
from ui.chat_events import PRIVATE, Updates
from ui.layout import Page
from ui.notes import receipt
from ui.results import headers, summary, table
from ui.session import Services, Tabs
from ui.texts import error_text, text

_CLICK_FILE = "() => document.querySelector('#file').click()"


class VoteEvents:
    """Wires the vote and the results of one page."""

    def __init__(self, services: Services, page: Page, tabs: Tabs) -> None:
        self._services = services
        self._page = page
        self._tabs = tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        page = self._page
        vote_outputs = [page.choice, page.submit, page.vote_note]
        page.submit.click(self.submit, [page.choice, page.kept], vote_outputs, concurrency_limit=None, **PRIVATE)
        shown = [page.summary, page.table]
        gr.on([page.results_tab.select, page.refresh.click], self.results, page.kept, shown, queue=False, **PRIVATE)
        for button, excel in ((page.download, False), (page.download_excel, True)):
            made: Any = button.click(self._export_of(excel), page.kept, page.file, concurrency_limit=4, **PRIVATE)
            made.success(None, js=_CLICK_FILE, api_visibility="private")

    def submit(self, choice: str | None, kept: dict[str, str], request: gr.Request) -> Updates:
        """Cast the vote for this tab's last battle."""
        tab, page = self._tabs.get(request), self._page
        if not choice:
            return {page.vote_note: "⚠️ " + text(tab.lang, "vote_choose")}
        turns = tab.chat.turns
        rater = (kept or {}).get("rater") or f"tab:{request.session_hash}"
        try:
            battle_id = turns[-1].id if turns else ""
            tab.vote = self._services.ballots.cast(battle_id, self._services.judge(rater), Judgement(choice))
        except ArenaError as error:
            return {page.vote_note: "⚠️ " + error_text(tab.lang, error)}
        return {
            page.choice: gr.update(interactive=False),
            page.submit: gr.update(interactive=False),
            page.vote_note: receipt(tab.lang, tab.vote),
        }

    def results(self, kept: dict[str, str] | None, request: gr.Request) -> Updates:
        """Count the votes anew."""
        lang = self._tabs.get(request).lang
        try:
            self._services.check_unblinding((kept or {}).get("rater", ""))
        except ArenaError as error:
            return {self._page.summary: error_text(lang, error), self._page.table: gr.Dataframe(visible=False)}
        found = self._services.results()
        rows = table(found)
        return {
            self._page.summary: summary(lang, found),
            self._page.table: gr.Dataframe(value=rows, headers=headers(lang), visible=bool(rows)),
        }

    def _export_of(self, excel: bool) -> Callable[..., str]:
        def export(kept: dict[str, str] | None, request: gr.Request) -> str:
            """A fresh copy of all votes."""
            lang = self._tabs.get(request).lang
            try:
                self._services.check_unblinding((kept or {}).get("rater", ""))
                return str(self._services.export(excel))
            except ArenaError as error:
                raise gr.Error(error_text(lang, error), print_exception=False) from error

        return export
