"""The component that shows answers, set so that display copies come out right. Knows no handler."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.display import LATEX_DELIMITERS


def answer_pane(elem_id: str, label: Any, **more: Any) -> gr.Chatbot:
    """A display, never a store; see ui.display for what it is given."""
    return gr.Chatbot(
        label=label,
        show_label=False,
        elem_id=elem_id,
        elem_classes="answer",
        height="46vh",
        # gradio's own copy button would copy the display copy, guards and all.
        buttons=[],
        allow_tags=True,
        latex_delimiters=LATEX_DELIMITERS,
        reasoning_tags=[],
        feedback_options=None,
        **more,
    )
