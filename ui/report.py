"""The report tab: its components and its handlers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.report import Details, Document, Reports
from arena.report.blocks import Figure
from arena.results.plots import as_chart
from ui.access import Access, refusals
from ui.display import plain_copy
from ui.gradio.compat import Block
from ui.labels import Labels
from ui.session import Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, Typed, Updates

FIELDS = ("title", "university", "school", "major", "course", "author", "student_number", "teacher", "date")
FORMATS = ("html", "docx", "md")
_CLICK_FILE = "() => document.querySelector('#report_file').click()"


class ReportTab:
    """The components that handlers read or write; `fields` by name, `buttons` by format."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab."""
        labels.markdown("report_what", "report_what")
        with labels.accordion("report_fields"):
            with gr.Row():
                self.fields = {name: labels.textbox(f"report_{name}", max_lines=1, min_width=200) for name in FIELDS}
            self.fields["machine"] = labels.textbox("report_machine", max_lines=1, min_width=200)
            self.links = labels.textbox("report_links", lines=2, max_lines=6)
        with gr.Row():
            self.look = labels.button("report_look", min_width=150)
            self.buttons = {kind: labels.button(f"report_{kind}", min_width=150) for kind in FORMATS}
        self.note = gr.Markdown("", elem_id="report_note")
        # Without labels, which would cover the charts' legends; the note says what they show.
        hidden: Any = {"show_label": False, "visible": False, "elem_classes": "plot"}
        self.results = gr.Plot(elem_id="report_results", **hidden)
        self.time = gr.Plot(elem_id="report_time", **hidden)
        self.file = gr.DownloadButton("", elem_id="report_file", visible="hidden")

    @property
    def inputs(self) -> set[Block]:
        """What `details` needs."""
        return {*self.fields.values(), self.links}

    def details(self, typed: Typed) -> Details:
        """The form as it was sent."""
        fields = {name: typed[box] or "" for name, box in self.fields.items()}
        return Details(**fields, links=tuple((typed[self.links] or "").splitlines()))


@dataclass(frozen=True)
class ReportHandlers:
    """The report tab of one page; `browser` is what the browser stores of its rater."""

    reports: Reports
    access: Access
    part: ReportTab
    tabs: Tabs
    browser: gr.BrowserState

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part = self.part
        typed = {self.browser, *part.inputs}
        part.look.click(self.look, typed, [part.note, part.results, part.time], concurrency_limit=2, **PRIVATE)
        for kind in FORMATS:
            button = part.buttons[kind]
            written: Any = button.click(self._file_of(kind), typed, part.file, concurrency_limit=2, **PRIVATE)
            written.success(None, js=_CLICK_FILE, api_visibility="private")

    def look(self, typed: Typed, request: gr.Request) -> Updates:
        """Show the charts with their captions."""
        tab, part = self.tabs.get(request), self.part
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
        def make(typed: Typed, request: gr.Request) -> str:
            """The report as a file."""
            tab = self.tabs.get(request)
            with refusals(tab):
                return str(self.reports.write(self._document(tab, typed), kind))

        return make

    def _document(self, tab: Tab, typed: Typed) -> Document:
        """Raises InputError if a field is too long, and if a report would unblind the reader."""
        self.access.check_unblinding(typed[self.browser], tab.admin)
        return self.reports.document(tab.lang, self.part.details(typed))


def _shown(figure: Figure | None) -> Any:
    if figure is None:
        return gr.Plot(visible=False)
    return gr.Plot(value=as_chart(figure.spec), visible=True)
