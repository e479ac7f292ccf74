"""Withdrawing one's votes with the code of a receipt: the components and their handlers."""

from dataclasses import dataclass

import gradio as gr

from arena.judging.withdrawals import Withdrawals
from ui.access import address_of, refusals
from ui.labels import Labels
from ui.texts import text
from ui.updates import UNLIMITED, Handlers


class WithdrawalPart:
    """The components that the handler reads or writes."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab."""
        with labels.accordion("judge_withdrawal", "withdrawal"):
            self.code = labels.textbox("judge_code", "withdrawal_code", info=labels("judge_code_info"), max_lines=1)
            labels.show(self.code, info="judge_code_info")
            self.withdraw = labels.button("judge_withdraw", "withdraw")
            self.note = gr.Markdown("", elem_id="withdrawn")


@dataclass(frozen=True)
class WithdrawalHandlers(Handlers):
    """The withdrawal on one page."""

    part: WithdrawalPart
    withdrawals: Withdrawals

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        part.withdraw.click(self.withdraw, part.code, part.note, **UNLIMITED)

    def withdraw(self, code: str | None, request: gr.Request) -> str:
        """Withdraw all votes whose receipts have the code."""
        tab = self.tabs.get(request)
        with refusals(tab.lang):
            count = self.withdrawals.withdraw(code or "", address_of(request))
            return text(tab.lang, "judge_withdrawn", count=count)
