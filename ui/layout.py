"""The page's components and where they stand. Knows no handler."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from arena.types import SideName
from ui.about import about
from ui.chatbot import answer_pane
from ui.choices import CHOICES
from ui.judging.layout import JudgeTab, lay_out_judging
from ui.labels import Labels
from ui.results import headers
from ui.session import Services
from ui.texts import LANGUAGES, text

SETTINGS = ("temperature", "top_p", "max_new_tokens", "seed")


@dataclass(frozen=True)
class Pane:
    """One side's display and buttons."""

    chatbot: gr.Chatbot
    status: gr.HTML
    stop: gr.Button
    regenerate: gr.Button
    copy: gr.Button
    raw: gr.Textbox


@dataclass(frozen=True)
class Page:
    """Every component that a handler reads or writes."""

    labels: Labels
    judging: JudgeTab | None
    panes: dict[SideName, Pane]
    kept: gr.BrowserState
    language: gr.Button
    timer: gr.Timer
    box: gr.Textbox
    send: gr.Button
    stop_all: gr.Button
    new_chat: gr.Button
    picker: gr.Dropdown
    settings: dict[str, gr.Textbox]
    system: gr.Textbox
    choice: gr.Radio
    submit: gr.Button
    vote_note: gr.Markdown
    results_tab: gr.Tab
    summary: gr.Markdown
    table: gr.Dataframe
    refresh: gr.Button
    download: gr.Button
    download_excel: gr.Button
    file: gr.DownloadButton


def lay_out(services: Services) -> Page:
    """Make all components inside the current gr.Blocks."""
    labels = Labels(_named_texts(services))
    made: dict[str, object] = {"labels": labels, "judging": None}
    made["kept"] = gr.BrowserState({"rater": "", "lang": ""}, storage_key="arena", secret=services.secret)
    made["timer"] = gr.Timer(1.0)
    with gr.Row(elem_id="top"):
        labels.show(gr.Markdown(labels("heading"), elem_id="title"), value="heading")
        language = gr.Button(labels("other_language"), elem_id="language", size="sm", min_width=80, scale=0)
        made["language"] = labels.show(language, value="other_language")
    for key in ("scripted_banner", "stand_in_banner"):
        if labels_of(services, key):
            labels.show(gr.Markdown(labels(key), elem_id=key), value=key)
    with gr.Tabs():
        if services.desk:
            with gr.Tab(labels("tab_judge"), id="judge", elem_id="tab_judge") as judge_tab:
                labels.show(judge_tab, label="tab_judge")
                made["judging"] = lay_out_judging(labels)
        with gr.Tab(labels("tab_chat"), id="chat", elem_id="tab_chat") as chat_tab:
            labels.show(chat_tab, label="tab_chat")
            made["panes"] = _panes(labels)
            made |= _vote(labels)
            made |= _input(labels, services)
        with gr.Tab(labels("tab_results"), id="results", elem_id="tab_results") as results_tab:
            made["results_tab"] = labels.show(results_tab, label="tab_results")
            made |= _results(labels)
        with gr.Tab(labels("tab_about"), id="about", elem_id="tab_about") as about_tab:
            labels.show(about_tab, label="tab_about")
            labels.show(gr.HTML(labels("about"), elem_id="about"), value="about")
    return Page(**made)  # type: ignore[arg-type]


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
        "pane_a": both("left", name=specs[SideName.A].name),
        "pane_b": both("right", name=specs[SideName.B].name),
        "about": tuple(about(lang, specs.values(), services.known) for lang in LANGUAGES),
        "settings_hint": tuple(_settings_hint(lang, services) for lang in LANGUAGES),
    }
    for key, chosen in (
        ("stand_in", [spec.id for spec in specs.values() if spec.stand_in]),
        ("scripted", [spec.id for spec in specs.values() if spec.runtime == "scripted"]),
    ):
        if chosen:
            named[f"{key}_banner"] = both(key, models=", ".join(f"`{model}`" for model in dict.fromkeys(chosen)))
    for prompt in services.prompts:
        named[f"prompt_{prompt.id}"] = (prompt.title["zh"], prompt.title["en"])
    return named  # type: ignore[return-value]


def _settings_hint(lang: str, services: Services) -> str:
    pinned = [
        text(lang, "pinned", model=f"`{backend.spec.id}`", names=", ".join(sorted(backend.spec.pinned)))
        for backend in services.backends.values()
        if backend.spec.pinned
    ]
    return text(lang, "settings_note", pinned=" ".join(pinned)).strip()


def _panes(labels: Labels) -> dict[SideName, Pane]:
    with gr.Row(elem_id="panes", equal_height=True):
        return {side: _pane(labels, side) for side in SideName}


