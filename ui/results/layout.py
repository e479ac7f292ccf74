"""The components of the results tab."""

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
_BUTTONS = ("refresh", "download", "download_excel")
LIVE_SECONDS, READING_SECONDS = 3.0, 1.0


@dataclass(frozen=True)
class ResultsTab:
    """The components that handlers read or write; `tab` is the tab itself, `folds` and `bodies` are by section."""

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
        refresh, download, excel = (labels.button(name, min_width=100) for name in _BUTTONS)
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
        # The file is written on demand; this button, never visible, then hands it to the browser.
        file=gr.DownloadButton("", elem_id="file", visible="hidden"),
        timer=gr.Timer(LIVE_SECONDS, active=False),
    )


def _section(labels: Labels, name: str) -> tuple[gr.Accordion, gr.HTML]:
    is_open = name in ("models", "counts")
    with labels.accordion(f"section_{name}", f"results_{name}", open=is_open, visible=False) as fold:
        return fold, gr.HTML("", elem_id=f"results_{name}_body")
