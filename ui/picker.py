"""The choice among the prompts of the set. Knows no handler."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from arena.prompts import Prompt
from ui.labels import Labels


def prompt_picker(labels: Labels, prompts: Sequence[Prompt], elem_id: str) -> gr.Dropdown:
    """Each prompt by its title, with its id as value; the empty one is a prompt of one's own."""
    keys = [("own_prompt", ""), *((f"prompt_{prompt.id}", prompt.id) for prompt in prompts)]
    picker = gr.Dropdown(
        choices=[(labels(key), value) for key, value in keys],
        value="",
        label=labels("picker"),
        info=labels("picker_info"),
        elem_id=elem_id,
        filterable=False,
    )
    labels.show_choices(labels.show(picker, label="picker", info="picker_info"), keys)
    return picker
