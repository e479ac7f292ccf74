"""The tabs for the host: the sign-in that opens them, and the check before every use; and the withdrawal of votes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr

from arena.judging.withdrawals import Withdrawals
from ui.access import Stored, address_of, refusals, require_admin
from ui.components import Labels
from ui.gradio.compat import Block
from ui.markup import status
from ui.tabs import Tab
from ui.texts import listed, text
from ui.updates import PRIVATE, UNLIMITED, Handlers, Props, Typed, Updates, merged


@dataclass(frozen=True)
class HostHandlers(Handlers, ABC):
    """The handlers of a tab for the host."""

    @abstractmethod
    def render(self, tab: Tab, request: gr.Request, typed: Typed | None = None) -> Props:
        """What the tab shows while its boxes hold `typed`; None is what they hold at first."""

    def run(self, action: Callable[[Tab], object], request: gr.Request, typed: Typed | None = None) -> Updates:
        """Do what the host asks for and show the result. Raises gr.Error for anybody else, and if the action fails."""
        tab = self.tabs.get(request)
        with refusals(tab.lang):
            require_admin(self.access.is_host(tab, request))
            action(tab)
        return merged(self.render(tab, request, typed))


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
        gr.on([part.enter.click, part.token.submit], self.enter, part.token, shown, **PRIVATE)
        # The page forgets all that only the host may see.
        part.leave.click(self.leave, **PRIVATE).then(None, js="() => location.reload()", **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        part = self.part
        return [part.note, part.token, part.enter, part.leave, *self.hosted]

    def opened(self, tab: Tab, stored: Stored, request: gr.Request) -> None:
        self.access.resume(tab)

    def render(self, tab: Tab, request: gr.Request) -> Props:
        part, is_host, asks = self.part, self.access.is_host(tab, request), bool(self.access.admin and not tab.admin)
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

    def enter(self, token: str | None, request: gr.Request) -> Updates:
        """Check the token, once for each tab, and open the host's tabs."""
        tab = self.tabs.get(request)
        with refusals(tab.lang):
            self.access.sign_in(tab, token, request)
        pages = [handlers.render(tab, request) for handlers in self.hosted.values()]
        return merged(self.render(tab, request), *pages, {self.part.token: {"value": ""}})

    def leave(self, request: gr.Request) -> None:
        """Sign out."""
        self.access.sign_out(self.tabs.get(request))


# ---- beside the sign-in: raters withdraw their votes


class WithdrawalPart:
    """The components for withdrawing one's votes with the code of a receipt."""

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
