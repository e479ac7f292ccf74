"""The results tab: its components and its handlers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from arena.errors import ArenaError
from arena.prompts import Prompt
from arena.results.compute import GROUPS
from arena.results.figures import Figures
from arena.results.selection import Filters
from arena.results.service import ResultsService
from ui.access import Stored, refusals
from ui.components import Labels, download_file, wire_download
from ui.gradio.compat import Block
from ui.results.picture import dimension_chart, picture
from ui.results.view import locked, reading_line, section_body, sections, verdict_html
from ui.tabs import Tab
from ui.texts import text
from ui.updates import PRIVATE, UNQUEUED, Handlers, Props, Updates, changed

FILTERS = ("blind", "complete", "not_leaked", "not_suspicious")
SECTIONS = ("models", "counts", *GROUPS, "bias", "agreement", "cost", "left_out")
LIVE_SECONDS, READING_SECONDS = 3.0, 1.0
# How long a reader waits for the results before the page shows how far they are read.
_PATIENCE_SECONDS = 0.4


class ResultsTab:
    """The components that handlers read or write; `folds` and `bodies` are by section.

    While another tab of `page_tabs` than `tab`, its own, is open, the results are not updated.
    """

    def __init__(self, labels: Labels, tab: gr.Tab, page_tabs: gr.Tabs) -> None:
        self.tab, self.page_tabs = tab, page_tabs
        self.summary = gr.HTML("", elem_id="summary")
        with labels.accordion("results_details", visible=False) as self.details:
            self._details(labels)
        with gr.Row(visible=False) as self.actions:
            self.refresh = labels.button("refresh", min_width=100)
            self.download = labels.button("download", min_width=100)
            self.download_excel = labels.button("download_excel", min_width=100)
        self.file = download_file("file")
        self.timer = gr.Timer(LIVE_SECONDS, active=False)

    def _details(self, labels: Labels) -> None:
        self.verdict = gr.HTML("", elem_id="results_verdict")
        self.filters = gr.CheckboxGroup(choices=[], label=labels("results_filter"), elem_id="results_filter")
        labels.show(self.filters, label="results_filter")
        self.chart = gr.HTML("", elem_id="results_chart")
        sections = {name: _section(labels, name) for name in SECTIONS}
        self.folds = {name: fold for name, (fold, _) in sections.items()}
        self.bodies = {name: body for name, (_, body) in sections.items()}


def _section(labels: Labels, name: str) -> tuple[gr.Accordion, gr.HTML]:
    is_open = name in ("models", "counts")
    with labels.accordion(f"section_{name}", f"results_{name}", open=is_open, visible=False) as fold:
        return fold, gr.HTML("", elem_id=f"results_{name}_body")


@dataclass(frozen=True)
class ResultsHandlers(Handlers):
    """The results of one page; `export(excel)` writes a fresh copy of all votes and returns its path."""

    part: ResultsTab
    service: ResultsService
    prompts: Sequence[Prompt]
    export: Callable[[bool], Path]

    def wire(self, demo: gr.Blocks) -> None:
        part, inputs = self.part, [self.browser, self.part.filters]
        shown = [*self.outputs, part.timer]
        triggers = [part.tab.select, part.refresh.click, part.filters.input]
        gr.on(triggers, self.results, inputs, shown, **UNQUEUED)
        part.timer.tick(self.live, inputs, shown, **UNQUEUED)
        others = [tab.select for tab in part.page_tabs.children if isinstance(tab, gr.Tab) and tab is not part.tab]
        gr.on(others, lambda: gr.Timer(active=False), None, part.timer, **PRIVATE)
        for button, excel in ((part.download, False), (part.download_excel, True)):
            wire_download(button, self._export_of(excel), self.browser, part.file, limit=4)

    @property
    def outputs(self) -> list[Block]:
        part = self.part
        shown = [part.summary, part.details, part.verdict, part.filters, part.chart, part.actions]
        return [*shown, *part.folds.values(), *part.bodies.values()]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        return self._props(tab.lang, tab.results) if tab.results else {}

    def results(self, stored: Stored, chosen: list[str] | None, request: gr.Request) -> Updates:
        """Show all results as they are now."""
        self.tabs.get(request).results = None
        return self.live(stored, chosen, request)

    def live(self, stored: Stored, chosen: list[str] | None, request: gr.Request) -> Updates:
        """Show what has changed since."""
        tab, part = self.tabs.get(request), self.part
        try:
            self.access.check_unblinding(stored, tab.admin)
            figures = self.service.soon(_filters(chosen), _PATIENCE_SECONDS)
        except ArenaError as error:
            # A rater who has finished opens the tab again. Before the page is loaded, its reader may be the host.
            timer = gr.Timer(READING_SECONDS, active=tab.mode is None)
            return {**changed({}, self._nothing(locked(tab.lang, error))), part.timer: timer}
        if figures is None:
            line = reading_line(tab.lang, self.service.progress)
            return {part.summary: line, part.timer: gr.Timer(READING_SECONDS, active=True)}
        if figures is tab.results:
            return {part.timer: gr.skip()}
        before = self._props(tab.lang, tab.results) if tab.results else {}
        tab.results = figures
        updates = changed(before, self._props(tab.lang, figures))
        return {**updates, part.timer: gr.Timer(LIVE_SECONDS, active=True)}

    def _nothing(self, shown: str) -> Props:
        part = self.part
        hidden: Props = {fold: {"visible": False} for fold in part.folds.values()}
        bodies: Props = {body: {"value": ""} for body in part.bodies.values()}
        words: Props = {part.verdict: {"value": ""}, part.chart: {"value": ""}}
        folded: Props = {block: {"visible": False} for block in (part.details, part.filters, part.actions)}
        return {part.summary: {"value": shown}, **words, **folded, **hidden, **bodies}

    def _props(self, lang: str, figures: Figures) -> Props:
        part = self.part
        props = self._nothing(picture(lang, figures))
        chosen = [name for name in FILTERS if getattr(figures.filters, name)]
        counts = {name: {"name": text(lang, f"filter_{name}"), "count": figures.switches[name]} for name in FILTERS}
        choices = [(text(lang, "filter_count", **counts[name]), name) for name in FILTERS]
        props |= {part.details: {"visible": True}, part.actions: {"visible": True}}
        props |= {
            part.verdict: {"value": verdict_html(lang, figures)},
            part.chart: {"value": dimension_chart(lang, figures)},
        }
        props[part.filters] = {"visible": True, "choices": choices, "value": chosen}
        titles = {prompt.id: prompt.title[lang] for prompt in self.prompts}
        for section in sections(lang, figures, lambda name: titles.get(name, name)):
            props[part.folds[section.name]] = {"visible": True}
            props[part.bodies[section.name]] = {"value": section_body(section)}
        return props

    def _export_of(self, excel: bool) -> Callable[..., str]:
        def export(stored: Stored, request: gr.Request) -> str:
            tab = self.tabs.get(request)
            with refusals(tab.lang):
                self.access.check_unblinding(stored, tab.admin)
                return str(self.export(excel))

        return export


def _filters(chosen: list[str] | None) -> Filters:
    blind, complete, not_leaked, not_suspicious = (name in (chosen or []) for name in FILTERS)
    return Filters(blind, complete, not_leaked, not_suspicious)
