"""Components that several tabs share: the pane of an answer, the choice of a prompt, the form for the admin token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.prompts import Prompt
from ui.display import LATEX_DELIMITERS
from ui.labels import Labels


def answer_pane(elem_id: str, label: Any, **more: Any) -> gr.Chatbot:
    """Shows the display copies that ui.display makes. Nothing is read back from it."""
    return gr.Chatbot(
        label=label,
        show_label=False,
        elem_id=elem_id,
        elem_classes="answer",
        height="46vh",
        # gradio's own copy button would copy the display copy instead of the raw text.
        buttons=[],
        allow_tags=True,
        latex_delimiters=LATEX_DELIMITERS,
        reasoning_tags=[],
        feedback_options=None,
        **more,
    )


def prompt_picker(labels: Labels, prompts: Sequence[Prompt], elem_id: str) -> gr.Dropdown:
    """The prompts of the set by title, with the id as value; the empty value is a prompt of one's own."""
    keys = [("own_prompt", ""), *((f"prompt_{prompt.id}", prompt.id) for prompt in prompts)]
    picker = gr.Dropdown(
        choices=[(labels(key), value) for key, value in keys],
        value="",
        label=labels("picker"),
        info=labels("picker_info"),
        elem_id=elem_id,
        filterable=False,
    )
    return labels.show_choices(labels.show(picker, label="picker", info="picker_info"), keys)


def prompt_box(labels: Labels, elem_id: str) -> gr.Textbox:
    """Where a prompt is typed: with one line, Enter sends it."""
    hint = labels("input_placeholder")
    box = gr.Textbox(label=labels("input"), placeholder=hint, lines=1, max_lines=6, elem_id=elem_id)
    return labels.show(box, label="input", placeholder="input_placeholder")


def prompt_text(prompts: Sequence[Prompt], prompt_id: str) -> str:
    """The text of a prompt of the set; empty for any other id."""
    return next((prompt.text for prompt in prompts if prompt.id == prompt_id), "")


def matching_prompt(prompts: Sequence[Prompt], typed: str) -> Prompt | None:
    """The prompt of the set whose text was sent unchanged."""
    return next((prompt for prompt in prompts if prompt.text.strip() == typed.strip()), None)


@dataclass(frozen=True)
class AdminForm:
    """Where a reader enters the admin token; `column` holds the other two."""

    column: gr.Column
    token: gr.Textbox
    enter: gr.Button


def admin_form(labels: Labels, prefix: str, *, visible: bool = True) -> AdminForm:
    """Make the components; their ids begin with `prefix`, and the text `prefix`_intro stands above them."""
    with gr.Column(elem_id=f"{prefix}_door", visible=visible) as column:
        labels.markdown(f"{prefix}_intro")
        token = labels.textbox("class_token", f"{prefix}_token", type="password", max_lines=1)
        enter = labels.button("class_enter", f"{prefix}_enter", variant="primary")
    return AdminForm(column, token, enter)
