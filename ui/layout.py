"""The page's tabs and what stands above them. Knows no handler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

from arena.types import SideName
from ui.about import about
from ui.batch.layout import BatchTab, lay_out_batch
from ui.chat.layout import ChatTab, lay_out_chat
from ui.judging.layout import JudgeTab, lay_out_judging
from ui.judging.live_layout import LiveTab, lay_out_live
from ui.labels import Labels
from ui.replay.layout import ReplayPart, lay_out_replay
from ui.report.layout import ReportTab, lay_out_report
from ui.results.layout import ResultsTab, lay_out_results
from ui.rooms.layout import ClassTab, lay_out_class
from ui.session import Services
from ui.texts import LANGUAGES, listed, text


@dataclass(frozen=True)
class Page:
    """The parts that a handler reads or writes; a tab that has no purpose here is None."""

    labels: Labels
    kept: gr.BrowserState
    language: gr.Button
    backup: gr.Markdown
    judging: JudgeTab | None
    live: LiveTab | None
    chat: ChatTab | None
    results: ResultsTab
    replay: ReplayPart
    report: ReportTab | None
    batch: BatchTab | None
    classroom: ClassTab | None
    tabs: gr.Tabs


def lay_out(services: Services) -> Page:
    """Make all components inside the current gr.Blocks."""
    labels = Labels(_named_texts(services))
    kept = gr.BrowserState({"rater": "", "lang": ""}, storage_key="arena", secret=services.secret)
    language, backup = _top(labels, services)
    judging = live = chat = report = batch = classroom = None
    with gr.Tabs() as tabs:
        if services.rooms:
            with _tab(labels, "judge"):
                judging = lay_out_judging(labels)
        if services.backends:
            with _tab(labels, "chat"):
                chat = lay_out_chat(labels, services.prompts)
        if services.live:
            with _tab(labels, "live"):
                live = lay_out_live(labels, services.prompts)
        with _tab(labels, "results") as tab:
            results = lay_out_results(labels, tab)
            replay = lay_out_replay(labels)
        if services.reports:
            with _tab(labels, "report"):
                report = lay_out_report(labels)
        if services.batch:
            with _tab(labels, "batch") as tab:
                batch = lay_out_batch(labels, tab)
        if services.admin and services.rooms:
            with _tab(labels, "class"):
                classroom = lay_out_class(labels, services.rooms.prompts)
        with _tab(labels, "about"):
            labels.show(gr.HTML(labels("about"), elem_id="about"), value="about")
    return Page(labels, kept, language, backup, judging, live, chat, results, replay, report, batch, classroom, tabs)


@contextmanager
def _tab(labels: Labels, name: str) -> Iterator[gr.Tab]:
    key = f"tab_{name}"
    with gr.Tab(labels(key), id=name, elem_id=key) as tab:
        yield labels.show(tab, label=key)


def _top(labels: Labels, services: Services) -> tuple[gr.Button, gr.Markdown]:
    """The heading, the button for the other language, what has to be said of the models and the votes, and the place
    for what has to be said of the backup."""
    with gr.Row(elem_id="top"):
        labels.show(gr.Markdown(labels("heading"), elem_id="title"), value="heading")
        language = gr.Button(labels("other_language"), elem_id="language", size="sm", min_width=80, scale=0)
        labels.show(language, value="other_language")
    banners = [key for key in ("scripted_banner", "stand_in_banner") if labels_of(services, key)]
    banners += [] if services.backends or services.rooms else ["nothing_banner"]
    banners += ["closed_banner"] if services.ballots.refuses_all else []
    for key in banners:
        labels.show(gr.Markdown(labels(key), elem_id=key, elem_classes="banner"), value=key)
    return language, gr.Markdown(visible=False, elem_id="backup_banner", elem_classes="banner")


def labels_of(services: Services, key: str) -> tuple[str, str] | None:
    """One of the texts that name the models; None if there is no occasion for it."""
    return _named_texts(services).get(key)


def _named_texts(services: Services) -> dict[str, tuple[str, str]]:
    """The texts that hold names of models or titles of prompts, as key -> (Chinese, English)."""
    specs = {side: backend.spec for side, backend in services.backends.items()}

    def both(key: str, **details: object) -> tuple[str, str]:
        return text("zh", key, **details), text("en", key, **details)

    named = {
        "heading": tuple(f"# {words}" for words in both("title")),
        **{f"pane_{side}": both(("left", "right")[side is SideName.B], name=spec.name) for side, spec in specs.items()},
        "about": tuple(about(lang, specs.values(), services.known) for lang in LANGUAGES),
        "settings_hint": tuple(_settings_hint(lang, services) for lang in LANGUAGES),
    }
    for key, chosen in (
        ("stand_in", [spec.id for spec in specs.values() if spec.stand_in]),
        ("scripted", [spec.id for spec in specs.values() if spec.runtime == "scripted"]),
    ):
        if chosen:
            models = [f"`{model}`" for model in dict.fromkeys(chosen)]
            named[f"{key}_banner"] = tuple(text(lang, key, models=listed(lang, models)) for lang in LANGUAGES)
    # Answers may be to prompts that are not in the set.
    named |= {f"prompt_{prompt}": (prompt, prompt) for prompt in (services.rooms.prompts if services.rooms else ())}
    for prompt in services.prompts:
        named[f"prompt_{prompt.id}"] = (prompt.title["zh"], prompt.title["en"])
    return named  # type: ignore[return-value]


def _settings_hint(lang: str, services: Services) -> str:
    pinned = [
        text(lang, "pinned", model=f"`{backend.spec.id}`", names=listed(lang, sorted(backend.spec.pinned)))
        for backend in services.backends.values()
        if backend.spec.pinned
    ]
    return text(lang, "settings_note", pinned=" ".join(pinned)).strip()
