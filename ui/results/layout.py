"""The components of the results tab. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.labels import Labels

FILTERS = ("blind", "complete", "not_leaked", "not_suspicious")
SECTIONS = (
    "models",
    "counts",
    "dimension",
    "category",
    "prompt",
    "language",
    "source",
    "room",
    "bias",
    "agreement",
    "cost",
    "left_out",
)
LIVE_SECONDS, READING_SECONDS = 3.0, 1.0


@dataclass(frozen=True)
class ResultsTab:
    """Every component that a handler reads or writes; `tab` is the tab itself, `folds` and `bodies` are by section."""

    tab: gr.Tab
    summary: gr.HTML
    filters: gr.CheckboxGroup
    plot: gr.Plot
    plot_note: gr.Markdown
    folds: dict[str, gr.Accordion]
    bodies: dict[str, gr.HTML]
    refresh: gr.Button
    download: gr.Button
    download_excel: gr.Button
    file: gr.DownloadButton
    timer: gr.Timer


def lay_out_results(labels: Labels, tab: gr.Tab) -> ResultsTab:
    """Make the components inside the current gr.Tab, which is `tab`."""
    summary = gr.HTML("", elem_id="summary")
    filters = gr.CheckboxGroup(choices=[], label=labels("results_filter"), elem_id="results_filter")
    labels.show(filters, label="results_filter")
    plot = gr.Plot(elem_id="results_plot", show_label=False, visible=False, elem_classes="plot")
    plot_note = gr.Markdown("", elem_id="results_plot_note")
    folds, bodies = {}, {}
    for name in SECTIONS:
        folds[name], bodies[name] = _section(labels, name)
    with gr.Row():
        refresh, download, excel = (_button(labels, name) for name in ("refresh", "download", "download_excel"))
    return ResultsTab(
        tab=tab,
        summary=summary,
        filters=filters,
        plot=plot,
        plot_note=plot_note,
        folds=folds,
        bodies=bodies,
        refresh=refresh,
        download=download,
        download_excel=excel,
        # The file is made when it is asked for; this button, never seen, then hands it to the browser.
        file=gr.DownloadButton("", elem_id="file", visible="hidden"),
        timer=gr.Timer(LIVE_SECONDS, active=False),
    )


def _section(labels: Labels, name: str) -> tuple[gr.Accordion, gr.HTML]:
    key = f"section_{name}"
    is_open = name in ("models", "counts")
    with gr.Accordion(labels(key), open=is_open, visible=False, elem_id=f"results_{name}") as fold:
        body = gr.HTML("", elem_id=f"results_{name}_body")
    return labels.show(fold, label=key), body


def _button(labels: Labels, name: str) -> gr.Button:
    return labels.show(gr.Button(labels(name), elem_id=name, min_width=100), value=name)
