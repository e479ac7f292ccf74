"""The components of the replay."""

from __future__ import annotations

import gradio as gr

from arena.types import SideName
from ui.components import answer_pane
from ui.gradio.compat import Block
from ui.labels import Labels


class ReplayPart:
    """The components that handlers read or write; `names` and `panes` by side."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab."""
        with labels.accordion("replay_title", "replay") as self.fold:
            with gr.Row(elem_id="replay_asking"):
                self.battle_id = labels.textbox("replay_id", max_lines=1, scale=4, min_width=200)
                self.look = labels.button("replay_look", min_width=100)
            self.note = gr.HTML("", elem_id="replay_note")
            with gr.Column(visible=False, elem_id="replay_shown") as self.shown:
                self.prompt = gr.HTML("", elem_id="replay_prompt", elem_classes="asked-prompt")
                self.names: dict[SideName, gr.Markdown] = {}
                self.panes: dict[SideName, gr.Chatbot] = {}
                with gr.Row(elem_id="replay_panes", elem_classes="panes", equal_height=True):
                    for side in SideName:
                        with gr.Column(min_width=280):
                            self.names[side] = gr.Markdown("", elem_id=f"replay_name_{side}")
                            self.panes[side] = answer_pane(f"replay_pane_{side}", labels(f"replay_side_{side}"))
                            labels.show(self.panes[side], label=f"replay_side_{side}")
                self.facts = gr.HTML("", elem_id="replay_facts")
                with gr.Row(elem_classes="actions"):
                    self.again = labels.button("replay_again", min_width=260)
                    self.stop = labels.button("replay_stop", min_width=100)
                self.outcome = gr.HTML("", elem_id="replay_outcome")
                with gr.Row(elem_classes="actions"):
                    self.report = labels.button("replay_report", size="sm", min_width=160)
                    # For admins: visible once the tab has shown the token, which every use checks again.
                    self.hide = gr.Button("", elem_id="replay_hide", visible=False, size="sm", min_width=160)
                    self.withdraw = labels.button("replay_withdraw", visible=False, size="sm", min_width=260)
                self.answer = gr.HTML("", elem_id="replay_said")
                self.sure = labels.button("replay_withdraw_sure", "replay_sure", variant="stop", visible=False)
                self.reported = gr.HTML("", elem_id="replay_reported")

    @property
    def changing(self) -> list[Block]:
        """The components that show a battle."""
        shown = [self.fold, self.battle_id, self.note, self.shown, self.prompt, self.facts, self.again, self.outcome]
        host = [self.report, self.hide, self.withdraw, self.sure, self.answer, self.reported]
        return [*shown, *self.names.values(), *self.panes.values(), *host]
