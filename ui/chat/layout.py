"""The components of the chat tab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.prompts import Prompt
from arena.types import SideName
from ui.components import answer_pane, prompt_box, prompt_picker
from ui.gradio.compat import Block
from ui.judging.vote_form import choice_of_four
from ui.labels import Labels
from ui.updates import Typed

_PANE_BUTTONS = ("stop", "regenerate", "copy")
SETTINGS = ("temperature", "top_p", "max_new_tokens", "seed")


@dataclass(frozen=True)
class ChatForm:
    """What a person has typed; `settings` by name, each a number as typed or empty."""

    prompt: str
    system: str
    settings: dict[str, str]


@dataclass(frozen=True)
class Pane:
    """One side's display and buttons."""

    chatbot: gr.Chatbot
    status: gr.HTML
    stop: gr.Button
    regenerate: gr.Button
    copy: gr.Button
    raw: gr.Textbox


class ChatTab:
    """The components that handlers read or write."""

    def __init__(self, labels: Labels, prompts: Sequence[Prompt]) -> None:
        """Make the components inside the current gr.Tab."""
        self.timer = gr.Timer(1.0)
        with gr.Row(elem_id="panes", elem_classes="panes", equal_height=True):
            self.panes = {side: _pane(labels, side) for side in SideName}
        with gr.Group(elem_id="vote"):
            self.choice = choice_of_four(labels, "choice", interactive=False)
            self.submit = labels.button("submit", "submit_vote", variant="primary", interactive=False)
        self.vote_note = gr.Markdown("", elem_id="vote_note", elem_classes="note")
        self.picker = prompt_picker(labels, prompts, "picker")
        self.box = prompt_box(labels, "prompt")
        with gr.Row(elem_id="actions", elem_classes="actions"):
            self.send = labels.button("send", variant="primary", min_width=100)
            self.stop_all = labels.button("stop_all", min_width=100, interactive=False)
            self.new_chat = labels.button("new_chat", min_width=100)
        with labels.accordion("settings"):
            labels.markdown("settings_hint", "settings_hint")
            with gr.Row():
                self.settings = {name: _setting(labels, name) for name in SETTINGS}
            self.system = labels.textbox("system", lines=2, max_lines=6)

    @property
    def inputs(self) -> set[Block]:
        """What `read` needs."""
        return {self.box, self.system, *self.settings.values()}

    def read(self, typed: Typed) -> ChatForm:
        """The form as it was sent."""
        settings = {name: typed[box] or "" for name, box in self.settings.items()}
        return ChatForm(typed[self.box] or "", typed[self.system] or "", settings)


def _pane(labels: Labels, side: SideName) -> Pane:
    key, small = f"pane_{side}", {"size": "sm", "min_width": 70, "interactive": False}
    with gr.Column(min_width=280, elem_id=f"side_{side}", elem_classes="side"):
        labels.markdown(key, f"name_{side}", elem_classes="name")
        status = gr.HTML("", elem_id=f"status_{side}", elem_classes="status", padding=False)
        chatbot = answer_pane(key, labels(key), min_height=260, placeholder=labels("empty_pane"))
        with gr.Row(elem_classes="side-buttons"):
            buttons: Any = {name: labels.button(name, f"{name}_{side}", **small) for name in _PANE_BUTTONS}
        # Carries the answer's raw text to the browser's clipboard; never visible.
        raw = gr.Textbox(visible="hidden", elem_id=f"raw_{side}")
        return Pane(labels.show(chatbot, label=key, placeholder="empty_pane"), status, raw=raw, **buttons)


def _setting(labels: Labels, name: str) -> gr.Textbox:
    # Not gr.Number: in gradio 6.31 an empty one shows, and sends, a zero.
    box = gr.Textbox(label=labels(name), placeholder=labels("model_default"), elem_id=f"set_{name}", min_width=130)
    return labels.show(box, label=name, placeholder="model_default")
