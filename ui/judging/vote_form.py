"""Where two answers stand side by side without names, and what a rater says of them. Knows no handler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.types import CRITERIA, VERDICTS, SideName, Vote
from ui.chatbot import answer_pane
from ui.choices import CHOICES
from ui.labels import Labels
from ui.updates import Props

ANY_RIGHT = ("yes", "no")


@dataclass(frozen=True)
class VoteForm:
    """The components; `names` and `panes` by side, `actions` the buttons beside Submit by id."""

    prompt: gr.HTML
    names: dict[SideName, gr.Markdown]
    panes: dict[SideName, gr.Chatbot]
    choice: gr.Radio
    submit: gr.Button
    actions: dict[str, gr.Button]
    criteria: dict[str, gr.Radio]
    any_right: gr.Radio
    comment: gr.Textbox
    note: gr.Markdown
    reference: gr.HTML

    @property
    def said(self) -> list[Block]:
        """What a rater fills in, in the order that `judgement` takes it."""
        return [self.choice, *self.criteria.values(), self.any_right, self.comment]

    @property
    def changing(self) -> list[Block]:
        """Every component that a handler may update."""
        shown = [self.prompt, *self.names.values(), *self.panes.values(), self.note, self.reference]
        return [*shown, *self.said, self.submit, *self.actions.values()]

    def nothing_said(self, vote: Vote | None = None) -> Props:
        """What empties all that a rater fills in, as properties; only what `vote` says, if it is known."""
        filled = self.said if vote is None else self._filled_by(vote)
        return {component: {"value": "" if component is self.comment else None} for component in filled}

    def _filled_by(self, vote: Vote) -> list[Block]:
        more: list[Block] = [self.criteria[name] for name in vote.criteria]
        more += [self.any_right] if vote.any_right is not None else []
        return [self.choice, *more, *([self.comment] if vote.comment else [])]


def judgement(
    choice: str | None,
    correct: str | None,
    complete: str | None,
    clear: str | None,
    any_right: str | None,
    comment: str | None,
) -> Judgement:
    """What a rater has filled in. Raises InputError without an overall choice."""
    if not choice:
        raise InputError("vote_choose", "Choose one of the four first.")
    verdicts = dict(zip(CRITERIA, (correct, complete, clear), strict=True))
    criteria = {name: verdict for name, verdict in verdicts.items() if verdict}
    return Judgement(choice, criteria, comment or "", any_right == ANY_RIGHT[0] if any_right else None)


def lay_out_vote_form(labels: Labels, prefix: str, actions: Sequence[str] = ()) -> VoteForm:
    """Make the components; their ids begin with `prefix`. `actions` are ids of further buttons, and of their texts."""
    prompt = gr.HTML("", elem_id=f"{prefix}_prompt", elem_classes="asked-prompt")
    with gr.Row(elem_id=f"{prefix}_panes", elem_classes="panes", equal_height=True):
        sides = {side: _side(labels, prefix, side) for side in SideName}
    choice = choice_of_four(labels, f"{prefix}_choice")
    with gr.Row(elem_id=f"{prefix}_actions", elem_classes="actions"):
        submit = gr.Button(labels("submit"), elem_id=f"{prefix}_submit", variant="primary", min_width=100)
        labels.show(submit, value="submit")
        buttons = {name: _button(labels, name) for name in actions}
    criteria, any_right, comment = _more(labels, prefix)
    return VoteForm(
        prompt=prompt,
        names={side: parts[0] for side, parts in sides.items()},
        panes={side: parts[1] for side, parts in sides.items()},
        choice=choice,
        submit=submit,
        actions=buttons,
        criteria=criteria,
        any_right=any_right,
        comment=comment,
        note=gr.Markdown("", elem_id=f"{prefix}_note", elem_classes="note"),
        reference=gr.HTML("", elem_id=f"{prefix}_reference", elem_classes="reference", padding=False),
    )


def choice_of_four(labels: Labels, elem_id: str, **more: Any) -> gr.Radio:
    """The overall choice."""
    keys = [(f"vote_{winner}", str(winner)) for winner in CHOICES]
    choice = gr.Radio(
        choices=[(labels(key), value) for key, value in keys],
        label=labels("vote"),
        info=labels("vote_info"),
        elem_id=elem_id,
        elem_classes="choice",
        **more,
    )
    labels.show_choices(labels.show(choice, label="vote", info="vote_info"), keys)
    return choice


def _side(labels: Labels, prefix: str, side: SideName) -> tuple[gr.Markdown, gr.Chatbot]:
    with gr.Column(min_width=280, elem_classes="side"):
        name = gr.Markdown(labels(f"judge_{side}"), elem_id=f"{prefix}_name_{side}", elem_classes="name blind")
        # An answer is read from its beginning.
        pane = answer_pane(f"{prefix}_pane_{side}", labels(f"judge_{side}"), min_height=220, autoscroll=False)
        return name, labels.show(pane, label=f"judge_{side}")


def _button(labels: Labels, name: str) -> gr.Button:
    return labels.show(gr.Button(labels(name), elem_id=name, min_width=100, interactive=False), value=name)


def _more(labels: Labels, prefix: str) -> tuple[dict[str, gr.Radio], gr.Radio, gr.Textbox]:
    with gr.Accordion(labels("judge_more"), open=False, elem_id=f"{prefix}_more", elem_classes="more") as more:
        labels.show(more, label="judge_more")
        with gr.Row():
            verdicts = [f"verdict_{key}" for key in VERDICTS]
            criteria = {name: _radio(labels, prefix, name, verdicts) for name in CRITERIA}
        any_right = _radio(labels, prefix, "any_right", [f"answer_{key}" for key in ANY_RIGHT])
        comment = gr.Textbox(label=labels("judge_comment"), lines=2, max_lines=6, elem_id=f"{prefix}_comment")
        labels.show(comment, label="judge_comment")
    return criteria, any_right, comment


def _radio(labels: Labels, prefix: str, name: str, texts: list[str]) -> gr.Radio:
    """A choice among texts whose values are what comes after the texts' first underscore."""
    keys, label = [(key, key.partition("_")[2]) for key in texts], f"judge_{name}"
    choices = [(labels(key), value) for key, value in keys]
    radio = gr.Radio(choices=choices, label=labels(label), elem_id=f"{prefix}_{name}")
    labels.show_choices(labels.show(radio, label=label), keys)
    return radio
