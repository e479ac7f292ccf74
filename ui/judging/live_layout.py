"""The components of live blind battles and where they stand. Knows no handler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from arena.prompts import Prompt
from ui.judging.vote_form import VoteForm, lay_out_vote_form
from ui.labels import Labels
from ui.picker import prompt_picker


@dataclass(frozen=True)
class LiveTab:
    """Every component of the tab that a handler reads or writes, apart from the stage's own."""

    picker: gr.Dropdown
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button
    status: gr.HTML
    shown: gr.Column
    stage: VoteForm


def lay_out_live(labels: Labels, prompts: Sequence[Prompt]) -> LiveTab:
    """Make the components inside the current gr.Tab."""
    labels.show(gr.Markdown(labels("live_intro"), elem_id="live_intro"), value="live_intro")
    picker = prompt_picker(labels, prompts, "live_picker")
    hint = labels("input_placeholder")
    box = gr.Textbox(label=labels("input"), placeholder=hint, lines=1, max_lines=6, elem_id="live_box")
    labels.show(box, label="input", placeholder="input_placeholder")
    with gr.Row(elem_id="live_asking", elem_classes="actions"):
        send = gr.Button(labels("live_send"), elem_id="live_send", variant="primary", min_width=100)
        stop = gr.Button(labels("stop"), elem_id="live_stop", min_width=100, interactive=False)
    status = gr.HTML("", elem_id="live_status", elem_classes="status", padding=False)
    with gr.Column(elem_id="live_stage", visible=False) as shown:
        stage = lay_out_vote_form(labels, "live")
    return LiveTab(
        picker=picker,
        box=box,
        send=labels.show(send, value="live_send"),
        stop=labels.show(stop, value="stop"),
        status=status,
        shown=shown,
        stage=stage,
    )
