"""The results tab: its components and its handlers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from arena.errors import ArenaError
from arena.prompts import Prompt
from arena.results.compute import GROUPS
from arena.results.figures import Figures
from arena.results.selection import CHOICES, Filters
from arena.results.service import ResultsService
from ui.components import Labels, download_file
from ui.results.sections import group_name, sections
from ui.results.view import chart, locked, picture, reading_line, section_body, verdict_html
from ui.tabs import Tab
from ui.texts import text
from ui.updates import CHOSEN, PRIVATE, UNQUEUED, Handlers, Props

FILTERS = ("blind", "complete", "not_leaked", "not_suspicious")
SECTIONS = ("models", "counts", *GROUPS, "bias", "agreement", "cost", "left_out")
LIVE_SECONDS, READING_SECONDS = 3.0, 1.0
# The table of the pairs is open while it has no more rows than these.
_MOST_OPEN = 3
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
        self.filters = labels.labelled(gr.CheckboxGroup, "results_filter", choices=[])
        with gr.Row(elem_id="results_choices"):
            self.choosers = {name: _chooser(labels, name) for name in ("models", *CHOICES)}
        self.chart = gr.HTML("", elem_id="results_chart")
        sections = {name: _section(labels, name) for name in SECTIONS}
        self.folds = {name: fold for name, (fold, _) in sections.items()}
        self.bodies = {name: body for name, (_, body) in sections.items()}


def _chooser(labels: Labels, name: str) -> gr.Dropdown:
    """What chooses models or a group of prompts; shown if there are more than two models."""
    several, elem_id = name == "models", f"results_{name}_chooser"
    looks: dict[str, Any] = {"min_width": 300, "scale": 2} if several else {"min_width": 160, "scale": 1}
    looks |= {"multiselect": several, "visible": False, "interactive": True}
    return labels.labelled(gr.Dropdown, f"filter_{name}", elem_id, choices=[], **looks)


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
        part, inputs = self.part, [self.part.filters, *self.part.choosers.values()]
        choosers = [chooser.input for chooser in part.choosers.values()]
        triggers = [part.tab.select, part.refresh.click, part.filters.input, *choosers]
        self.on(triggers, self.results, inputs, **CHOSEN)
        self.on(part.timer.tick, self.live, inputs, **UNQUEUED)
        others = [tab.select for tab in part.page_tabs.children if isinstance(tab, gr.Tab) and tab is not part.tab]
        gr.on(others, lambda: gr.Timer(active=False), None, part.timer, **PRIVATE)
        for button, excel in ((part.download, False), (part.download_excel, True)):
            self.download(button, partial(self.write, excel), [], limit=4)

    def render(self, tab: Tab) -> Props:
        return self._props(tab, tab.results) if tab.results else {}

    def results(self, tab: Tab, chosen: list[str] | None, *choices: Any) -> Props:
        """Show all results as they are now; `choices` are the values of the choosers."""
        tab.results = None
        return self.live(tab, chosen, *choices)

    def live(self, tab: Tab, chosen: list[str] | None, *choices: Any) -> Props:
        """Show what has changed since."""
        part = self.part
        try:
            sees_all = self.access.sees_all_results(tab.judge, tab.admin)
            figures = self.service.soon(_filters(chosen, *choices), _PATIENCE_SECONDS)
        except ArenaError as error:
            # A rater who has finished opens the tab again. Before the page is loaded, its reader may be the host.
            timer = {"value": READING_SECONDS, "active": tab.mode is None}
            return {**self._nothing(locked(tab.lang, error)), part.timer: timer}
        if figures is None:
            line = reading_line(tab.lang, self.service.progress)
            return {part.summary: {"value": line}, part.timer: {"value": READING_SECONDS, "active": True}}
        if figures is tab.results and sees_all == tab.sees_all:
            return {}
        before = self._props(tab, tab.results) if tab.results else {}
        tab.results, tab.sees_all = figures, sees_all
        props = {block: shown for block, shown in self._props(tab, figures).items() if shown != before.get(block)}
        return {**props, part.timer: {"value": LIVE_SECONDS, "active": True}}

    def _nothing(self, shown: str) -> Props:
        part = self.part
        hidden = (part.details, part.filters, part.actions, *part.choosers.values(), *part.folds.values())
        emptied = (part.verdict, part.chart, *part.bodies.values())
        props: Props = {block: {"visible": False} for block in hidden}
        return {part.summary: {"value": shown}, **props, **{block: {"value": ""} for block in emptied}}

    def _props(self, tab: Tab, figures: Figures) -> Props:
        part, lang = self.part, tab.lang
        props = self._nothing(picture(lang, figures))
        chosen = [name for name in FILTERS if getattr(figures.filters, name)]
        counts = {name: {"name": text(lang, f"filter_{name}"), "count": figures.switches[name]} for name in FILTERS}
        choices = [(text(lang, "filter_count", **counts[name]), name) for name in FILTERS]
        props |= {part.details: {"visible": True}, part.actions: {"visible": True}}
        props |= {button: {"visible": tab.sees_all} for button in (part.download, part.download_excel)}
        props |= {part.verdict: {"value": verdict_html(lang, figures)}, part.chart: {"value": chart(lang, figures)}}
        props[part.filters] = {"visible": True, "choices": choices, "value": chosen}
        props |= self._choices(lang, figures)
        titles = {prompt.id: prompt.title[lang] for prompt in self.prompts}
        for section in sections(lang, figures, lambda name: titles.get(name, name)):
            if section.name == "room" and not tab.sees_all:  # its codes open the rooms
                continue
            props[part.folds[section.name]] = {"visible": True}
            if section.name == "counts":
                props[part.folds["counts"]]["open"] = len(figures.pairs) <= _MOST_OPEN
            props[part.bodies[section.name]] = {"value": section_body(section)}
        return props

    def _choices(self, lang: str, figures: Figures) -> Props:
        """What one may choose: nothing while there are only two models."""
        props: Props = {}
        is_shown = len(figures.choices["models"]) > 2
        for name, chooser in self.part.choosers.items():
            names, value = figures.choices[name], getattr(figures.filters, name)
            several = name == "models"
            everything = [] if several else [(text(lang, "filter_all"), "")]
            choices = [(group if several else group_name(lang, name, group), group) for group in names]
            props[chooser] = {"visible": is_shown and len(names) > 1, "choices": [*everything, *choices]}
            props[chooser]["value"] = list(value) if several else value or ""
        return props

    def write(self, excel: bool, tab: Tab) -> str:
        """The path of a fresh copy of all votes. Raises InputError if it would unblind the rater."""
        self.access.check_unblinding(tab.judge, tab.admin)
        return str(self.export(excel))


def _filters(switches: list[str] | None, models: list[str] | None = None, *groups: str | None) -> Filters:
    chosen: dict[str, Any] = {name: name in (switches or []) for name in FILTERS}
    chosen |= {name: group or None for name, group in zip(CHOICES, groups, strict=False)}
    return Filters(**chosen, models=tuple(sorted(models or ())))
