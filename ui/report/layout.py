"""The components of the report tab and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.labels import Labels

FIELDS = (
    "title",
    "university",
    "school",
    "major",
    "course",
    "author",
    "student_number",
    "teacher",
    "date",
)
FORMATS = ("html", "docx", "md")


@dataclass(frozen=True)
class ReportTab:
    """Every component that a handler reads or writes; `fields` by name, `buttons` by format."""

    fields: dict[str, gr.Textbox]
    links: gr.Textbox
    buttons: dict[str, gr.Button]
    look: gr.Button
    note: gr.Markdown
    results: gr.Plot
    time: gr.Plot
    file: gr.DownloadButton


def lay_out_report(labels: Labels) -> ReportTab:
    """Make the components inside the current gr.Tab."""
    labels.show(gr.Markdown(labels("report_what"), elem_id="report_what"), value="report_what")
    with gr.Accordion(labels("report_fields"), open=False, elem_id="report_fields") as folded:
        labels.show(folded, label="report_fields")
        with gr.Row():
            fields = {name: _field(labels, name) for name in FIELDS}
        fields["machine"] = _field(labels, "machine")
        links = gr.Textbox(label=labels("report_links"), lines=2, max_lines=6, elem_id="report_links")
        labels.show(links, label="report_links")
    with gr.Row():
        look = _button(labels, "report_look")
        buttons = {kind: _button(labels, f"report_{kind}") for kind in FORMATS}
    note = gr.Markdown("", elem_id="report_note")
    return ReportTab(
        fields=fields,
        links=links,
        buttons=buttons,
        look=look,
        note=note,
        results=_plot("report_results"),
        time=_plot("report_time"),
        file=gr.DownloadButton("", elem_id="report_file", visible="hidden"),
    )


def _field(labels: Labels, name: str) -> gr.Textbox:
    key = f"report_{name}"
    return labels.show(gr.Textbox(label=labels(key), max_lines=1, elem_id=key, min_width=200), label=key)


def _button(labels: Labels, name: str) -> gr.Button:
    return labels.show(gr.Button(labels(name), elem_id=name, min_width=150), value=name)


def _plot(name: str) -> gr.Plot:
    """Without a label, which would lie upon the plot's own legend; what it shows stands in the note."""
    return gr.Plot(elem_id=name, show_label=False, visible=False, elem_classes="plot")
