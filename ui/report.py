"""The report tab: its components and its handlers."""

from dataclasses import dataclass
from functools import partial
from html import escape

import gradio as gr

from arena.errors import ArenaError
from arena.report.blocks import Document, Figure
from arena.report.facts import Details
from arena.report.reports import Reports
from arena.results.plots import as_svg
from ui.access import require_admin
from ui.components import Labels, download_file
from ui.display import plain_copy
from ui.gradio.compat import Block
from ui.tabs import Tab
from ui.texts import COVER, error_text, text
from ui.updates import Handlers, Props, Typed

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
                labels.labelled(gr.Dropdown, key, choices=[("", "")], value="", visible=False)
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
        self.on(part.tab.select, self.offer)
        self.on(part.look.click, self.look, part.inputs, concurrency_limit=2)
        for kind, button in part.buttons.items():
            self.download(button, partial(self.write, kind), part.inputs, limit=2)

    def offer(self, tab: Tab) -> Props:
        """The choice of two models, if there are more."""
        try:
            self._check(tab)
            models = self.reports.models()
        except ArenaError:  # every other button says why
            models = {}
        choices = [(text(tab.lang, "report_auto"), ""), *((name, model) for model, name in models.items())]
        return {box: {"choices": choices, "visible": len(models) > 2} for box in self.part.pair}

    def look(self, tab: Tab, typed: Typed) -> Props:
        """Show the charts with their captions."""
        part = self.part
        try:
            document = self._document(tab, typed)
        except ArenaError as error:
            return {part.note: {"value": "⚠️ " + plain_copy(error_text(tab.lang, error))}, part.charts: {"value": ""}}
        figures = [block for block in document.blocks if isinstance(block, Figure)]
        charts = "".join(
            f"<figure>{as_svg(figure.spec, figure.caption)}<figcaption>{escape(figure.caption)}</figcaption></figure>"
            for figure in figures
        )
        note = "" if figures else text(tab.lang, "report_no_plots")
        return {part.note: {"value": note}, part.charts: {"value": charts}}

    def write(self, kind: str, tab: Tab, typed: Typed) -> str:
        """The path of the report in one of the formats."""
        return str(self.reports.write(self._document(tab, typed), kind))

    def _document(self, tab: Tab, typed: Typed) -> Document:
        """The report. Raises InputError for anybody but the host, for a long field, or if it would unblind."""
        self._check(tab)
        return self.reports.document(tab.lang, self.part.details(typed), self.part.chosen(typed))

    def _check(self, tab: Tab) -> None:
        require_admin(self.access.is_host(tab))
        self.access.check_unblinding(tab.judge, tab.admin)
