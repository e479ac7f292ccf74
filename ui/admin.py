"""The tabs for the host: the sign-in that opens them, and the check before every use; and the withdrawal of votes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from arena.judging.withdrawals import Withdrawals
from ui.access import require_admin
from ui.components import Labels
from ui.gradio.compat import Block
from ui.markup import status
from ui.tabs import Tab
from ui.texts import listed, text
from ui.updates import PRIVATE, UNLIMITED, Handlers, Props


@dataclass(frozen=True)
class HostHandlers(Handlers):
    """The handlers of a tab for the host."""

    def acts(self, triggers: Any, action: Callable[..., object], inputs: Collection[Block] = ()) -> Any:
        """Let `action(tab, *values)` answer to the host alone; the result is shown."""
        return self.on(triggers, partial(self.act, action), inputs)

    def act(self, action: Callable[..., object], tab: Tab, *values: Any) -> Props:
        """Do what the host asks for. Raises InputError for anybody else."""
        tab.require_opened()
        require_admin(self.access.is_host(tab))
        action(tab, *values)
        return self.render(tab)


class SignInPart:
    """The components that the handlers read or write."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab; the handlers show those that the reader needs."""
        with gr.Column(elem_id="host"):
            self.note = gr.HTML("", elem_id="host_note")
            self.token = labels.textbox("host_token", type="password", max_lines=1, visible=False)
            self.enter = labels.button("host_enter", variant="primary", visible=False)
            self.leave = labels.button("host_leave", visible=False)


@dataclass(frozen=True)
class SignInHandlers(Handlers):
    """The sign-in of one page. `hosted` are the tabs that it opens."""

    part: SignInPart
    hosted: Mapping[gr.Tab, Handlers]

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        shown = [*self.outputs, *(block for handlers in self.hosted.values() for block in handlers.outputs)]
        self.on([part.enter.click, part.token.submit], self.enter, [part.token], shown)
        # The page forgets all that only the host may see.
        self.on(part.leave.click, self.access.sign_out, outputs=[]).then(None, js="() => location.reload()", **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        return [*super().outputs, *self.hosted]

    def opened(self, tab: Tab) -> None:
        self.access.resume(tab)

    def render(self, tab: Tab) -> Props:
        part, is_host, asks = self.part, self.access.is_host(tab), bool(self.access.admin and not tab.admin)
        state = "in" if tab.admin else "asks" if asks else "here" if is_host else "closed"
        names = listed(tab.lang, [text(tab.lang, str(place.elem_id)) for place in self.hosted])
        note = status(text(tab.lang, f"host_{state}", tabs=names))
        return {
            part.note: {"value": f"<h3>{escape(text(tab.lang, 'host_title'))}</h3>{note}"},
            part.token: {"visible": asks},
            part.enter: {"visible": asks},
            part.leave: {"visible": tab.admin},
            **{place: {"visible": is_host} for place in self.hosted},
        }

    def enter(self, tab: Tab, token: str | None) -> Props:
        """Check the token, once for each tab, and open the host's tabs."""
        self.access.sign_in(tab, token)
        props = self.render(tab)
        for handlers in self.hosted.values():
            props |= handlers.render(tab)
        return {**props, self.part.token: {**props[self.part.token], "value": ""}}


class WithdrawalPart:
    """The components for withdrawing one's votes with the code of a receipt."""

    def __init__(self, labels: Labels) -> None:
        """Make the components inside the current gr.Tab."""
        with labels.accordion("judge_withdrawal", "withdrawal"):
            self.code = labels.textbox("judge_code", "withdrawal_code", texts={"info": "judge_code_info"}, max_lines=1)
            self.withdraw = labels.button("judge_withdraw", "withdraw")
            self.note = gr.Markdown("", elem_id="withdrawn")


@dataclass(frozen=True)
class WithdrawalHandlers(Handlers):
    """The withdrawal on one page."""

    part: WithdrawalPart
    withdrawals: Withdrawals

    def wire(self, demo: gr.Blocks) -> None:
        self.on(self.part.withdraw.click, self.withdraw, [self.part.code], self.part.note, **UNLIMITED)

    def withdraw(self, tab: Tab, code: str | None) -> str:
        """Withdraw all votes whose receipts have the code."""
        return text(tab.lang, "judge_withdrawn", count=self.withdrawals.withdraw(code or "", tab.address))
