"""The tabs for the host: the sign-in that opens them, the check before every use, and which raters count; and the
withdrawal of votes.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from arena.judging.withdrawals import Withdrawals
from arena.results.exclusions import Exclusion
from arena.results.service import ResultsService
from ui.components import Labels
from ui.gradio.compat import Block
from ui.markup import status
from ui.services import require_admin
from ui.tabs import Tab
from ui.texts import listed, text
from ui.updates import PRIVATE, UNLIMITED, Handlers, Props

MAX_SHOWN = 200
# How long the tab waits for results that are still being computed, and when it asks again.
_PATIENCE_SECONDS, _AGAIN_SECONDS = 0.4, 1.0


@dataclass(frozen=True)
class HostHandlers(Handlers):
    """The handlers of a tab for the host."""

    def acts(self, triggers: Any, action: Callable[..., object], inputs: Collection[Block] = ()) -> Any:
        """Let `action(tab, *values)` answer to the host alone; the result is shown."""
        return self.on(triggers, partial(self.act, action), inputs)

    def act(self, action: Callable[..., object], tab: Tab, *values: Any) -> Props:
        """Do what the host asks for. Raises InputError for anybody else."""
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


class RatersTab:
    """The components that handlers read or write."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        labels.markdown("raters_what", "raters_what")
        self.counted = labels.labelled(gr.CheckboxGroup, "raters_counted", choices=[], interactive=True, visible=False)
        self.note = gr.Markdown("", elem_id="raters_note")
        self.save = labels.button("raters_save", variant="primary", visible=False)
        self.timer = gr.Timer(_AGAIN_SECONDS, active=False)


@dataclass(frozen=True)
class RatersHandlers(HostHandlers):
    """The raters tab of one page."""

    part: RatersTab
    results: ResultsService
    withdrawals: Withdrawals

    def wire(self, demo: gr.Blocks) -> None:
        self.acts([self.part.tab.select, self.part.timer.tick], lambda tab: None)
        self.acts(self.part.save.click, self.save, [self.part.counted])

    def render(self, tab: Tab) -> Props:
        part, lang, is_host = self.part, tab.lang, self.access.is_host(tab)
        figures = self.results.soon(seconds=_PATIENCE_SECONDS) if is_host else None
        shown = figures.excluded[:MAX_SHOWN] if figures else ()
        tab.raters = {item.key: item.included for item in shown}
        note = "" if shown or not is_host else text(lang, "raters_none" if figures else "results_counting")
        return {
            part.counted: {
                "visible": bool(shown),
                "choices": [(_line(lang, item), item.key) for item in shown],
                "value": [item.key for item in shown if item.included],
            },
            part.note: {"value": note},
            part.save: {"visible": bool(shown)},
            part.timer: {"active": is_host and figures is None},
        }

    def save(self, tab: Tab, counted: list[str] | None) -> None:
        """Count or exclude those whose boxes the host has changed: another host may have changed others since."""
        for key, was_counted in tab.raters.items():
            if (counts := key in (counted or ())) != was_counted:
                self.withdrawals.include(key, counts)


def _line(lang: str, item: Exclusion) -> str:
    reason = text(lang, f"excluded_{item.reason}")
    return text(lang, "raters_line", reason=reason, raters=item.raters, votes=item.votes, id=item.key[:8])
