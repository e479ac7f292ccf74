"""The components of the class tab."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from ui.components import admin_form
from ui.labels import Labels

# How often the counts of an open room are refreshed.
LOOK_SECONDS = 3.0
EXPECTED_RATERS = 30


class ClassTab:
    """The components that handlers read or write; `content` is what an admin sees."""

    def __init__(self, labels: Labels, prompts: Sequence[str]) -> None:
        """Make the components inside the current gr.Tab."""
        self.sign_in = admin_form(labels, "class")
        with gr.Column(elem_id="class_desk", visible=False) as self.content:
            keys = [(f"prompt_{prompt}", prompt) for prompt in prompts]
            choices = [(labels(key), prompt) for key, prompt in keys]
            self.prompts = gr.CheckboxGroup(
                choices, value=list(prompts), label=labels("class_prompts"), elem_id="class_prompts"
            )
            labels.show_choices(labels.show(self.prompts, label="class_prompts"), keys)
            self.expected = labels.textbox("class_wanted", value=str(EXPECTED_RATERS), max_lines=1)
            self.open = labels.button("class_open", variant="primary")
            self.chooser = gr.Dropdown([], label=labels("class_room"), elem_id="class_room", interactive=True)
            labels.show(self.chooser, label="class_room")
            self.link = gr.HTML("", elem_id="class_link")
            self.counts = gr.HTML("", elem_id="class_counts")
            self.close = labels.button("class_close", interactive=False)
            self.results = gr.HTML("", elem_id="class_results")
            self.backup = gr.Markdown("", elem_id="class_backup")
        self.timer = gr.Timer(LOOK_SECONDS, active=False)

    timer: gr.Timer
