"""The report tab's handlers. Who may see what a report says is told in ui.session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import ArenaError
from arena.report import Details, Document, Reports
from arena.report.blocks import Figure
from arena.results.plots import as_chart
from ui.display import plain_copy
from ui.judging.raters import refusals
from ui.report.layout import FORMATS, ReportTab
from ui.session import Services, Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE

_CLICK_FILE = "() => document.querySelector('#report_file').click()"


class ReportHandlers:
    """Wires the report tab of one page; `kept` is what the browser keeps of its rater."""

    def __init__(
        self, services: Services, reports: Reports, part: ReportTab, tabs: Tabs, kept: gr.BrowserState
    ) -> None:
        self._services = services
        self._reports = reports
        self._part = part
        self._tabs = tabs
        self._kept = kept

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part = self._part
        typed: set[Block] = {self._kept, *part.fields.values(), part.links}
        part.look.click(self.look, typed, [part.note, part.results, part.time], concurrency_limit=2, **PRIVATE)
        for kind in FORMATS:
            button = part.buttons[kind]
            made: Any = button.click(self._file_of(kind), typed, part.file, concurrency_limit=2, **PRIVATE)
            made.success(None, js=_CLICK_FILE, api_visibility="private")

    def look(self, typed: dict[Block, Any], request: gr.Request) -> dict[Block, Any]:
        """The plots, and what they show."""
        tab, part = self._tabs.get(request), self._part
        try:
            document = self._document(tab, typed)
        except ArenaError as error:
            hidden = gr.Plot(visible=False)
            return {part.note: "⚠️ " + plain_copy(error_text(tab.lang, error)), part.results: hidden, part.time: hidden}
        figures = {block.name: block for block in document.blocks if isinstance(block, Figure)}
        captions = "\n\n".join(plain_copy(figure.caption) for figure in figures.values())
        return {
            part.note: captions or text(tab.lang, "report_no_plots"),
            part.results: _shown(figures.get("results")),
            part.time: _shown(figures.get("time")),
        }

    def _file_of(self, kind: str) -> Callable[..., str]:
        def make(typed: dict[Block, Any], request: gr.Request) -> str:
            """The report as a file."""
            tab = self._tabs.get(request)
            with refusals(tab):
                return str(self._reports.write(self._document(tab, typed), kind))

        return make

    def _document(self, tab: Tab, typed: dict[Block, Any]) -> Document:
        """The report with what stands in the boxes. Raises InputError for what is too long."""
        self._services.check_unblinding((typed[self._kept] or {}).get("rater", ""), tab.admin)
        fields = {name: typed[box] or "" for name, box in self._part.fields.items()}
        links = (typed[self._part.links] or "").splitlines()
        return self._reports.document(tab.lang, Details(**fields, links=tuple(links)))


def _shown(figure: Figure | None) -> Any:
    if figure is None:
        return gr.Plot(visible=False)
    return gr.Plot(value=as_chart(figure.spec), visible=True)
