"""The components of the results tab. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.labels import Labels
from ui.outcomes.view import headers


@dataclass(frozen=True)
class ResultsTab:
    """Every component that a handler reads or writes; `tab` is the tab itself."""

    tab: gr.Tab
    summary: gr.Markdown
    table: gr.Dataframe
    refresh: gr.Button
    download: gr.Button
    download_excel: gr.Button
    file: gr.DownloadButton


def lay_out_results(labels: Labels, tab: gr.Tab) -> ResultsTab:
    """Make the components inside the current gr.Tab, which is `tab`."""
    summary = gr.Markdown("", elem_id="summary")
    table = gr.Dataframe(headers=headers("en"), interactive=False, elem_id="table", wrap=True)
    with gr.Row():
        refresh = gr.Button(labels("refresh"), elem_id="refresh", min_width=100)
        download = gr.Button(labels("download"), elem_id="download", min_width=100)
        excel = gr.Button(labels("download_excel"), elem_id="download_excel", min_width=100)
    # The file is made when it is asked for; this button, never seen, then hands it to the browser.
    file = gr.DownloadButton("", elem_id="file", visible="hidden")
    return ResultsTab(
        tab=tab,
        summary=summary,
        table=table,
        refresh=labels.show(refresh, value="refresh"),
        download=labels.show(download, value="download"),
        download_excel=labels.show(excel, value="download_excel"),
        file=file,
    )
