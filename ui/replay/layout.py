"""The components of the replay. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from arena.types import SideName
from ui.chatbot import answer_pane
from ui.labels import Labels


@dataclass(frozen=True)
class ReplayPart:
    """Every component that a handler reads or writes; `names` and `panes` by side."""

    fold: gr.Accordion
    battle_id: gr.Textbox
    look: gr.Button
    note: gr.HTML
    shown: gr.Column
    prompt: gr.HTML
    names: dict[SideName, gr.Markdown]
    panes: dict[SideName, gr.Chatbot]
    facts: gr.HTML
    again: gr.Button
    stop: gr.Button
    outcome: gr.HTML
    report: gr.Button
    hide: gr.Button
    withdraw: gr.Button
    sure: gr.Button
    said: gr.HTML
    reported: gr.HTML

    @property
    def changing(self) -> list[Block]:
        """What shows a battle."""
        shown = [self.fold, self.battle_id, self.note, self.shown, self.prompt, self.facts, self.again, self.outcome]
        host = [self.report, self.hide, self.withdraw, self.sure, self.said, self.reported]
        return [*shown, *self.names.values(), *self.panes.values(), *host]


def lay_out_replay(labels: Labels) -> ReplayPart:
    """Make the components inside the current gr.Tab."""
    with gr.Accordion(labels("replay_title"), open=False, elem_id="replay") as fold:
        with gr.Row(elem_id="replay_asking"):
            label = labels("replay_id")
            battle_id = gr.Textbox(label=label, max_lines=1, elem_id="replay_id", scale=4, min_width=200)
            look = gr.Button(labels("replay_look"), elem_id="replay_look", min_width=100)
        note = gr.HTML("", elem_id="replay_note")
        with gr.Column(visible=False, elem_id="replay_shown") as shown:
            prompt = gr.HTML("", elem_id="replay_prompt", elem_classes="asked-prompt")
            names: dict[SideName, gr.Markdown] = {}
            panes: dict[SideName, gr.Chatbot] = {}
            with gr.Row(elem_id="replay_panes", elem_classes="panes", equal_height=True):
                for side in SideName:
                    with gr.Column(min_width=280):
                        names[side] = gr.Markdown("", elem_id=f"replay_name_{side}")
                        panes[side] = answer_pane(f"replay_pane_{side}", labels(f"replay_side_{side}"))
                        labels.show(panes[side], label=f"replay_side_{side}")
            facts = gr.HTML("", elem_id="replay_facts")
            with gr.Row(elem_classes="actions"):
                again = gr.Button(labels("replay_again"), elem_id="replay_again", min_width=260)
                stop = gr.Button(labels("replay_stop"), elem_id="replay_stop", min_width=100)
            outcome = gr.HTML("", elem_id="replay_outcome")
            with gr.Row(elem_classes="actions"):
                report = gr.Button(labels("replay_report"), elem_id="replay_report", size="sm", min_width=160)
                # For the host alone: they appear once the tab has shown the token, and are checked again when used.
                hide = gr.Button("", elem_id="replay_hide", visible=False, size="sm", min_width=160)
                withdraw = gr.Button(
                    labels("replay_withdraw"), elem_id="replay_withdraw", visible=False, size="sm", min_width=260
                )
            said = gr.HTML("", elem_id="replay_said")
            sure = gr.Button(labels("replay_withdraw_sure"), variant="stop", elem_id="replay_sure", visible=False)
            reported = gr.HTML("", elem_id="replay_reported")
    return ReplayPart(
        fold=labels.show(fold, label="replay_title"),
        battle_id=labels.show(battle_id, label="replay_id"),
        look=labels.show(look, value="replay_look"),
        note=note,
        shown=shown,
        prompt=prompt,
        names=names,
        panes=panes,
        facts=facts,
        again=labels.show(again, value="replay_again"),
        stop=labels.show(stop, value="replay_stop"),
        outcome=outcome,
        withdraw=labels.show(withdraw, value="replay_withdraw"),
        sure=labels.show(sure, value="replay_withdraw_sure"),
        said=said,
        reported=reported,
        report=labels.show(report, value="replay_report"),
        hide=hide,
    )
