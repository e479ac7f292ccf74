"""Where a reader shows the admin's token, in any tab. Knows nothing of what is behind it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.labels import Labels


@dataclass(frozen=True)
class AdminForm:
    """The components; `column` holds the others."""

    column: gr.Column
    token: gr.Textbox
    enter: gr.Button


def lay_out_door(labels: Labels, prefix: str, intro: str, *, visible: bool = True) -> AdminForm:
    """Make the components; their ids begin with `prefix`, and the text `intro` stands above them."""
    with gr.Column(elem_id=f"{prefix}_door", visible=visible) as column:
        labels.show(gr.Markdown(labels(intro)), value=intro)
        token = gr.Textbox(label=labels("class_token"), type="password", max_lines=1, elem_id=f"{prefix}_token")
        labels.show(token, label="class_token")
        enter = gr.Button(labels("class_enter"), variant="primary", elem_id=f"{prefix}_enter")
        labels.show(enter, value="class_enter")
    return AdminForm(column, token, enter)
