"""The results tab's handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.prompts import Prompt
from arena.results.figures import Figures
from arena.results.plots import as_chart, figures_plot
from arena.results.selection import Filters
from arena.results.service import ResultsService
from ui.access import Access, Stored, refusals
from ui.gradio.compat import Block
from ui.results.layout import FILTERS, LIVE_SECONDS, READING_SECONDS, ResultsTab
from ui.results.sections import sections
from ui.results.view import reading_line, section_body, summary
from ui.session import Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, Props, Updates, changed

_CLICK_FILE = "() => document.querySelector('#file').click()"
# How long a reader waits for the results before the page shows how far they are read.
_PATIENCE_SECONDS = 0.4


@dataclass(frozen=True)
class ResultsHandlers:
    """The results of one page.

    `export(excel)` writes a fresh copy of all votes and returns its path. `browser` is what the browser stores of its
    rater; opening one of `other_tabs` ends the live updates.
    """

    service: ResultsService
    prompts: Sequence[Prompt]
    export: Callable[[bool], Path]
    access: Access
    part: ResultsTab
    tabs: Tabs
    browser: gr.BrowserState
    other_tabs: Sequence[gr.Tab]

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, inputs = self.part, [self.browser, self.part.filters]
        shown = [*self.outputs, part.timer]
        gr.on([part.tab.select, part.refresh.click], self.results, inputs, shown, queue=False, **PRIVATE)
        part.filters.input(self.results, inputs, shown, queue=False, **PRIVATE)
        part.timer.tick(self.live, inputs, shown, queue=False, **PRIVATE)
        gr.on([tab.select for tab in self.other_tabs], lambda: gr.Timer(active=False), None, part.timer, **PRIVATE)
        for button, excel in ((part.download, False), (part.download_excel, True)):
            export: Any = button.click(self._export_of(excel), self.browser, part.file, concurrency_limit=4, **PRIVATE)
            export.success(None, js=_CLICK_FILE, api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        part = self.part
        return [part.summary, part.filters, part.plot, part.plot_note, *part.folds.values(), *part.bodies.values()]

    def render(self, tab: Tab) -> Props:
        """What the tab shows, in its present language."""
        return self._props(tab.lang, tab.results) if tab.results else {}

    def results(self, stored: Stored, chosen: list[str] | None, request: gr.Request) -> Updates:
        """Show all results as they are now."""
        tab = self.tabs.get(request)
        tab.results = None
        return self._look(tab, stored, chosen)

    def live(self, stored: Stored, chosen: list[str] | None, request: gr.Request) -> Updates:
        """Show what has changed since."""
        return self._look(self.tabs.get(request), stored, chosen)

    def _look(self, tab: Tab, stored: Stored, chosen: list[str] | None) -> Updates:
        part = self.part
        try:
            self.access.check_unblinding(stored, tab.admin)
            figures = self.service.soon(_filters(chosen), _PATIENCE_SECONDS)
        except ArenaError as error:
            words = f"<p>{escape(error_text(tab.lang, error))}</p>"
            # A rater who has finished opens the tab again.
            return {**changed({}, self._nothing(words)), part.timer: gr.Timer(active=False)}
        if figures is None:
            line = reading_line(tab.lang, self.service.progress)
            return {part.summary: line, part.timer: gr.Timer(READING_SECONDS, active=True)}
        if figures is tab.results:
            return {part.timer: gr.skip()}
        before = self._props(tab.lang, tab.results) if tab.results else {}
        tab.results = figures
        updates = changed(before, self._props(tab.lang, figures))
        return {**updates, part.timer: gr.Timer(LIVE_SECONDS, active=True)}

    def _nothing(self, words: str) -> Props:
        part = self.part
        hidden: Props = {fold: {"visible": False} for fold in part.folds.values()}
        bodies: Props = {body: {"value": ""} for body in part.bodies.values()}
        plot: Props = {part.plot: {"visible": False}, part.plot_note: {"value": ""}}
        return {part.summary: {"value": words}, part.filters: {"visible": False}, **plot, **hidden, **bodies}

    def _props(self, lang: str, figures: Figures) -> Props:
        part = self.part
        props = self._nothing(summary(lang, figures))
        chosen = [name for name in FILTERS if getattr(figures.filters, name)]
        choices = [(_choice(lang, name, figures.switches[name]), name) for name in FILTERS]
        props[part.filters] = {"visible": True, "choices": choices, "value": chosen}
        props |= self._plot(lang, figures)
        for section in sections(lang, figures, self._prompt_name(lang)):
            props[part.folds[section.name]] = {"visible": True}
            props[part.bodies[section.name]] = {"value": section_body(section)}
        return props

    def _plot(self, lang: str, figures: Figures) -> Props:
        part, spec = self.part, figures_plot(lang, figures)
        if spec is None:
            return {}
        words = "results_plot_note" if len(figures.pairs) == 1 else "ratings_plot_note"
        return {
            part.plot: {"value": as_chart(spec), "visible": True},
            part.plot_note: {"value": text(lang, words)},
        }

    def _prompt_name(self, lang: str) -> Callable[[str], str]:
        titles = {prompt.id: prompt.title[lang] for prompt in self.prompts}
        return lambda name: titles.get(name, name)

    def _export_of(self, excel: bool) -> Callable[..., str]:
        def export(stored: Stored, request: gr.Request) -> str:
            """A fresh copy of all votes."""
            tab = self.tabs.get(request)
            with refusals(tab):
                self.access.check_unblinding(stored, tab.admin)
                return str(self.export(excel))

        return export


def _filters(chosen: list[str] | None) -> Filters:
    blind, complete, not_leaked, not_suspicious = (name in (chosen or []) for name in FILTERS)
    return Filters(blind, complete, not_leaked, not_suspicious)


def _choice(lang: str, name: str, count: int) -> str:
    return text(lang, "filter_count", name=text(lang, f"filter_{name}"), count=count)
