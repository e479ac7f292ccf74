"""The components of the two tabs that hide the models' names: recorded answers and live blind battles."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from arena.prompts import Prompt
from ui.components import prompt_box, prompt_picker
from ui.judging.vote_form import VoteForm
from ui.labels import Labels


class JudgeTab:
    """The components for rating recorded answers."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab."""
        self.room = gr.HTML("", elem_id="judge_room", visible=False)
        self.results = labels.button("room_results", "judge_results", visible=False)
        self.progress = gr.HTML("", elem_id="judge_progress", padding=False)
        with gr.Column(elem_id="judge_intro") as self.intro:
            labels.markdown("judge_intro")
            self.begin = labels.button("judge_begin", variant="primary", interactive=False)
            with labels.accordion("room_join_title", "judge_joining"):
                self.room_code = labels.textbox("room_code", "judge_room_code", max_lines=1)
                self.join = labels.button("room_join", "judge_join")
        with gr.Column(elem_id="judge_stage", visible=False) as self.shown:
            self.form = VoteForm(labels, "judge", actions=("judge_skip", "judge_next"))
        with labels.accordion("judge_withdrawal"):
            self.code = labels.textbox("judge_code", info=labels("judge_code_info"), max_lines=1)
            labels.show(self.code, info="judge_code_info")
            self.withdraw = labels.button("judge_withdraw")
            self.withdrawn = gr.Markdown("", elem_id="judge_withdrawn")
        # Carries the battle's id to the address bar; never visible.
        self.battle_id = gr.Textbox(visible="hidden", elem_id="judge_battle")


class LiveTab:
    """The components of live blind battles."""

    def __init__(self, labels: Labels, prompts: Sequence[Prompt]) -> None:
        """Make the components inside the current gr.Tab."""
        labels.markdown("live_intro", "live_intro")
        self.picker = prompt_picker(labels, prompts, "live_picker")
        self.box = prompt_box(labels, "live_box")
        with gr.Row(elem_id="live_asking", elem_classes="actions"):
            self.send = labels.button("live_send", variant="primary", min_width=100)
            self.stop = labels.button("stop", "live_stop", min_width=100, interactive=False)
        self.status = gr.HTML("", elem_id="live_status", elem_classes="status", padding=False)
        with gr.Column(elem_id="live_stage", visible=False) as self.shown:
            self.form = VoteForm(labels, "live")
