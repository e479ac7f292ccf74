"""The components of the batch tab."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.components import AdminForm, admin_form
from ui.labels import Labels

# How often the page of a running batch is refreshed.
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class BatchTab:
    """The components that handlers read or write; `tab` is the tab itself, `content` what an admin sees."""

    tab: gr.Tab
    sign_in: AdminForm
    content: gr.Column
    repeats: gr.Textbox
    seed: gr.Textbox
    retry: gr.Checkbox
    start: gr.Button
    pause: gr.Button
    stop: gr.Button
    status: gr.HTML
    grid: gr.HTML
    timer: gr.Timer


def lay_out_batch(labels: Labels, tab: gr.Tab) -> BatchTab:
    """Make the components inside the current gr.Tab, which is `tab`."""
    sign_in = admin_form(labels, "batch", visible=False)
    with gr.Column(elem_id="batch_desk", visible=False) as content:
        labels.markdown("batch_what", "batch_what")
        with gr.Row():
            repeats = labels.textbox("batch_repeats", value="1", max_lines=1)
            seed = labels.textbox("batch_seed", value="0", max_lines=1)
        retry = gr.Checkbox(False, label=labels("batch_retry"), elem_id="batch_retry")
        labels.show(retry, label="batch_retry")
        with gr.Row():
            start = labels.button("batch_start", variant="primary", min_width=150, interactive=False)
            pause = labels.button("batch_pause", min_width=150, interactive=False)
            stop = labels.button("batch_stop", min_width=150, interactive=False)
        status = gr.HTML("", elem_id="batch_status")
        grid = gr.HTML("", elem_id="batch_grid")
    return BatchTab(
        tab=tab,
        sign_in=sign_in,
        content=content,
        repeats=repeats,
        seed=seed,
        retry=retry,
        start=start,
        pause=pause,
        stop=stop,
        status=status,
        grid=grid,
        timer=gr.Timer(LOOK_SECONDS, active=False),
    )
