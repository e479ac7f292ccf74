"""The components for rating two answers side by side without the models' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.types import CRITERIA, VERDICTS, SideName, Vote, Winner
from ui.components import answer_pane
from ui.gradio.compat import Block
from ui.labels import Labels
from ui.updates import Props, Typed

# The four outcomes, in the order of the keys 1 to 4.
CHOICES = (Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD)
ANY_RIGHT = ("yes", "no")


class VoteForm:
    """The components; `names` and `panes` by side, `actions` the buttons beside Submit by id."""

    def __init__(self, labels: Labels, prefix: str, actions: Sequence[str] = ()) -> None:
        """Make the components; their ids begin with `prefix`. `actions` are ids of buttons and keys of their texts."""
        self.prompt = gr.HTML("", elem_id=f"{prefix}_prompt", elem_classes="asked-prompt")
        self.names: dict[SideName, gr.Markdown] = {}
        self.panes: dict[SideName, gr.Chatbot] = {}
        with gr.Row(elem_id=f"{prefix}_panes", elem_classes="panes", equal_height=True):
            for side in SideName:
                label = labels(f"judge_{side}")
                with gr.Column(min_width=280, elem_classes="side"):
                    self.names[side] = gr.Markdown(label, elem_id=f"{prefix}_name_{side}", elem_classes="name blind")
                    # Readers start at the top of an answer.
                    pane = answer_pane(f"{prefix}_pane_{side}", label, min_height=220, autoscroll=False)
                    self.panes[side] = labels.show(pane, label=f"judge_{side}")
        self.choice = choice_of_four(labels, f"{prefix}_choice")
        with gr.Row(elem_id=f"{prefix}_actions", elem_classes="actions"):
            self.submit = labels.button("submit", f"{prefix}_submit", variant="primary", min_width=100)
            self.actions = {name: labels.button(name, min_width=100, interactive=False) for name in actions}
        with labels.accordion("judge_more", f"{prefix}_more", elem_classes="more"):
            with gr.Row():
                verdicts = [f"verdict_{key}" for key in VERDICTS]
                self.criteria = {name: _radio(labels, prefix, name, verdicts) for name in CRITERIA}
            self.any_right = _radio(labels, prefix, "any_right", [f"answer_{key}" for key in ANY_RIGHT])
            self.comment = labels.textbox("judge_comment", f"{prefix}_comment", lines=2, max_lines=6)
        self.note = gr.Markdown("", elem_id=f"{prefix}_note", elem_classes="note")
        self.reference = gr.HTML("", elem_id=f"{prefix}_reference", elem_classes="reference", padding=False)

    @property
    def inputs(self) -> list[Block]:
        """What a rater fills in; `judgement` needs it."""
        return [self.choice, *self.criteria.values(), self.any_right, self.comment]

    @property
    def changing(self) -> list[Block]:
        """Every component that a handler may update."""
        shown = [self.prompt, *self.names.values(), *self.panes.values(), self.note, self.reference]
        return [*shown, *self.inputs, self.submit, *self.actions.values()]

    def judgement(self, typed: Typed) -> Judgement:
        """The form as it was sent. Raises InputError without an overall choice."""
        choice, any_right = typed[self.choice], typed[self.any_right]
        if not choice:
            raise InputError("vote_choose", "Choose an option first.")
        criteria = {name: typed[radio] for name, radio in self.criteria.items() if typed[radio]}
        is_any_right = any_right == ANY_RIGHT[0] if any_right else None
        return Judgement(choice, criteria, typed[self.comment] or "", is_any_right)

    def emptied(self, vote: Vote | None = None) -> Props:
        """What empties the form, as properties. If `vote` is known, only what it filled in."""
        filled = self.inputs if vote is None else self._filled_by(vote)
        return {component: {"value": "" if component is self.comment else None} for component in filled}

    def _filled_by(self, vote: Vote) -> list[Block]:
        filled: list[Block] = [self.choice, *(self.criteria[name] for name in vote.criteria)]
        filled += [self.any_right] if vote.any_right is not None else []
        return [*filled, *([self.comment] if vote.comment else [])]


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
    return labels.show_choices(labels.show(choice, label="vote", info="vote_info"), keys)


def _radio(labels: Labels, prefix: str, name: str, texts: list[str]) -> gr.Radio:
    """A choice among texts; each value is the part of the key after its first underscore."""
    keys, label = [(key, key.partition("_")[2]) for key in texts], f"judge_{name}"
    choices = [(labels(key), value) for key, value in keys]
    radio = gr.Radio(choices=choices, label=labels(label), elem_id=f"{prefix}_{name}")
    return labels.show_choices(labels.show(radio, label=label), keys)
