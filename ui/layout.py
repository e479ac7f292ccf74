"""The page's tabs and what is above them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from ui.about import named_texts
from ui.batch.layout import BatchTab
from ui.chat.layout import ChatTab
from ui.judging.layout import JudgeTab, LiveTab
from ui.labels import Labels
from ui.replay.layout import ReplayPart
from ui.report import ReportTab
from ui.results.layout import ResultsTab
from ui.rooms.layout import ClassTab
from ui.services import Services


class Page:
    """The components that handlers read or write; a tab that this page does not have is None.

    `browser` is what the browser stores.
    """

    def __init__(self, services: Services) -> None:
        """Make all components inside the current gr.Blocks."""
        self.labels = labels = Labels(named_texts(services))
        self.browser = gr.BrowserState({"rater": "", "lang": ""}, storage_key="arena", secret=services.site.secret)
        self.language, self.backup = _top(labels, services)
        self.judging: JudgeTab | None = None
        self.chat: ChatTab | None = None
        self.live: LiveTab | None = None
        self.report: ReportTab | None = None
        self.batch: BatchTab | None = None
        self.class_tab: ClassTab | None = None
        self._all_tabs: list[gr.Tab] = []
        with gr.Tabs() as self.tabs:
            if services.rooms:
                with self._tab("judge"):
                    self.judging = JudgeTab(labels)
            if services.backends:
                with self._tab("chat"):
                    self.chat = ChatTab(labels, services.prompts)
            if services.live:
                with self._tab("live"):
                    self.live = LiveTab(labels, services.prompts)
            with self._tab("results") as tab:
                self.results = ResultsTab(labels, tab)
                self.replay = ReplayPart(labels)
            if services.reports:
                with self._tab("report"):
                    self.report = ReportTab(labels)
            if services.batch:
                with self._tab("batch") as tab:
                    self.batch = BatchTab(labels, tab)
            if services.access.admin and services.rooms:
                with self._tab("class"):
                    self.class_tab = ClassTab(labels, services.rooms.prompts)
            with self._tab("about"):
                labels.show(gr.HTML(labels("about"), elem_id="about"), value="about")

    @property
    def other_tabs(self) -> list[gr.Tab]:
        """All tabs but the results."""
        return [tab for tab in self._all_tabs if tab is not self.results.tab]

    @contextmanager
    def _tab(self, name: str) -> Iterator[gr.Tab]:
        key = f"tab_{name}"
        with gr.Tab(self.labels(key), id=name, elem_id=key) as tab:
            self._all_tabs.append(self.labels.show(tab, label=key))
            yield tab


def _top(labels: Labels, services: Services) -> tuple[gr.Button, gr.Markdown]:
    """The heading, the button for the other language, the banners, and the place of the banner about the backup."""
    with gr.Row(elem_id="top"):
        labels.markdown("heading", "title")
        language = labels.button("other_language", "language", size="sm", min_width=80, scale=0)
    banners = [key for key in ("scripted_banner", "stand_in_banner") if key in labels]
    banners += [] if services.backends or services.rooms else ["nothing_banner"]
    banners += ["closed_banner"] if services.ballots.refuses_all else []
    for key in banners:
        labels.markdown(key, key, elem_classes="banner")
    return language, gr.Markdown(visible=False, elem_id="backup_banner", elem_classes="banner")
