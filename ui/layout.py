"""The page's tabs and what is above them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from ui.about import named_texts
from ui.batch.layout import BatchTab, lay_out_batch
from ui.chat.layout import ChatTab, lay_out_chat
from ui.judging.layout import JudgeTab, LiveTab, lay_out_judging, lay_out_live
from ui.labels import Labels
from ui.replay.layout import ReplayPart, lay_out_replay
from ui.report import ReportTab, lay_out_report
from ui.results.layout import ResultsTab, lay_out_results
from ui.rooms.layout import ClassTab, lay_out_class
from ui.services import Services


@dataclass(frozen=True, kw_only=True)
class Page:
    """The components that handlers read or write; a tab that this page does not have is None.

    `browser` is what the browser stores. `other_tabs` are all tabs but the results.
    """

    labels: Labels
    browser: gr.BrowserState
    language: gr.Button
    backup: gr.Markdown
    tabs: gr.Tabs
    other_tabs: tuple[gr.Tab, ...]
    judging: JudgeTab | None
    live: LiveTab | None
    chat: ChatTab | None
    results: ResultsTab
    replay: ReplayPart
    report: ReportTab | None
    batch: BatchTab | None
    class_tab: ClassTab | None


def lay_out(services: Services) -> Page:
    """Make all components inside the current gr.Blocks."""
    labels = Labels(named_texts(services))
    browser = gr.BrowserState({"rater": "", "lang": ""}, storage_key="arena", secret=services.site.secret)
    language, backup = _top(labels, services)
    judging = live = chat = report = batch = class_tab = None
    all_tabs: list[gr.Tab] = []

    @contextmanager
    def tab_named(name: str) -> Iterator[gr.Tab]:
        key = f"tab_{name}"
        with gr.Tab(labels(key), id=name, elem_id=key) as tab:
            all_tabs.append(labels.show(tab, label=key))
            yield tab

    with gr.Tabs() as tabs:
        if services.rooms:
            with tab_named("judge"):
                judging = lay_out_judging(labels)
        if services.backends:
            with tab_named("chat"):
                chat = lay_out_chat(labels, services.prompts)
        if services.live:
            with tab_named("live"):
                live = lay_out_live(labels, services.prompts)
        with tab_named("results") as results_tab:
            results = lay_out_results(labels, results_tab)
            replay = lay_out_replay(labels)
        if services.reports:
            with tab_named("report"):
                report = lay_out_report(labels)
        if services.batch:
            with tab_named("batch") as tab:
                batch = lay_out_batch(labels, tab)
        if services.access.admin and services.rooms:
            with tab_named("class"):
                class_tab = lay_out_class(labels, services.rooms.prompts)
        with tab_named("about"):
            labels.show(gr.HTML(labels("about"), elem_id="about"), value="about")
    return Page(
        labels=labels,
        browser=browser,
        language=language,
        backup=backup,
        tabs=tabs,
        other_tabs=tuple(tab for tab in all_tabs if tab is not results_tab),
        judging=judging,
        live=live,
        chat=chat,
        results=results,
        replay=replay,
        report=report,
        batch=batch,
        class_tab=class_tab,
    )


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
