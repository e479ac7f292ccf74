"""The components of the blind vote on recorded answers, and where they stand. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from ui.judging.vote_form import VoteForm, lay_out_vote_form
from ui.labels import Labels


@dataclass(frozen=True)
class JudgeTab:
    """Every component of the tab that a handler reads or writes, apart from the stage's own."""

    room: gr.HTML
    results: gr.Button
    intro: gr.Column
    begin: gr.Button
    room_code: gr.Textbox
    join: gr.Button
    shown: gr.Column
    progress: gr.HTML
    stage: VoteForm
    code: gr.Textbox
    withdraw: gr.Button
    withdrawn: gr.Markdown
    battle_id: gr.Textbox


def lay_out_judging(labels: Labels) -> JudgeTab:
    """Make the components inside the current gr.Tab."""
    room = gr.HTML("", elem_id="judge_room", visible=False)
    results = gr.Button(labels("room_results"), elem_id="judge_results", visible=False)
    labels.show(results, value="room_results")
    progress = gr.HTML("", elem_id="judge_progress", padding=False)
    with gr.Column(elem_id="judge_intro") as intro:
        labels.show(gr.Markdown(labels("judge_intro")), value="judge_intro")
        begin = gr.Button(labels("judge_begin"), variant="primary", elem_id="judge_begin", interactive=False)
        labels.show(begin, value="judge_begin")
        room_code, join = _joining(labels)
    with gr.Column(elem_id="judge_stage", visible=False) as shown:
        stage = lay_out_vote_form(labels, "judge", actions=("judge_skip", "judge_next"))
    code, withdraw, withdrawn = _withdrawal(labels)
    return JudgeTab(
        room=room,
        results=results,
        intro=intro,
        begin=begin,
        room_code=room_code,
        join=join,
        shown=shown,
        progress=progress,
        stage=stage,
        code=code,
        withdraw=withdraw,
        withdrawn=withdrawn,
        # Carries the battle's id to the address in the browser; never seen.
        battle_id=gr.Textbox(visible="hidden", elem_id="judge_battle"),
    )


def _joining(labels: Labels) -> tuple[gr.Textbox, gr.Button]:
    with gr.Accordion(labels("room_join_title"), open=False, elem_id="judge_joining") as folded:
        labels.show(folded, label="room_join_title")
        code = gr.Textbox(label=labels("room_code"), max_lines=1, elem_id="judge_room_code")
        labels.show(code, label="room_code")
        join = gr.Button(labels("room_join"), elem_id="judge_join")
        return code, labels.show(join, value="room_join")


def _withdrawal(labels: Labels) -> tuple[gr.Textbox, gr.Button, gr.Markdown]:
    with gr.Accordion(labels("judge_withdrawal"), open=False, elem_id="judge_withdrawal") as folded:
        labels.show(folded, label="judge_withdrawal")
        code = gr.Textbox(label=labels("judge_code"), info=labels("judge_code_info"), max_lines=1, elem_id="judge_code")
        labels.show(code, label="judge_code", info="judge_code_info")
        button = gr.Button(labels("judge_withdraw"), elem_id="judge_withdraw")
        return code, labels.show(button, value="judge_withdraw"), gr.Markdown("", elem_id="judge_withdrawn")
