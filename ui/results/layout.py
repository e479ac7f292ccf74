"""The components of the results tab."""

from __future__ import annotations

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


class ResultsTab:
    """The components that handlers read or write; `tab` is the tab itself, `folds` and `bodies` are by section."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        """Make the components inside the current gr.Tab, which is `tab`."""
        self.tab = tab
        self.summary = gr.HTML("", elem_id="summary")
        self.filters = gr.CheckboxGroup(choices=[], label=labels("results_filter"), elem_id="results_filter")
        labels.show(self.filters, label="results_filter")
        self.plot = gr.Plot(elem_id="results_plot", show_label=False, visible=False, elem_classes="plot")
        self.plot_note = gr.Markdown("", elem_id="results_plot_note")
        sections = {name: _section(labels, name) for name in SECTIONS}
        self.folds = {name: fold for name, (fold, _) in sections.items()}
        self.bodies = {name: body for name, (_, body) in sections.items()}
        with gr.Row():
            self.refresh = labels.button("refresh", min_width=100)
            self.download = labels.button("download", min_width=100)
            self.download_excel = labels.button("download_excel", min_width=100)
        # The file is written on demand; this button, never visible, then hands it to the browser.
        self.file = gr.DownloadButton("", elem_id="file", visible="hidden")
        self.timer = gr.Timer(LIVE_SECONDS, active=False)


def _section(labels: Labels, name: str) -> tuple[gr.Accordion, gr.HTML]:
    is_open = name in ("models", "counts")
    with labels.accordion(f"section_{name}", f"results_{name}", open=is_open, visible=False) as fold:
        return fold, gr.HTML("", elem_id=f"results_{name}_body")
