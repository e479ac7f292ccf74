"""The components of the chat tab and where they stand. Knows no handler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from arena.prompts import Prompt
from arena.types import SideName
from ui.chatbot import answer_pane
from ui.judging.vote_form import choice_of_four
from ui.labels import Labels
from ui.picker import prompt_picker

SETTINGS = ("temperature", "top_p", "max_new_tokens", "seed")


@dataclass(frozen=True)
class Pane:
    """One side's display and buttons."""

    chatbot: gr.Chatbot
    status: gr.HTML
    stop: gr.Button
    regenerate: gr.Button
    copy: gr.Button
    raw: gr.Textbox


@dataclass(frozen=True)
class ChatTab:
    """Every component of the tab that a handler reads or writes."""

    panes: dict[SideName, Pane]
    timer: gr.Timer
    box: gr.Textbox
    send: gr.Button
    stop_all: gr.Button
    new_chat: gr.Button
    picker: gr.Dropdown
    settings: dict[str, gr.Textbox]
    system: gr.Textbox
    choice: gr.Radio
    submit: gr.Button
    vote_note: gr.Markdown


def lay_out_chat(labels: Labels, prompts: Sequence[Prompt]) -> ChatTab:
    """Make the components inside the current gr.Tab."""
    timer = gr.Timer(1.0)
    panes = _panes(labels)
    return ChatTab(panes=panes, timer=timer, **_vote(labels), **_input(labels, prompts))  # type: ignore[arg-type]


def _panes(labels: Labels) -> dict[SideName, Pane]:
    with gr.Row(elem_id="panes", elem_classes="panes", equal_height=True):
        return {side: _pane(labels, side) for side in SideName}


def _pane(labels: Labels, side: SideName) -> Pane:
    with gr.Column(min_width=280, elem_id=f"side_{side}", elem_classes="side"):
        name = gr.Markdown(labels(f"pane_{side}"), elem_id=f"name_{side}", elem_classes="name")
        labels.show(name, value=f"pane_{side}")
        status = gr.HTML("", elem_id=f"status_{side}", elem_classes="status", padding=False)
        placeholder = labels("empty_pane")
        chatbot = answer_pane(f"pane_{side}", labels(f"pane_{side}"), min_height=260, placeholder=placeholder)
        labels.show(chatbot, label=f"pane_{side}", placeholder="empty_pane")
        with gr.Row(elem_classes="side-buttons"):
            stop = _small_button(labels, "stop", side, interactive=False)
            again = _small_button(labels, "regenerate", side, interactive=False)
            copy = _small_button(labels, "copy", side, interactive=False)
        # Carries the answer's raw text to the browser's clipboard; never seen.
        raw = gr.Textbox(visible="hidden", elem_id=f"raw_{side}")
        return Pane(chatbot, status, stop, again, copy, raw)


def _small_button(labels: Labels, name: str, side: SideName, interactive: bool) -> gr.Button:
    button = gr.Button(labels(name), elem_id=f"{name}_{side}", size="sm", min_width=70, interactive=interactive)
    return labels.show(button, value=name)


def _vote(labels: Labels) -> dict[str, object]:
    with gr.Group(elem_id="vote"):
        choice = choice_of_four(labels, "choice", interactive=False)
        submit = gr.Button(labels("submit"), elem_id="submit_vote", variant="primary", interactive=False)
    note = gr.Markdown("", elem_id="vote_note", elem_classes="note")
    return {"choice": choice, "submit": labels.show(submit, value="submit"), "vote_note": note}


def _input(labels: Labels, prompts: Sequence[Prompt]) -> dict[str, object]:
    picker = prompt_picker(labels, prompts, "picker")
    box = gr.Textbox(
        label=labels("input"),
        placeholder=labels("input_placeholder"),
        lines=1,
        max_lines=6,
        elem_id="prompt",
    )
    labels.show(box, label="input", placeholder="input_placeholder")
    with gr.Row(elem_id="actions", elem_classes="actions"):
        send = gr.Button(labels("send"), elem_id="send", variant="primary", min_width=100)
        stop_all = gr.Button(labels("stop_all"), elem_id="stop_all", min_width=100, interactive=False)
        new_chat = gr.Button(labels("new_chat"), elem_id="new_chat", min_width=100)
    made = {"picker": picker, "box": box, "send": labels.show(send, value="send")}
    made |= {"stop_all": labels.show(stop_all, value="stop_all"), "new_chat": labels.show(new_chat, value="new_chat")}
    return made | _settings(labels)


def _settings(labels: Labels) -> dict[str, object]:
    with gr.Accordion(labels("settings"), open=False, elem_id="settings") as folded:
        labels.show(folded, label="settings")
        labels.show(gr.Markdown(labels("settings_hint"), elem_id="settings_hint"), value="settings_hint")
        with gr.Row():
            boxes = {name: _setting(labels, name) for name in SETTINGS}
        system = gr.Textbox(label=labels("system"), lines=2, max_lines=6, elem_id="system")
        labels.show(system, label="system")
    return {"settings": boxes, "system": system}


def _setting(labels: Labels, name: str) -> gr.Textbox:
    """A number or nothing. Not gr.Number: in gradio 6.31 an empty one shows, and sends, a zero."""
    box = gr.Textbox(label=labels(name), placeholder=labels("model_default"), elem_id=f"set_{name}", min_width=130)
    return labels.show(box, label=name, placeholder="model_default")
