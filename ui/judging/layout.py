"""The components of the two tabs that hide the models' names: recorded answers and live blind battles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from arena.prompts import Prompt
from ui.components import prompt_box, prompt_picker
from ui.judging.vote_form import VoteForm, lay_out_vote_form
from ui.labels import Labels


@dataclass(frozen=True)
class JudgeTab:
    """The components for rating recorded answers that handlers read or write."""

    room: gr.HTML
    results: gr.Button
    intro: gr.Column
    begin: gr.Button
    room_code: gr.Textbox
    join: gr.Button
    shown: gr.Column
    progress: gr.HTML
    form: VoteForm
    code: gr.Textbox
    withdraw: gr.Button
    withdrawn: gr.Markdown
    battle_id: gr.Textbox


@dataclass(frozen=True)
class LiveTab:
    """The components of live blind battles that handlers read or write."""

    picker: gr.Dropdown
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button
    status: gr.HTML
    shown: gr.Column
    form: VoteForm


def lay_out_judging(labels: Labels) -> JudgeTab:
    """Make the components inside the current gr.Tab."""
    room = gr.HTML("", elem_id="judge_room", visible=False)
    results = labels.button("room_results", "judge_results", visible=False)
    progress = gr.HTML("", elem_id="judge_progress", padding=False)
    with gr.Column(elem_id="judge_intro") as intro:
        labels.markdown("judge_intro")
        begin = labels.button("judge_begin", variant="primary", interactive=False)
        with labels.accordion("room_join_title", "judge_joining"):
            room_code = labels.textbox("room_code", "judge_room_code", max_lines=1)
            join = labels.button("room_join", "judge_join")
    with gr.Column(elem_id="judge_stage", visible=False) as shown:
        form = lay_out_vote_form(labels, "judge", actions=("judge_skip", "judge_next"))
    with labels.accordion("judge_withdrawal"):
        code = gr.Textbox(label=labels("judge_code"), info=labels("judge_code_info"), max_lines=1, elem_id="judge_code")
        labels.show(code, label="judge_code", info="judge_code_info")
        withdraw = labels.button("judge_withdraw")
        withdrawn = gr.Markdown("", elem_id="judge_withdrawn")
    return JudgeTab(
        room=room,
        results=results,
        intro=intro,
        begin=begin,
        room_code=room_code,
        join=join,
        shown=shown,
        progress=progress,
        form=form,
        code=code,
        withdraw=withdraw,
        withdrawn=withdrawn,
        # Carries the battle's id to the address bar; never visible.
        battle_id=gr.Textbox(visible="hidden", elem_id="judge_battle"),
    )


def lay_out_live(labels: Labels, prompts: Sequence[Prompt]) -> LiveTab:
    """Make the components inside the current gr.Tab."""
    labels.markdown("live_intro", "live_intro")
    picker, box = prompt_picker(labels, prompts, "live_picker"), prompt_box(labels, "live_box")
    with gr.Row(elem_id="live_asking", elem_classes="actions"):
        send = labels.button("live_send", variant="primary", min_width=100)
        stop = labels.button("stop", "live_stop", min_width=100, interactive=False)
    status = gr.HTML("", elem_id="live_status", elem_classes="status", padding=False)
    with gr.Column(elem_id="live_stage", visible=False) as shown:
        form = lay_out_vote_form(labels, "live")
    return LiveTab(picker=picker, box=box, send=send, stop=stop, status=status, shown=shown, form=form)
