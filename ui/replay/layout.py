"""The components of the replay."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from arena.types import SideName
from ui.components import answer_pane
from ui.gradio.compat import Block
from ui.labels import Labels


@dataclass(frozen=True)
class ReplayPart:
    """The components that handlers read or write; `names` and `panes` by side."""

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
    answer: gr.HTML
    reported: gr.HTML

    @property
    def changing(self) -> list[Block]:
        """The components that show a battle."""
        shown = [self.fold, self.battle_id, self.note, self.shown, self.prompt, self.facts, self.again, self.outcome]
        host = [self.report, self.hide, self.withdraw, self.sure, self.answer, self.reported]
        return [*shown, *self.names.values(), *self.panes.values(), *host]


def lay_out_replay(labels: Labels) -> ReplayPart:
    """Make the components inside the current gr.Tab."""
    with labels.accordion("replay_title", "replay") as fold:
        with gr.Row(elem_id="replay_asking"):
            battle_id = labels.textbox("replay_id", max_lines=1, scale=4, min_width=200)
            look = labels.button("replay_look", min_width=100)
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
                again = labels.button("replay_again", min_width=260)
                stop = labels.button("replay_stop", min_width=100)
            outcome = gr.HTML("", elem_id="replay_outcome")
            with gr.Row(elem_classes="actions"):
                report = labels.button("replay_report", size="sm", min_width=160)
                # For admins: visible once the tab has shown the token, which every use checks again.
                hide = gr.Button("", elem_id="replay_hide", visible=False, size="sm", min_width=160)
                withdraw = labels.button("replay_withdraw", visible=False, size="sm", min_width=260)
            answer = gr.HTML("", elem_id="replay_said")
            sure = labels.button("replay_withdraw_sure", "replay_sure", variant="stop", visible=False)
            reported = gr.HTML("", elem_id="replay_reported")
    return ReplayPart(
        fold=fold,
        battle_id=battle_id,
        look=look,
        note=note,
        shown=shown,
        prompt=prompt,
        names=names,
        panes=panes,
        facts=facts,
        again=again,
        stop=stop,
        outcome=outcome,
        report=report,
        hide=hide,
        withdraw=withdraw,
        sure=sure,
        answer=answer,
        reported=reported,
    )