def _pane(labels: Labels, side: SideName) -> Pane:
    with gr.Column(min_width=280, elem_id=f"side_{side}", elem_classes="side"):
        name = gr.Markdown(labels(f"pane_{side}"), elem_id=f"name_{side}", elem_classes="name")
        labels.show(name, value=f"pane_{side}")
        status = gr.HTML("", elem_id=f"status_{side}", elem_classes="status", padding=False)
        placeholder = labels("empty_pane")
        chatbot = answer_pane(f"pane_{side}", labels(f"pane_{side}"), min_height=260, placeholder=placeholder)
        labels.show(chatbot, label=f"pane_{side}", placeholder="empty_pane")
        with gr.Row(elem_classes="side-buttons"):
            stop = _small_button(labels, "stop", side, interactive=False)
            again = _small_button(labels, "regenerate", side, interactive=False)
            copy = _small_button(labels, "copy", side, interactive=False)
        # Carries the answer's raw text to the browser's clipboard; never seen.
        raw = gr.Textbox(visible="hidden", elem_id=f"raw_{side}")
        return Pane(chatbot, status, stop, again, copy, raw)


def _small_button(labels: Labels, name: str, side: SideName, interactive: bool) -> gr.Button:
    button = gr.Button(labels(name), elem_id=f"{name}_{side}", size="sm", min_width=70, interactive=interactive)
    return labels.show(button, value=name)


def _vote(labels: Labels) -> dict[str, object]:
    keys = [(f"vote_{winner}", str(winner)) for winner in CHOICES]
    with gr.Group(elem_id="vote"):
        choice = gr.Radio(
            choices=[(labels(key), value) for key, value in keys],
            label=labels("vote"),
            info=labels("vote_info"),
            elem_id="choice",
            interactive=False,
        )
        labels.show_choices(labels.show(choice, label="vote", info="vote_info"), keys)
        submit = gr.Button(labels("submit"), elem_id="submit_vote", variant="primary", interactive=False)
    note = gr.Markdown("", elem_id="vote_note")
    return {"choice": choice, "submit": labels.show(submit, value="submit"), "vote_note": note}


def _input(labels: Labels, services: Services) -> dict[str, object]:
    keys = [("own_prompt", ""), *((f"prompt_{prompt.id}", prompt.id) for prompt in services.prompts)]
    picker = gr.Dropdown(
        choices=[(labels(key), value) for key, value in keys],
        value="",
        label=labels("picker"),
        info=labels("picker_info"),
        elem_id="picker",
        filterable=False,
    )
    labels.show_choices(labels.show(picker, label="picker", info="picker_info"), keys)
    box = gr.Textbox(
        label=labels("input"),
        placeholder=labels("input_placeholder"),
        lines=1,
        max_lines=6,
        elem_id="prompt",
    )
    labels.show(box, label="input", placeholder="input_placeholder")
    with gr.Row(elem_id="actions"):
        send = gr.Button(labels("send"), elem_id="send", variant="primary", min_width=100)
        stop_all = gr.Button(labels("stop_all"), elem_id="stop_all", min_width=100, interactive=False)
        new_chat = gr.Button(labels("new_chat"), elem_id="new_chat", min_width=100)
    made = {"picker": picker, "box": box, "send": labels.show(send, value="send")}
    made |= {"stop_all": labels.show(stop_all, value="stop_all"), "new_chat": labels.show(new_chat, value="new_chat")}
    return made | _settings(labels)


def _settings(labels: Labels) -> dict[str, object]:
    with gr.Accordion(labels("settings"), open=False, elem_id="settings") as folded:
        labels.show(folded, label="settings")
        labels.show(gr.Markdown(labels("settings_hint"), elem_id="settings_hint"), value="settings_hint")
        with gr.Row():
            boxes = {name: _setting(labels, name) for name in SETTINGS}
        system = gr.Textbox(label=labels("system"), lines=2, max_lines=6, elem_id="system")
        labels.show(system, label="system")
    return {"settings": boxes, "system": system}


def _setting(labels: Labels, name: str) -> gr.Textbox:
    """A number or nothing. Not gr.Number: in gradio 6.31 an empty one shows, and sends, a zero."""
    box = gr.Textbox(label=labels(name), placeholder=labels("model_default"), elem_id=f"set_{name}", min_width=130)
    return labels.show(box, label=name, placeholder="model_default")


def _results(labels: Labels) -> dict[str, object]:
    summary = gr.Markdown("", elem_id="summary")
    table = gr.Dataframe(headers=headers("en"), interactive=False, elem_id="table", wrap=True)
    with gr.Row():
        refresh = gr.Button(labels("refresh"), elem_id="refresh", min_width=100)
        download = gr.Button(labels("download"), elem_id="download", min_width=100)
        excel = gr.Button(labels("download_excel"), elem_id="download_excel", min_width=100)
    # The file is made when it is asked for; this button, never seen, then hands it to the browser.
    file = gr.DownloadButton("", elem_id="file", visible="hidden")
    return {
        "summary": summary,
        "table": table,
        "refresh": labels.show(refresh, value="refresh"),
        "download": labels.show(download, value="download"),
        "download_excel": labels.show(excel, value="download_excel"),
        "file": file,
    }
