"""The components of the batch tab and where they stand. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.admin_form import AdminForm, lay_out_door
from ui.labels import Labels

# How often a running batch is looked at, in seconds.
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class BatchTab:
    """Every component that a handler reads or writes; `tab` is the tab itself."""

    tab: gr.Tab
    door: AdminForm
    desk: gr.Column
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
    door = lay_out_door(labels, "batch", "batch_intro", visible=False)
    with gr.Column(elem_id="batch_desk", visible=False) as desk:
        labels.show(gr.Markdown(labels("batch_what"), elem_id="batch_what"), value="batch_what")
        with gr.Row():
            repeats = _number(labels, "batch_repeats", "1")
            seed = _number(labels, "batch_seed", "0")
        retry = gr.Checkbox(False, label=labels("batch_retry"), elem_id="batch_retry")
        labels.show(retry, label="batch_retry")
        with gr.Row():
            start = _button(labels, "batch_start", variant="primary")
            pause, stop = _button(labels, "batch_pause"), _button(labels, "batch_stop")
        status = gr.HTML("", elem_id="batch_status")
        grid = gr.HTML("", elem_id="batch_grid")
    return BatchTab(
        tab=tab,
        door=door,
        desk=desk,
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


def _number(labels: Labels, name: str, value: str) -> gr.Textbox:
    return labels.show(gr.Textbox(value, label=labels(name), max_lines=1, elem_id=name), label=name)


def _button(labels: Labels, name: str, variant: str = "secondary") -> gr.Button:
    button = gr.Button(labels(name), elem_id=name, variant=variant, min_width=150, interactive=False)  # type: ignore[arg-type]
    return labels.show(button, value=name)
