"""The page: its tabs with their handlers, what is above them, and how it is launched."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from arena.chat import MAX_CHATS
from ui.about import backup_banner, named_texts
from ui.access import Stored
from ui.admin import SignInHandlers, SignInPart, WithdrawalHandlers, WithdrawalPart
from ui.api import Api
from ui.arena.handlers import ArenaHandlers
from ui.arena.layout import ArenaTab
from ui.arena.mode import ArenaMode
from ui.arena.modes import Blind, Named
from ui.arena.rate import Rate
from ui.arena.screen import Mode
from ui.batch import BatchHandlers, BatchTab
from ui.components import Labels
from ui.gradio.compat import is_known_version, make_blocks, middleware, poll_less
from ui.models import BannerHandlers, ModelsBanner, ModelsHandlers, ModelsTab
from ui.prompts import PromptsHandlers, PromptsTab
from ui.raters import RatersHandlers, RatersTab
from ui.replay.handlers import ReplayHandlers, ReplayPart
from ui.report import ReportHandlers, ReportTab
from ui.results.handlers import ResultsHandlers, ResultsTab
from ui.rooms import ClassTab, RoomHandlers
from ui.services import Services
from ui.tabs import Tab, Tabs
from ui.updates import UNQUEUED, Handlers, Updates

BRAND = '<a href="#arena" class="brand" aria-label="Qwen × ChatGLM"><i></i><i></i><b>Qwen × ChatGLM</b></a>'
ASSETS = Path(__file__).parent / "assets"
TITLE = "Qwen × ChatGLM"
QUEUE_SIZE = 256
# If a model's text ever gets past ui/display.py, it still cannot load from, or send anything to, another host.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"img-src 'self' data: blob:; media-src 'self' blob:; form-action 'self'; base-uri 'self'\">"
)
# Fonts on the reader's machine: the page loads nothing from other hosts.
FONTS = ["-apple-system", "Segoe UI", "Roboto", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"]
FONTS += ["system-ui", "sans-serif"]
MONO_FONTS = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]


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
            banner = BannerHandlers(*shared, self.models, services.roster, services.coming, adding is not None)
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
    shared = services.prompts.known, services.withdrawals
    rated: dict[Mode, ArenaMode] = {"rate": Rate(*shared, services.rooms)} if services.rooms else {}
    asked: dict[Mode, ArenaMode] = {}
    if services.live:
        asked["blind"] = Blind(*shared, services.live)
        asked["named"] = Named(*shared, services.roster, services.ballots)
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


def build_page(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the keywords for its launch."""

    def close_tab(request: gr.Request) -> None:
        services.chats.close(request.session_hash)
        if services.live:
            services.live.close(request.session_hash)

    with make_blocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        page = Page(services)
        # First, so that no handler of the page takes one of the public names.
        Api(services).wire()
        for part in page.parts:
            part.wire(demo)
        _wire_language(demo, page, services)
        demo.unload(close_tab)
    # api_open=False: a plain HTTP call must wait in the queue as well.
    if services.access.login:
        services.access.login.attach()
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=16, api_open=False)
    poll_less(demo)
    return demo, _launch_keywords(page, services.site.hosts, bool(services.access.login))


def _launch_keywords(page: Page, hosts: frozenset[str] | None, has_login: bool) -> dict[str, Any]:
    return {
        "i18n": page.labels.i18n,
        "theme": _theme(),
        # Not css=: gradio adds each rule a second time and splits it at every comma, those inside :is() too.
        "head": f"{POLICY}<style>{_assets('.css')}</style><script>{_assets('.js')}</script>",
        "footer_links": [],
        "ssr_mode": False,
        # Otherwise gradio asks its own address, and gives up if a busy machine does not answer within three seconds.
        **({"_frontend": False} if is_known_version() else {}),
        "share": False,
        "mcp_server": False,
        "pwa": False,
        "run_history": False,
        "show_error": False,
        "max_file_size": "1mb",
        "state_session_capacity": MAX_CHATS,
        "app_kwargs": {"middleware": middleware(hosts, has_login)},
    }


def _assets(suffix: str) -> str:
    """The page's own style sheets or scripts in one piece."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob(f"*{suffix}")))


def _theme() -> gr.themes.Base:
    """A quiet theme; page.css has the colours, with a contrast of at least 4.5 to 1 for every text (WCAG 2 AA)."""
    return gr.themes.Base(font=FONTS, font_mono=MONO_FONTS, primary_hue="slate", neutral_hue="slate").set(
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_800",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_background_fill_hover_dark="*neutral_200",
        button_primary_text_color_dark="*neutral_900",
        link_text_color="*neutral_800",
        link_text_color_dark="*neutral_200",
    )


def _wire_language(demo: gr.Blocks, page: Page, services: Services) -> None:
    def show(tab: Tab, stored: dict[str, str]) -> Updates:
        updates = page.labels.relabel(tab.lang)
        banner = backup_banner(tab.lang, services.site.backup)
        updates[page.backup] = gr.update(value=banner, visible=bool(banner))
        for part in page.parts:
            for block, props in part.render(tab).items():
                updates[block] = {**updates.get(block, {}), **gr.update(**props)}
        return {**updates, page.browser: stored}

    def on_load(stored: Stored, tab_id: str, request: gr.Request) -> Updates:
        tab, stored = page.tabs.get(request), stored or {}
        tab.lang = stored.get("lang") or tab.lang
        # A browser that forgets would be another rater each time it opens the page.
        rater = stored.get("rater") or (uuid.uuid4().hex if tab_id else "")
        stored, tab.key = {"rater": rater, "lang": stored.get("lang", "")}, f"{rater}:{tab_id}" if rater else ""
        services.access.recognise(tab, stored, request)
        services.catch_up()
        for part in page.parts:
            part.opened(tab)
        tab.opened = True
        updates = show(tab, stored)
        updates[page.storage] = {**updates[page.storage], **gr.update(visible=not rater)}
        return updates

    def switch(stored: Stored, request: gr.Request) -> Updates:
        tab = page.tabs.get(request)
        tab.lang = "en" if tab.lang == "zh" else "zh"
        return show(tab, {"rater": (stored or {}).get("rater", ""), "lang": tab.lang})

    changing = [component for part in page.parts for component in part.outputs]
    outputs = list(dict.fromkeys([*page.labels.components, *changing, page.backup, page.browser]))
    page.language.click(switch, page.browser, outputs, **UNQUEUED)
    with_tab = "(stored) => [stored, window.tabId]"
    demo.load(on_load, [page.browser, page.tab_id], outputs, js=with_tab, **UNQUEUED)
