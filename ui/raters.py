"""The raters tab: which raters are excluded from the results and why, and the host's decision to count them."""

from dataclasses import dataclass

import gradio as gr

from arena.judging.withdrawals import Withdrawals
from arena.results.exclusions import Exclusion
from arena.results.service import ResultsService
from ui.admin import HostHandlers
from ui.components import Labels
from ui.tabs import Tab
from ui.texts import text
from ui.updates import Props

MAX_SHOWN = 200
# How long the tab waits for results that are still being computed, and when it asks again.
_PATIENCE_SECONDS, _AGAIN_SECONDS = 0.4, 1.0


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
