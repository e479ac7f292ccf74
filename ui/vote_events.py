"""The vote under the panes and the results tab: handlers only. Every check of a vote is in arena.ballots."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.types import Vote
from ui.chat_events import PRIVATE, Updates
from ui.layout import Page
from ui.results import headers, summary, table
from ui.session import Services, lang_of
from ui.texts import error_text, text

_CLICK_FILE = "() => document.querySelector('#file').click()"


def receipt(lang: str, vote: Vote) -> str:
    """What the rater sees once the row is on disk."""
    return text(
        lang,
        "receipt",
        choice=text(lang, f"vote_{vote.winner}"),
        a=vote.battle.a.model.id,
        b=vote.battle.b.model.id,
        id=vote.id[:8],
    )


class VoteEvents:
    """Wires the vote and the results of one page."""

    def __init__(self, services: Services, page: Page) -> None:
        self._services = services
        self._page = page

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        page = self._page
        vote_outputs = [page.choice, page.submit, page.vote_note]
        page.submit.click(
            self.submit, [page.lang, page.choice, page.kept], vote_outputs, concurrency_limit=None, **PRIVATE
        )
        shown = [page.summary, page.table]
        gr.on([page.results_tab.select, page.refresh.click], self.results, page.lang, shown, queue=False, **PRIVATE)
        for button, excel in ((page.download, False), (page.download_excel, True)):
            made: Any = button.click(partial(self.export, excel), None, page.file, concurrency_limit=4, **PRIVATE)
            made.success(None, js=_CLICK_FILE, api_visibility="private")

    def submit(self, lang: str, choice: str | None, kept: dict[str, str], request: gr.Request) -> Updates:
        """Cast the vote for this tab's last battle."""
        page = self._page
        lang = lang_of(self._services, request, lang)
        if not choice:
            return {page.vote_note: "⚠️ " + text(lang, "vote_choose")}
        try:
            turns = self._services.chats.get(request.session_hash).turns
            rater = (kept or {}).get("rater") or f"tab:{request.session_hash}"
            battle_id = turns[-1].id if turns else ""
            vote = self._services.ballots.cast(battle_id, choice, self._services.judge(rater))
        except ArenaError as error:
            return {page.vote_note: "⚠️ " + error_text(lang, error)}
        return {
            page.choice: gr.update(interactive=False),
            page.submit: gr.update(interactive=False),
            page.vote_note: receipt(lang, vote),
        }

    def results(self, lang: str, request: gr.Request) -> Updates:
        """Count the votes anew."""
        lang = lang_of(self._services, request, lang)
        found = self._services.results()
        rows = table(found)
        return {
            self._page.summary: summary(lang, found),
            self._page.table: gr.Dataframe(value=rows, headers=headers(lang), visible=bool(rows)),
        }

    def export(self, excel: bool) -> str:
        """A fresh copy of all votes."""
        return str(self._services.export(excel))
