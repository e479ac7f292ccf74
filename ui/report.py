"""The report tab: its components and its handlers."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.report.blocks import Document, Figure
from arena.report.facts import Details
from arena.report.reports import Reports
from arena.results.plots import as_svg
from ui.access import Stored, refusals, require_admin
from ui.components import Labels, download_file, wire_download
from ui.display import plain_copy
from ui.gradio.compat import Block
from ui.tabs import Tab
from ui.texts import COVER, error_text, text
from ui.updates import PRIVATE, Handlers, Typed, Updates

FIELDS = ("title", *COVER)
FORMATS = ("html", "docx", "md")


class ReportTab:
    """The components that handlers read or write; `fields` by name, `buttons` by format; `tab` is the tab itself."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        labels.markdown("report_what", "report_what")
        with labels.accordion("report_fields"):
            with gr.Row():
                self.fields = {name: labels.textbox(f"report_{name}", max_lines=1, min_width=200) for name in FIELDS}
            self.fields["machine"] = labels.textbox("report_machine", max_lines=1, min_width=200)
            self.links = labels.textbox("report_links", lines=2, max_lines=6)
        with gr.Row():
            self.pair = [
                labels.show(gr.Dropdown([("", "")], value="", label=labels(key), elem_id=key, visible=False), label=key)
                for key in ("report_a", "report_b")
            ]
        with gr.Row():
            self.look = labels.button("report_look", min_width=150)
            self.buttons = {kind: labels.button(f"report_{kind}", min_width=150) for kind in FORMATS}
        self.note = gr.Markdown("", elem_id="report_note")
        self.charts = gr.HTML(elem_id="report_charts")
        self.file = download_file("report_file")

    @property
    def inputs(self) -> set[Block]:
        """What `details` and `chosen` need."""
        return {*self.fields.values(), self.links, *self.pair}

    def details(self, typed: Typed) -> Details:
        """The form as it was sent."""
        fields = {name: typed[box] or "" for name, box in self.fields.items()}
        return Details(**fields, links=tuple((typed[self.links] or "").splitlines()))

    def chosen(self, typed: Typed) -> tuple[str, str] | None:
        """The ids of the two models to compare in full, if the host has chosen."""
        a, b = (typed[box] or "" for box in self.pair)
        return (a, b) if a or b else None


@dataclass(frozen=True)
class ReportHandlers(Handlers):
    """The report tab of one page."""

    part: ReportTab
    reports: Reports

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        typed = {self.browser, *part.inputs}
        part.tab.select(self.offer, self.browser, part.pair, **PRIVATE)
        part.look.click(self.look, typed, [part.note, part.charts], concurrency_limit=2, **PRIVATE)
        for kind, button in part.buttons.items():
            wire_download(button, self._file_of(kind), typed, part.file, limit=2)

    def offer(self, stored: Stored, request: gr.Request) -> list[Any]:
        """The choice of two models, if there are more."""
        tab = self.tabs.get(request)
        try:
            self._check(tab, stored, request)
            models = self.reports.models()
        except ArenaError:  # every other button says why
            models = {}
        choices = [(text(tab.lang, "report_auto"), ""), *((name, model) for model, name in models.items())]
        return [gr.update(choices=choices, visible=len(models) > 2) for _ in self.part.pair]

    def look(self, typed: Typed, request: gr.Request) -> Updates:
        """Show the charts with their captions."""
        tab, part = self.tabs.get(request), self.part
        try:
            document = self._document(tab, typed, request)
        except ArenaError as error:
            return {part.note: "⚠️ " + plain_copy(error_text(tab.lang, error)), part.charts: ""}
        figures = [block for block in document.blocks if isinstance(block, Figure)]
        charts = "".join(
            f"<figure>{as_svg(figure.spec, figure.caption)}<figcaption>{escape(figure.caption)}</figcaption></figure>"
            for figure in figures
        )
        return {part.note: "" if figures else text(tab.lang, "report_no_plots"), part.charts: charts}

    def _file_of(self, kind: str) -> Callable[..., str]:
        def write(typed: Typed, request: gr.Request) -> str:
            tab = self.tabs.get(request)
            with refusals(tab.lang):
                return str(self.reports.write(self._document(tab, typed, request), kind))

        return write

    def _document(self, tab: Tab, typed: Typed, request: gr.Request) -> Document:
        """The report. Raises InputError for anybody but the host, for a long field, or if it would unblind."""
        self._check(tab, typed[self.browser], request)
        return self.reports.document(tab.lang, self.part.details(typed), self.part.chosen(typed))

    def _check(self, tab: Tab, stored: Stored, request: gr.Request) -> None:
        require_admin(self.access.is_host(tab, request))
        self.access.check_unblinding(stored, tab.admin, request)
