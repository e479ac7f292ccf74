"""The models tab: the host adds models by name; and the banner that leads from the demo models to the real pair."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from urllib.parse import quote

import gradio as gr

from arena.adding import Adding, AddState
from arena.needs import USUAL_RATE, Needs, pair_memory
from arena.roster import Roster
from arena.translations import time_text
from ui.admin import HostHandlers
from ui.components import Labels
from ui.gradio.compat import Block
from ui.markup import alert, html_table, licence_link, status
from ui.tabs import Tab
from ui.texts import error_text, listed, text
from ui.updates import UNQUEUED, Handlers, Props

REFRESH_SECONDS = 1.0
BANNER_SECONDS = 3.0
REAL_PAIR = ("qwen-7b-chat@int4", "chatglm3-6b@int4")
NAMES_HINT = "qwen3-0.6b, hf:OWNER/NAME@int4, hf:OWNER/NAME:Q4_K_M, openai:URL#MODEL"


class ModelsBanner:
    """Says that demo models run, and offers the real pair; or that the first models are still being added."""

    def __init__(self, labels: Labels) -> None:
        with gr.Row(elem_id="stand_in_banner", elem_classes="banner", visible=False) as self.row:
            self.words = gr.Markdown(elem_id="demo_words")
            self.get_pair = labels.button("get_pair", size="sm", min_width=0, visible=False)
        self.timer = gr.Timer(BANNER_SECONDS, active=False)


class ModelsTab:
    """The components that handlers read or write; `tab` is the tab itself."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        labels.markdown("models_what", "models_what")
        self.names = labels.textbox("model_names", placeholder=NAMES_HINT, max_lines=1)
        with gr.Row():
            self.check = labels.button("model_check", min_width=150)
            self.start = labels.button("model_start", variant="primary", min_width=150, interactive=False)
            self.stop = labels.button("stop", "model_stop", min_width=150, interactive=False)
        self.status = gr.HTML("", elem_id="model_status")
        with gr.Row(visible=False) as self.list:
            self.kept = labels.labelled(gr.Dropdown, "models_kept", choices=[], min_width=300)
            self.remove = labels.button("model_remove", min_width=150)
        self.timer = gr.Timer(REFRESH_SECONDS, active=False)


@dataclass(frozen=True)
class BannerHandlers(Handlers):
    """The banner of one page. `coming` is the job that adds the first models, None if they were here at the start;
    `can_add` is whether the host may add models here."""

    part: ModelsBanner
    roster: Roster
    coming: Adding | None
    can_add: bool

    def wire(self, demo: gr.Blocks) -> None:
        self.on(self.part.timer.tick, self.render, **UNQUEUED)

    def render(self, tab: Tab) -> Props:
        banner, first = self.part, self.roster.first
        is_demo = any(backend.spec.stand_in for backend in first.values())
        coming = self.coming if is_demo or not first else None
        tab.waited = tab.waited or coming is not None
        lines = [coming_words(tab.lang, coming.state)] if coming else []
        if is_demo:
            demos = [f"`{spec.id}`" for spec in self.roster.specs if spec.stand_in]
            lines.append(text(tab.lang, "stand_in", models=listed(tab.lang, demos)))
        words = " ".join(lines) or self._ready(tab)
        return {
            banner.row: {"visible": bool(words)},
            banner.words: {"value": words},
            banner.get_pair: {"visible": is_demo and self.can_add and self.access.is_host(tab)},
            banner.timer: {"active": coming is not None},
        }

    def _ready(self, tab: Tab) -> str:
        """Leads a tab to models that came after it was opened."""
        is_left = any(backend.spec.stand_in for backend in tab.chat.pair.values())
        key = "coming_ready" if tab.waited else "real_ready" if is_left else ""
        return text(tab.lang, key, link=_link(backend.spec.id for backend in self.roster.first.values())) if key else ""


