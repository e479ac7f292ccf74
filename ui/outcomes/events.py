"""The results tab's handlers. Who may see results is said in ui.session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from ui.handlers import PRIVATE, Updates
from ui.outcomes.layout import ResultsTab
from ui.outcomes.view import headers, summary, table
from ui.session import Services, Tabs
from ui.texts import error_text

_CLICK_FILE = "() => document.querySelector('#file').click()"


class ResultsEvents:
    """Wires the results of one page; `kept` is what the browser keeps of its rater."""

    def __init__(self, services: Services, part: ResultsTab, tabs: Tabs, kept: gr.BrowserState) -> None:
        self._services = services
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part = self._part
        shown = [part.summary, part.table]
        gr.on([part.tab.select, part.refresh.click], self.results, self._kept, shown, queue=False, **PRIVATE)
        for button, excel in ((part.download, False), (part.download_excel, True)):
            made: Any = button.click(self._export_of(excel), self._kept, part.file, concurrency_limit=4, **PRIVATE)
            made.success(None, js=_CLICK_FILE, api_visibility="private")

    def results(self, kept: dict[str, str] | None, request: gr.Request) -> Updates:
        """Count the votes anew."""
        tab = self._tabs.get(request)
        try:
            self._services.check_unblinding((kept or {}).get("rater", ""), tab.admin)
        except ArenaError as error:
            return {self._part.summary: error_text(tab.lang, error), self._part.table: gr.Dataframe(visible=False)}
        found = self._services.results()
        rows = table(tab.lang, found.all)
        return {
            self._part.summary: summary(tab.lang, found.all, found.unreadable),
            self._part.table: gr.Dataframe(value=rows, headers=headers(tab.lang), visible=bool(rows)),
        }

    def _export_of(self, excel: bool) -> Callable[..., str]:
        def export(kept: dict[str, str] | None, request: gr.Request) -> str:
            """A fresh copy of all votes."""
            tab = self._tabs.get(request)
            try:
                self._services.check_unblinding((kept or {}).get("rater", ""), tab.admin)
                return str(self._services.export(excel))
            except ArenaError as error:
                raise gr.Error(error_text(tab.lang, error), print_exception=False) from error

        return export
