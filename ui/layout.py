"""The page's components: its tabs with their handlers, and what is above them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import gradio as gr

from ui.about import named_texts
from ui.admin import SignInHandlers, SignInPart, WithdrawalHandlers, WithdrawalPart
from ui.arena.handlers import ArenaHandlers
from ui.arena.layout import ArenaTab
from ui.arena.mode import ArenaMode
from ui.arena.modes import Blind, Named
from ui.arena.outcome import Receipt
from ui.arena.rate import Rate
from ui.arena.screen import Mode
from ui.batch import BatchHandlers, BatchTab
from ui.components import Labels
from ui.models import BannerHandlers, ModelsBanner, ModelsHandlers, ModelsTab
from ui.prompts import PromptsHandlers, PromptsTab
from ui.raters import RatersHandlers, RatersTab
from ui.replay.handlers import ReplayHandlers, ReplayPart
from ui.report import ReportHandlers, ReportTab
from ui.results.handlers import ResultsHandlers, ResultsTab
from ui.rooms import ClassTab, RoomHandlers
from ui.services import Services
from ui.tabs import Tabs
from ui.updates import Handlers

BRAND = '<a href="#arena" class="brand" aria-label="Qwen × ChatGLM"><i></i><i></i><b>Qwen × ChatGLM</b></a>'


class Page:
    """The page: `parts` are the handlers of the tabs that it has, `browser` is what the browser stores."""

    def __init__(self, services: Services) -> None:
        """Make all components inside the current gr.Blocks."""
        self.labels = labels = Labels(partial(named_texts, services))
        self.browser = gr.BrowserState({"rater": "", "lang": ""}, storage_key="arena", secret=services.site.secret)
        # A random id of the browser's tab, "" if the browser keeps nothing; page.js fills it in.
        self.tab_id = gr.Textbox("", elem_id="tab_id", visible="hidden")
        demos = any(spec.stand_in for spec in services.roster.specs)
        self.models = ModelsBanner(labels) if services.coming or demos else None
        self.backup, self.storage = _banners(labels, services)
        with gr.Column(elem_id="frame"):
            self.language = _header(labels)
            self._make_tabs(services)

    def _make_tabs(self, services: Services) -> None:
        labels, adding = self.labels, services.adding
        self.tabs = Tabs(services.chats, services.site.lang)
        self.parts: list[Handlers] = []
        shared = services.access, self.tabs, self.browser
        banner = None
        if self.models:
            coming = services.coming
            banner = BannerHandlers(*shared, self.models, services.roster, coming, adding is not None)
            self.parts.append(banner)
        rooms, prompts, results, withdrawals = services.rooms, services.prompts, services.results, services.withdrawals
        with gr.Tabs(elem_id="tabs") as page_tabs:
            if modes := arena_modes(services):
                with self._tab("arena") as tab:
                    arena = ArenaTab(labels, tab, tuple(modes), adding is not None or len(services.roster) > 2)
                    self.parts.append(ArenaHandlers(*shared, arena, modes, prompts, results, services.sessions))
            with self._tab("results") as tab:
                shown = ResultsTab(labels, tab, page_tabs)
                self.parts.append(ResultsHandlers(*shared, shown, results, prompts.known, services.export))
            # For the host: hidden until the page knows that its reader is.
            hosted: dict[gr.Tab, Handlers] = {}
            if rooms:
                with self._tab("class", visible=False) as tab:
                    part = ClassTab(labels, rooms.prompts)
                    hosted[tab] = RoomHandlers(*shared, part, rooms, results, services.site)
            with self._tab("prompts", visible=False) as tab:
                hosted[tab] = PromptsHandlers(*shared, PromptsTab(labels, tab), prompts)
            if services.batch:
                with self._tab("batch", visible=False) as tab:
                    hosted[tab] = BatchHandlers(*shared, BatchTab(labels, tab), services.batch, prompts.known)
            if adding:
                with self._tab("models", visible=False) as tab:
                    hosted[tab] = ModelsHandlers(*shared, ModelsTab(labels, tab), adding, banner)
            with self._tab("raters", visible=False) as tab:
                hosted[tab] = RatersHandlers(*shared, RatersTab(labels, tab), results, withdrawals)
            with self._tab("report", visible=False) as tab:
                hosted[tab] = ReportHandlers(*shared, ReportTab(labels, tab), services.reports)
            with self._tab("about"):
                labels.show(gr.HTML(labels("about"), elem_id="about"), value="about")
                self.parts.append(SignInHandlers(*shared, SignInPart(labels), hosted))
                self.parts.append(WithdrawalHandlers(*shared, WithdrawalPart(labels), withdrawals))
            self.parts += hosted.values()
        replay, moderation = ReplayPart(labels, bool(services.access.admin)), services.moderation
        self.parts.append(ReplayHandlers(*shared, replay, results, moderation, withdrawals, services.roster))

    @contextmanager
    def _tab(self, name: str, visible: bool = True) -> Iterator[gr.Tab]:
        key = f"tab_{name}"
        with gr.Tab(self.labels(key), id=name, elem_id=key, visible=visible) as tab:
            yield self.labels.show(tab, label=key)


def arena_modes(services: Services) -> dict[Mode, ArenaMode]:
    """The ways to compare that this page offers, the first one first."""
    prompts, receipt = services.prompts.known, Receipt(services.prompts.known, services.withdrawals)
    rated: dict[Mode, ArenaMode] = {"rate": Rate(receipt, services.rooms)} if services.rooms else {}
    asked: dict[Mode, ArenaMode] = {}
    if services.live:
        asked["blind"] = Blind(receipt, services.live, prompts)
        asked["named"] = Named(receipt, services.roster, prompts, services.ballots)
    return asked | rated if services.site.has_samples else rated | asked


def _banners(labels: Labels, services: Services) -> tuple[gr.Markdown, gr.Markdown]:
    """What readers must know before anything else; returns the banners about the backup and about the browser."""
    banners = [key for key in ("scripted_banner",) if key in labels]
    banners += [] if services.live or services.rooms else ["nothing_banner"]
    banners += ["closed_banner"] if services.ballots.refuses_all else []
    for key in banners:
        labels.markdown(key, key, elem_classes="banner")
    if login := services.access.login:
        with gr.Row(elem_id="sign_in_bar", elem_classes="banner"):
            labels.markdown("sign_in_required" if login.is_required else "sign_in_offered", "sign_in_note")
            texts = f"登录 / Sign in: {login.place}", "退出 / Sign out: {}"
            gr.LoginButton(*texts, variant="secondary", icon=None, elem_id="sign_in", size="sm", min_width=0)
    backup = gr.Markdown(visible=False, elem_id="backup_banner", elem_classes="banner")
    return backup, labels.markdown("storage_banner", "storage_banner", elem_classes="banner", visible=False)


def _header(labels: Labels) -> gr.Button:
    """The name and the tools, which lie on the tab bar."""
    gr.HTML(BRAND, elem_id="brand", apply_default_css=False, js_on_load=None)
    with gr.Row(elem_id="tools"):
        language = labels.button("other_language", "language", size="sm", min_width=0)
        labels.button("theme", size="sm", min_width=0)
    return language
