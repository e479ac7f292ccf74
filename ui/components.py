"""What several tabs share: the pane of an answer, the prompt with a given text, a download."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from arena.prompts import Prompt
from ui.display import LATEX_DELIMITERS
from ui.gradio.compat import Block
from ui.updates import PRIVATE

# A gr.HTML without gradio's styles and scripts.
BARE: dict[str, Any] = {"apply_default_css": False, "js_on_load": None, "padding": False}


def answer_pane(elem_id: str, label: Any, **more: Any) -> gr.Chatbot:
    """Shows the display copies that ui.display makes. Nothing is read back from it."""
    return gr.Chatbot(
        label=label,
        show_label=False,
        elem_id=elem_id,
        elem_classes="pane",
        height=None,
        container=False,
        layout="panel",
        # panes.js scrolls: gradio's own scrolling pulls readers back.
        autoscroll=False,
        # gradio's own copy button would copy the display copy instead of the raw text.
        buttons=[],
        allow_tags=True,
        latex_delimiters=LATEX_DELIMITERS,
        reasoning_tags=[],
        feedback_options=None,
        **more,
    )


def matching_prompt(prompts: Sequence[Prompt], typed: str) -> Prompt | None:
    """The prompt of the set whose text was sent unchanged."""
    return next((prompt for prompt in prompts if prompt.text.strip() == typed.strip()), None)


def download_file(elem_id: str) -> gr.DownloadButton:
    """Hands a file to the browser; never visible. See `wire_download`."""
    return gr.DownloadButton("", elem_id=elem_id, visible="hidden")


def wire_download(
    button: gr.Button, write: Callable[..., str], inputs: Block | set[Block], file: gr.DownloadButton, limit: int
) -> None:
    """On a click on `button`, write a file, `limit` at the same time, and download it."""
    written: Any = button.click(write, inputs, file, concurrency_limit=limit, **PRIVATE)
    written.success(None, js=f"() => document.querySelector('#{file.elem_id}').click()", api_visibility="private")