@dataclass(frozen=True)
class ModelsHandlers(HostHandlers):
    """The models tab of one page. It keeps the banner up to date as well."""

    part: ModelsTab
    adding: Adding
    above: BannerHandlers | None

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        self.acts([part.check.click, part.names.submit], self.check, [part.names])
        # What is added are the models whose needs are shown.
        self.acts(part.start.click, lambda tab: self.adding.start(tab.to_add))
        # What was downloaded stays.
        self.acts(part.stop.click, lambda tab: self.adding.stop())
        self.acts(part.remove.click, lambda tab, name: self.adding.remove(name or ""), [part.kept])
        self.on([part.tab.select, part.timer.tick], self.refresh, **UNQUEUED)
        if self.above:
            asked = self.on(self.above.part.get_pair.click, self.check_pair)
            asked.then(None, js="() => { location.hash = 'models' }", api_visibility="private")

    @property
    def outputs(self) -> list[Block]:
        return [*super().outputs, *(self.above.outputs if self.above else [])]

    def render(self, tab: Tab) -> Props:
        part = self.part
        above = self.above.render(tab) if self.above else {}
        if not self.access.is_host(tab):
            return {**above, part.status: {"value": ""}, part.list: {"visible": False}, part.timer: {"active": False}}
        state = self.adding.state
        tab.to_add = state.names
        resumes = state.stage in ("stopped", "failed") and state.room is not None
        return {
            **above,
            part.check: {"interactive": not state.running},
            part.start: {
                "interactive": state.stage == "ready" or resumes,
                "value": text(tab.lang, "model_resume" if resumes else "model_start"),
            },
            part.stop: {"interactive": state.running},
            part.status: {"value": status_block(tab.lang, state)},
            part.list: {"visible": bool(state.kept)},
            part.kept: {"choices": list(state.kept), "value": next(iter(state.kept), None)},
            part.timer: {"active": state.running},
        }

    def check(self, tab: Tab, names: str | None) -> None:
        """Find out what the models with these names need."""
        self.adding.check([name.strip() for name in (names or "").split(",") if name.strip()])

    def check_pair(self, tab: Tab) -> Props:
        """Find out what the real pair needs; while a job runs, only show it."""
        names = ", ".join(REAL_PAIR)
        props = self.act(self.refresh if self.adding.state.running else partial(self.check, names=names), tab)
        return {**props, self.part.names: {"value": names}}

    def refresh(self, tab: Tab) -> Props:
        """Show the job as it is now."""
        part, props = self.part, self.render(tab)
        if props[part.timer]["active"]:  # what the host has chosen of the list stays
            del props[part.list], props[part.kept]
        return props


def coming_words(lang: str, state: AddState) -> str:
    """The banner's Markdown while the first models are being added."""
    if state.error and not state.running:
        return text(lang, "coming_failed", reason=error_text(lang, state.error))
    what = text(lang, "coming_first") if state.stage in ("idle", "checking") else _stage(lang, state)
    return text(lang, "coming", what=what)


def status_block(lang: str, state: AddState) -> str:
    """What the models need, and how far the job is, as HTML."""
    parts = []
    if state.needs:
        columns = ("about_model", "need_download", "need_quantize", "need_memory", "about_licence")
        parts.append(html_table([text(lang, column) for column in columns], (_row(lang, need) for need in state.needs)))
        parts.append(f"<p>{escape(_in_all(lang, state))}</p>" if state.room else "")
    if state.room and state.room.memory is not None and pair_memory(state.needs) > state.room.memory:
        parts.append(alert(text(lang, "need_tight")))
    if state.error:
        parts.append(alert(error_text(lang, state.error)))
    elif state.stage != "idle":
        parts.append(status(_stage(lang, state)))
    if state.running and state.stage != "checking":
        label = escape(text(lang, "tab_models"))
        value = f' max="{state.total}" value="{state.done}"' if state.total else ""
        parts.append(f'<progress{value} aria-label="{label}"></progress>')
    if state.stage == "done" and len(state.added) > 1:
        link, words = escape(_link(state.added)), escape(text(lang, "models_compare"))
        parts.append(f'<p><a class="button" href="{link}">{words}</a></p>')
    return "".join(parts)


def _row(lang: str, need: Needs) -> list[str]:
    unnamed = text(lang, "need_see" if need.licence_url else "about_unknown")
    licence = licence_link(escape(need.licence or unnamed), need.licence_url)
    title = f"{escape(need.title)}<br><code>{escape(need.name)}</code>"
    return [title, *map(_size, (need.download, need.quantize, need.memory)), licence]


def _in_all(lang: str, state: AddState) -> str:
    download, room = sum(need.download for need in state.needs), state.room
    assert room
    minutes = -(-download // (60 * USUAL_RATE))
    parts = [text(lang, "need_time", size=_size(download), minutes=minutes)] if download else []
    disk = sum(need.disk for need in state.needs)
    parts += [text(lang, "need_disk", size=_size(disk), free=_size(room.disk))] if disk else []
    memory, free = pair_memory(state.needs), _size(room.memory) if room.memory is not None else "?"
    parts += [text(lang, "need_memory_free", size=_size(memory), free=free)] if memory else []
    return text(lang, "need_all", parts=listed(lang, parts)) if parts else text(lang, "need_nothing")


def _stage(lang: str, state: AddState) -> str:
    names = listed(lang, [model.partition("?")[0] for model in state.added])
    left = "" if state.seconds_left is None else text(lang, "batch_left", time=time_text(state.seconds_left))
    counts_bytes = state.running and state.total and state.stage != "checking"
    bytes_done = f"{_size(state.done)} / {_size(state.total)}" if counts_bytes else ""
    titles = {need.name: need.title for need in state.needs}
    words = text(lang, f"add_{state.stage}", name=titles.get(state.name, state.name), models=names)
    return " · ".join(filter(None, (words, bytes_done, left)))


def _link(models: Iterable[str]) -> str:
    """The address of the page that compares the first two of these models."""
    a, b, *_ = map(quote, models)
    return f"?a={a}&b={b}"


def _size(size: int) -> str:
    if not size:
        return "–"
    return f"{size / 1e9:.1f} GB" if size >= 10**8 else f"{size / 1e6:.1f} MB"
