"""The components of the class tab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.components import AdminForm, admin_form
from ui.labels import Labels

# How often the counts of an open room are refreshed.
LOOK_SECONDS = 3.0
EXPECTED_RATERS = 30


@dataclass(frozen=True)
class ClassTab:
    """The components that handlers read or write; `content` is what an admin sees."""

    sign_in: AdminForm
    content: gr.Column
    prompts: gr.CheckboxGroup
    expected: gr.Textbox
    open: gr.Button
    chooser: gr.Dropdown
    link: gr.HTML
    counts: gr.HTML
    close: gr.Button
    results: gr.HTML
    backup: gr.Markdown
    timer: gr.Timer


def lay_out_class(labels: Labels, prompts: Sequence[str]) -> ClassTab:
    """Make the components inside the current gr.Tab; `prompts` are the ids of the prompts with answers to rate."""
    sign_in = admin_form(labels, "class")
    with gr.Column(elem_id="class_desk", visible=False) as content:
        keys = [(f"prompt_{prompt}", prompt) for prompt in prompts]
        choices = [(labels(key), prompt) for key, prompt in keys]
        chosen = gr.CheckboxGroup(choices, value=list(prompts), label=labels("class_prompts"), elem_id="class_prompts")
        labels.show_choices(labels.show(chosen, label="class_prompts"), keys)
        expected = labels.textbox("class_wanted", value=str(EXPECTED_RATERS), max_lines=1)
        opening = labels.button("class_open", variant="primary")
        chooser = gr.Dropdown([], label=labels("class_room"), elem_id="class_room", interactive=True)
        labels.show(chooser, label="class_room")
        link = gr.HTML("", elem_id="class_link")
        counts = gr.HTML("", elem_id="class_counts")
        close = labels.button("class_close", interactive=False)
        results = gr.HTML("", elem_id="class_results")
        backup = gr.Markdown("", elem_id="class_backup")
    return ClassTab(
        sign_in=sign_in,
        content=content,
        prompts=chosen,
        expected=expected,
        open=opening,
        chooser=chooser,
        link=link,
        counts=counts,
        close=close,
        results=results,
        backup=backup,
        timer=gr.Timer(LOOK_SECONDS, active=False),
    )
