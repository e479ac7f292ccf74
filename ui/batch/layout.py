"""The components of the batch tab."""

from __future__ import annotations

import gradio as gr

from ui.components import admin_form
from ui.labels import Labels

# How often the page of a running batch is refreshed.
LOOK_SECONDS = 1.0


class BatchTab:
    """The components that handlers read or write; `tab` is the tab itself, `content` what an admin sees."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        """Make the components inside the current gr.Tab, which is `tab`."""
        self.tab = tab
        self.sign_in = admin_form(labels, "batch", visible=False)
        with gr.Column(elem_id="batch_desk", visible=False) as self.content:
            labels.markdown("batch_what", "batch_what")
            with gr.Row():
                self.repeats = labels.textbox("batch_repeats", value="1", max_lines=1)
                self.seed = labels.textbox("batch_seed", value="0", max_lines=1)
            self.retry = gr.Checkbox(False, label=labels("batch_retry"), elem_id="batch_retry")
            labels.show(self.retry, label="batch_retry")
            with gr.Row():
                self.start = labels.button("batch_start", variant="primary", min_width=150, interactive=False)
                self.pause = labels.button("batch_pause", min_width=150, interactive=False)
                self.stop = labels.button("batch_stop", min_width=150, interactive=False)
            self.status = gr.HTML("", elem_id="batch_status")
            self.grid = gr.HTML("", elem_id="batch_grid")
        self.timer = gr.Timer(LOOK_SECONDS, active=False)

    timer: gr.Timer
