"""The components of the class tab and where they stand. Knows no handler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.admin_form import AdminForm, lay_out_door
from ui.labels import Labels

# How often the counts of an open room are looked at, in seconds.
LOOK_SECONDS = 3.0
RATERS_WANTED = 30


@dataclass(frozen=True)
class ClassTab:
    """Every component that a handler reads or writes."""

    door: AdminForm
    desk: gr.Column
    prompts: gr.CheckboxGroup
    wanted: gr.Textbox
    open: gr.Button
    chooser: gr.Dropdown
    link: gr.HTML
    counts: gr.HTML
    close: gr.Button
    results: gr.HTML
    backup: gr.Markdown
    timer: gr.Timer


def lay_out_class(labels: Labels, prompts: Sequence[str]) -> ClassTab:
    """Make the components inside the current gr.Tab; `prompts` are the ids of those with answers to judge."""
    door = lay_out_door(labels, "class", "class_intro")
    with gr.Column(elem_id="class_desk", visible=False) as desk:
        chosen, wanted, opening = _opening(labels, prompts)
        chooser = gr.Dropdown([], label=labels("class_room"), elem_id="class_room", interactive=True)
        labels.show(chooser, label="class_room")
        link = gr.HTML("", elem_id="class_link")
        counts = gr.HTML("", elem_id="class_counts")
        close = gr.Button(labels("class_close"), elem_id="class_close", interactive=False)
        labels.show(close, value="class_close")
        results = gr.HTML("", elem_id="class_results")
        backup = gr.Markdown("", elem_id="class_backup")
    return ClassTab(
        door=door,
        desk=desk,
        prompts=chosen,
        wanted=wanted,
        open=opening,
        chooser=chooser,
        link=link,
        counts=counts,
        close=close,
        results=results,
        backup=backup,
        timer=gr.Timer(LOOK_SECONDS, active=False),
    )


def _opening(labels: Labels, prompts: Sequence[str]) -> tuple[gr.CheckboxGroup, gr.Textbox, gr.Button]:
    keys = [(f"prompt_{prompt}", prompt) for prompt in prompts]
    choices = [(labels(key), prompt) for key, prompt in keys]
    chosen = gr.CheckboxGroup(choices, value=list(prompts), label=labels("class_prompts"), elem_id="class_prompts")
    labels.show_choices(labels.show(chosen, label="class_prompts"), keys)
    wanted = gr.Textbox(str(RATERS_WANTED), label=labels("class_wanted"), max_lines=1, elem_id="class_wanted")
    labels.show(wanted, label="class_wanted")
    opening = gr.Button(labels("class_open"), variant="primary", elem_id="class_open")
    return chosen, wanted, labels.show(opening, value="class_open")
