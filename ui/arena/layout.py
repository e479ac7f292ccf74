"""The components of the Arena tab."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import gradio as gr

from arena.errors import InputError
from arena.judging.ballots import Judgement
from arena.types import CRITERIA, VERDICTS, SideName, Vote, Winner
from ui.arena.mode import Question
from ui.arena.screen import PILLS, Mode
from ui.components import BARE, Labels, answer_pane
from ui.gradio.compat import Block
from ui.updates import Props, Typed

SETTINGS = ("temperature", "top_p", "max_new_tokens", "thinking", "seed")
ANY_RIGHT = ("yes", "no")
SAVED = ("markdown", "json")
"""The formats in which a conversation can be downloaded."""


class Details:
    """What a rater may add to a vote: criteria, whether any answer is right, a comment, and consent to publish it.

    The box for consent stays as it is from vote to vote, until the page is loaded again.
    """

    def __init__(self, labels: Labels, may_publish: gr.Checkbox) -> None:
        self.may_publish = may_publish
        with gr.Column(elem_id="details", elem_classes="sheet"):
            verdicts = [f"verdict_{key}" for key in VERDICTS]
            self.criteria = {name: _radio(labels, name, verdicts) for name in CRITERIA}
            self.any_right = _radio(labels, "any_right", [f"answer_{key}" for key in ANY_RIGHT])
            self.comment = labels.textbox("judge_comment", "comment", lines=2, max_lines=4)

    @property
    def inputs(self) -> list[Block]:
        """What a rater fills in."""
        return [*self.criteria.values(), self.any_right, self.comment, self.may_publish]

    def judgement(self, winner: Winner, typed: Typed) -> Judgement:
        """The vote with what was added to it."""
        criteria = {name: typed[radio] for name, radio in self.criteria.items() if typed[radio]}
        any_right = typed[self.any_right] == ANY_RIGHT[0] if typed[self.any_right] else None
        return Judgement(winner, criteria, typed[self.comment] or "", any_right, typed[self.may_publish] is True)

    def emptied(self, vote: Vote | None) -> Props:
        """The properties that empty the parts that a vote filled in."""
        if vote is None:
            return {}
        props: Props = {self.criteria[name]: {"value": None} for name in vote.criteria}
        props |= {self.any_right: {"value": None}} if vote.any_right is not None else {}
        return props | ({self.comment: {"value": ""}} if vote.comment else {})


class Composer:
    """Where a question is typed, with Send and Stop, the settings, and the choice of the mode."""

    def __init__(self, labels: Labels, modes: Sequence[Mode]) -> None:
        with gr.Column(elem_id="composer"):
            with gr.Column(elem_id="settings", elem_classes="sheet"):
                labels.markdown("settings_hint", "settings_hint")
                with gr.Row():
                    self.settings = {name: _setting(labels, name) for name in SETTINGS}
                self.system = labels.textbox("system", lines=2, max_lines=4)
            looks: dict[str, Any] = {"show_label": False, "container": False}
            more: dict[str, Any] = {"placeholder": labels("hint_ask"), "lines": 1, "max_lines": 6, "autofocus": True}
            self.box = labels.textbox("input", "prompt", **looks, **more)
            with gr.Row(elem_id="controls"):
                names = [(labels(f"mode_{mode}"), str(mode)) for mode in modes]
                self.mode = labels.labelled(gr.Radio, "mode", choices=names, value=modes[0], **looks)
                self.more = gr.HTML(elem_id="open_settings", **BARE)
                self.send = labels.button("send", min_width=0)
                self.stop = labels.button("stop_all", min_width=0)

    @property
    def inputs(self) -> list[Block]:
        """What is typed here."""
        return [self.box, self.system, *self.settings.values()]

    def question(self, typed: Typed) -> Question:
        """What was typed. Raises InputError for a setting that is not a number."""
        settings = {name: _value(name, typed[box]) for name, box in self.settings.items()}
        return Question(typed[self.box] or "", settings, typed[self.system] or "")


class ArenaTab:
    """The components that handlers read or write, by side where there are two; `tab` is the tab itself."""

    def __init__(self, labels: Labels, tab: gr.Tab, modes: Sequence[Mode], has_choice: bool = False) -> None:
        """Make the components inside the current gr.Tab; with `has_choice` those that choose the models."""
        self.tab = tab
        with gr.Column(elem_id="hello"):
            self.room = gr.HTML(elem_id="room", **BARE)
            self.room_results = labels.button("room_results", visible=False)
            self.welcome = gr.HTML(elem_id="welcome", **BARE)
            with gr.Column(elem_id="start", visible=False) as self.start:
                self.begin = labels.button("judge_begin", variant="primary")
                with labels.accordion("room_join_title", "joining"):
                    self.room_code = labels.textbox("room_code", max_lines=1)
                    self.join = labels.button("room_join", "join_room")
        self.pickers: dict[SideName, gr.Dropdown] = {}
        if has_choice:
            with gr.Row(elem_id="pickers") as self.choice:
                self.pickers = {side: _picker(labels, side) for side in SideName}
        self.switch = gr.HTML(elem_id="switch", **BARE)
        self.heads: dict[SideName, gr.HTML] = {}
        self.panes: dict[SideName, gr.Chatbot] = {}
        self.hidden: dict[str, gr.Button] = {}
        with gr.Row(elem_id="panes"):
            for side in SideName:
                with gr.Column(elem_id=f"side_{side}", elem_classes="side", min_width=0):
                    self.heads[side] = gr.HTML(elem_id=f"head_{side}", elem_classes="headbox", **BARE)
                    self.panes[side] = answer_pane(labels, f"judge_{side}", f"pane_{side}")
        with gr.Column(elem_id="bar"):
            self.phase = gr.HTML(elem_id="says", **BARE)
            with gr.Row(elem_id="vote"):
                self.pills = {winner: _pill(labels, winner) for winner in PILLS}
            with gr.Row(elem_id="after"):
                self.add_details = gr.HTML(elem_id="open_details", **BARE)
                may_publish = labels.labelled(gr.Checkbox, "may_publish", container=False, min_width=0)
                self.skip = labels.button("judge_skip", "skip", min_width=0)
                self.edit = gr.Button(labels("edit_question"), elem_id="edit", min_width=0)
                self.new = gr.Button(labels("new_battle"), elem_id="new", variant="primary", min_width=0)
            self.details = Details(labels, may_publish)
        self.composer = Composer(labels, modes)
        # The buttons in a head are HTML: page.js presses these in their place.
        with gr.Row(elem_id="hidden"):
            actions = [f"{action}_{side}" for action in ("stop", "continue", "regenerate", "copy") for side in SideName]
            for name in [*actions, *(f"save_{kind}" for kind in SAVED)]:
                self.hidden[name] = gr.Button(name, elem_id=name, min_width=0)
            self.raw = gr.Textbox(elem_id="raw", show_label=False)
            self.battle_id = gr.Textbox(elem_id="battle_id", show_label=False)


def _picker(labels: Labels, side: SideName) -> gr.Dropdown:
    """A choice among models, with search."""
    return labels.labelled(gr.Dropdown, f"pick_{side}", choices=[], show_label=False, container=False, min_width=0)


def _pill(labels: Labels, winner: Winner) -> gr.Button:
    key = f"vote_{winner}"
    name = key.replace("_tie (bothbad)", "_bad")
    return gr.Button(labels(key), elem_id=name, elem_classes="pill", min_width=0)


def _radio(labels: Labels, name: str, texts: list[str]) -> gr.Radio:
    """A choice among texts; each value is the part of the key after its first underscore."""
    choices = [(key, key.partition("_")[2]) for key in texts]
    return labels.choices(gr.Radio, f"judge_{name}", choices, elem_id=name)


def _setting(labels: Labels, name: str) -> gr.Textbox:
    # Not gr.Number: in gradio 6.31 an empty one shows, and sends, a zero.
    return labels.textbox(name, f"set_{name}", texts={"placeholder": "model_default"}, min_width=110)


def _value(name: str, typed: str | None) -> float | int | str | None:
    """What a settings box says, None if it is empty. Raises InputError for what should be a number and is none."""
    typed = unicodedata.normalize("NFKC", typed or "").strip()
    if not typed:
        return None
    if name == "thinking":
        return typed  # off and on are words
    try:
        return int(typed) if name in ("max_new_tokens", "seed") else float(typed)
    except ValueError as error:
        message = f"{name} must be a number, not {typed!r}."
        raise InputError("setting_number", message, name=name, value=typed) from error
