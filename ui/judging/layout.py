"""The components of the blind vote and where they stand. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from arena.judging.judgement import CRITERIA, VERDICTS
from arena.types import SideName
from ui.chatbot import answer_pane
from ui.choices import CHOICES
from ui.labels import Labels

ANY_RIGHT = ("yes", "no")


@dataclass(frozen=True)
class JudgeTab:
    """Every component of the tab that a handler reads or writes; `names` and `panes` are by side."""

    intro: gr.Column
    begin: gr.Button
    stage: gr.Column
    progress: gr.HTML
    prompt: gr.HTML
    names: dict[SideName, gr.Markdown]
    panes: dict[SideName, gr.Chatbot]
    choice: gr.Radio
    submit: gr.Button
    skip: gr.Button
    next: gr.Button
    more: gr.Accordion
    criteria: dict[str, gr.Radio]
    any_right: gr.Radio
    comment: gr.Textbox
    note: gr.Markdown
    code: gr.Textbox
    withdraw: gr.Button
    withdrawn: gr.Markdown
    battle_id: gr.Textbox


def lay_out_judging(labels: Labels) -> JudgeTab:
    """Make the components inside the current gr.Tab."""
    made: dict[str, object] = {}
    made["progress"] = gr.HTML("", elem_id="judge_progress", padding=False)
    with gr.Column(elem_id="judge_intro") as intro:
        labels.show(gr.Markdown(labels("judge_intro")), value="judge_intro")
        begin = gr.Button(labels("judge_begin"), variant="primary", elem_id="judge_begin", interactive=False)
    with gr.Column(elem_id="judge_stage", visible=False) as stage:
        made["prompt"] = gr.HTML("", elem_id="judge_prompt")
        with gr.Row(elem_id="judge_panes", elem_classes="panes", equal_height=True):
            sides = {side: _side(labels, side) for side in SideName}
        made["names"] = {side: parts[0] for side, parts in sides.items()}
        made["panes"] = {side: parts[1] for side, parts in sides.items()}
        made |= _vote(labels)
        made |= _more(labels)
        made["note"] = gr.Markdown("", elem_id="judge_note")
    made |= _withdrawal(labels)
    made |= {"intro": intro, "stage": stage, "begin": labels.show(begin, value="judge_begin")}
    # Carries the battle's id to the address in the browser; never seen.
    made["battle_id"] = gr.Textbox(visible="hidden", elem_id="judge_battle")
    return JudgeTab(**made)  # type: ignore[arg-type]


def _side(labels: Labels, side: SideName) -> tuple[gr.Markdown, gr.Chatbot]:
    with gr.Column(min_width=280, elem_classes="side"):
        name = gr.Markdown(labels(f"judge_{side}"), elem_id=f"judge_name_{side}", elem_classes="name")
        # An answer is read from its beginning.
        pane = answer_pane(f"judge_pane_{side}", labels(f"judge_{side}"), min_height=220, autoscroll=False)
        return name, labels.show(pane, label=f"judge_{side}")


def _vote(labels: Labels) -> dict[str, object]:
    keys = [(f"vote_{winner}", str(winner)) for winner in CHOICES]
    choice = gr.Radio(
        choices=[(labels(key), value) for key, value in keys],
        label=labels("vote"),
        info=labels("vote_info"),
        elem_id="judge_choice",
        elem_classes="choice",
    )
    labels.show_choices(labels.show(choice, label="vote", info="vote_info"), keys)
    with gr.Row(elem_id="judge_actions", elem_classes="actions"):
        submit = gr.Button(labels("submit"), elem_id="judge_submit", variant="primary", min_width=100)
        skip = gr.Button(labels("judge_skip"), elem_id="judge_skip", min_width=100)
        following = gr.Button(labels("judge_next"), elem_id="judge_next", min_width=100, interactive=False)
    return {
        "choice": choice,
        "submit": labels.show(submit, value="submit"),
        "skip": labels.show(skip, value="judge_skip"),
        "next": labels.show(following, value="judge_next"),
    }


def _more(labels: Labels) -> dict[str, object]:
    with gr.Accordion(labels("judge_more"), open=False, elem_id="judge_more") as more:
        labels.show(more, label="judge_more")
        with gr.Row():
            verdicts = [f"verdict_{key}" for key in VERDICTS]
            criteria = {name: _radio(labels, f"judge_{name}", verdicts) for name in CRITERIA}
        any_right = _radio(labels, "judge_any_right", [f"answer_{key}" for key in ANY_RIGHT])
        comment = gr.Textbox(label=labels("judge_comment"), lines=2, max_lines=6, elem_id="judge_comment")
        labels.show(comment, label="judge_comment")
    return {"more": more, "criteria": criteria, "any_right": any_right, "comment": comment}


def _withdrawal(labels: Labels) -> dict[str, object]:
    with gr.Accordion(labels("judge_withdrawal"), open=False, elem_id="judge_withdrawal") as folded:
        labels.show(folded, label="judge_withdrawal")
        code = gr.Textbox(label=labels("judge_code"), info=labels("judge_code_info"), max_lines=1, elem_id="judge_code")
        labels.show(code, label="judge_code", info="judge_code_info")
        button = gr.Button(labels("judge_withdraw"), elem_id="judge_withdraw")
        withdrawn = gr.Markdown("", elem_id="judge_withdrawn")
    return {"code": code, "withdraw": labels.show(button, value="judge_withdraw"), "withdrawn": withdrawn}


def _radio(labels: Labels, name: str, texts: list[str]) -> gr.Radio:
    """A choice among texts whose values are what comes after the texts' first underscore."""
    keys = [(key, key.partition("_")[2]) for key in texts]
    radio = gr.Radio(choices=[(labels(key), value) for key, value in keys], label=labels(name), elem_id=name)
    labels.show_choices(labels.show(radio, label=name), keys)
    return radio
