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
# How long the tab waits for results that are still being computed.
_PATIENCE_SECONDS = 0.4


class RatersTab:
    """The components that handlers read or write."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        labels.markdown("raters_what", "raters_what")
        self.counted = labels.labelled(gr.CheckboxGroup, "raters_counted", choices=[], interactive=True, visible=False)
        self.note = gr.Markdown("", elem_id="raters_note")
        self.save = labels.button("raters_save", variant="primary", visible=False)


@dataclass(frozen=True)
class RatersHandlers(HostHandlers):
    """The raters tab of one page."""

    part: RatersTab
    results: ResultsService
    withdrawals: Withdrawals

    def wire(self, demo: gr.Blocks) -> None:
        self.acts(self.part.tab.select, lambda tab: None)
        self.acts(self.part.save.click, self.save, [self.part.counted])

    def render(self, tab: Tab) -> Props:
        part, lang, is_host = self.part, tab.lang, self.access.is_host(tab)
        figures = self.results.soon(seconds=_PATIENCE_SECONDS) if is_host else None
        shown = figures.excluded[:MAX_SHOWN] if figures else ()
        note = "" if shown or not is_host else text(lang, "raters_none" if figures else "results_counting")
        return {
            part.counted: {
                "visible": bool(shown),
                "choices": [(_line(lang, item), item.key) for item in shown],
                "value": [item.key for item in shown if item.included],
            },
            part.note: {"value": note},
            part.save: {"visible": bool(shown)},
        }

    def save(self, tab: Tab, counted: list[str] | None) -> None:
        """Count the chosen raters and exclude the others."""
        for item in self.results.figures().excluded[:MAX_SHOWN]:
            if (counts := item.key in (counted or ())) != item.included:
                self.withdrawals.include(item.key, counts)


def _line(lang: str, item: Exclusion) -> str:
    reason = text(lang, f"excluded_{item.reason}")
    return text(lang, "raters_line", reason=reason, raters=item.raters, votes=item.votes, id=item.key[:8])
