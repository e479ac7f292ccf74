"""The results tab's handlers. Who may see results is said in ui.session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block

from arena.errors import ArenaError
from arena.results.figures import Figures
from arena.results.plots import as_chart, figures_plot
from arena.results.selection import Filters
from ui.results.layout import FILTERS, LIVE_SECONDS, READING_SECONDS, ResultsTab
from ui.results.sections import sections
from ui.results.view import reading_line, section_body, summary
from ui.session import Services, Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, Props, Updates, changed

_CLICK_FILE = "() => document.querySelector('#file').click()"
# A reader waits so long for an answer before they are told how far the reading is.
_PATIENCE_SECONDS = 0.4
Kept = dict[str, str] | None


class ResultsHandlers:
    """Wires the results of one page; `kept` is what the browser keeps of its rater, `others` are the other tabs."""

    def __init__(
        self, services: Services, part: ResultsTab, tabs: Tabs, kept: gr.BrowserState, others: Sequence[gr.Tab]
    ) -> None:
        self._services = services
        self._part = part
        self._tabs = tabs
        self._kept = kept
        self._others = others

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, asked = self._part, [self._kept, self._part.filters]
        shown = [*self.outputs, part.timer]
        gr.on([part.tab.select, part.refresh.click], self.results, asked, shown, queue=False, **PRIVATE)
        part.filters.input(self.results, asked, shown, queue=False, **PRIVATE)
        part.timer.tick(self.live, asked, shown, queue=False, **PRIVATE)
        gr.on([tab.select for tab in self._others], lambda: gr.Timer(active=False), None, part.timer, **PRIVATE)
        for button, excel in ((part.download, False), (part.download_excel, True)):
            made: Any = button.click(self._export_of(excel), self._kept, part.file, concurrency_limit=4, **PRIVATE)
            made.success(None, js=_CLICK_FILE, api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        part = self._part
        return [part.summary, part.filters, part.plot, part.plot_note, *part.folds.values(), *part.bodies.values()]

    def render(self, tab: Tab) -> Props:
        """What was last shown in the tab, in its language now."""
        return self._props(tab.lang, tab.results) if tab.results else {}

    def results(self, kept: Kept, chosen: list[str] | None, request: gr.Request) -> Updates:
        """All of it, as it is now."""
        tab = self._tabs.get(request)
        tab.results = None
        return self._look(tab, kept, chosen)

    def live(self, kept: Kept, chosen: list[str] | None, request: gr.Request) -> Updates:
        """What has changed since."""
        return self._look(self._tabs.get(request), kept, chosen)

    def _look(self, tab: Tab, kept: Kept, chosen: list[str] | None) -> Updates:
        part = self._part
        try:
            self._services.check_unblinding((kept or {}).get("rater", ""), tab.admin)
            figures = self._services.results.soon(_filters(chosen), _PATIENCE_SECONDS)
        except ArenaError as error:
            words = f"<p>{escape(error_text(tab.lang, error))}</p>"
            # Whoever is through looks again by opening the tab.
            return {**changed({}, self._nothing(words)), part.timer: gr.Timer(active=False)}
        if figures is None:
            line = reading_line(tab.lang, self._services.results.progress)
            return {part.summary: line, part.timer: gr.Timer(READING_SECONDS, active=True)}
        if figures is tab.results:
            return {part.timer: gr.skip()}
        before = self._props(tab.lang, tab.results) if tab.results else {}
        tab.results = figures
        updates = changed(before, self._props(tab.lang, figures))
        return {**updates, part.timer: gr.Timer(LIVE_SECONDS, active=True)}

    def _nothing(self, words: str) -> Props:
        part = self._part
        hidden: Props = {fold: {"visible": False} for fold in part.folds.values()}
        bodies: Props = {body: {"value": ""} for body in part.bodies.values()}
        plot: Props = {part.plot: {"visible": False}, part.plot_note: {"value": ""}}
        return {part.summary: {"value": words}, part.filters: {"visible": False}, **plot, **hidden, **bodies}

    def _props(self, lang: str, figures: Figures) -> Props:
        part = self._part
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
        part, spec = self._part, figures_plot(lang, figures)
        if spec is None:
            return {}
        words = "results_plot_note" if len(figures.pairs) == 1 else "ratings_plot_note"
        return {
            part.plot: {"value": as_chart(spec), "visible": True},
            part.plot_note: {"value": text(lang, words)},
        }

    def _prompt_name(self, lang: str) -> Callable[[str], str]:
        titles = {prompt.id: prompt.title[lang] for prompt in self._services.prompts}
        return lambda name: titles.get(name, name)

    def _export_of(self, excel: bool) -> Callable[..., str]:
        def export(kept: Kept, request: gr.Request) -> str:
            """A fresh copy of all votes."""
            tab = self._tabs.get(request)
            try:
                self._services.check_unblinding((kept or {}).get("rater", ""), tab.admin)
                return str(self._services.export(excel))
            except ArenaError as error:
                raise gr.Error(error_text(tab.lang, error), print_exception=False) from error

        return export


def _filters(chosen: list[str] | None) -> Filters:
    blind, complete, not_leaked, not_suspicious = (name in (chosen or []) for name in FILTERS)
    return Filters(blind, complete, not_leaked, not_suspicious)


def _choice(lang: str, name: str, count: int) -> str:
    return text(lang, "filter_count", name=text(lang, f"filter_{name}"), count=count)
