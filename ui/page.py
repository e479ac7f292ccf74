"""Builds the page and says how it is launched."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from arena.chat import MAX_CHATS
from ui.about import backup_banner
from ui.access import Stored
from ui.api import Api
from ui.batch.handlers import BatchHandlers
from ui.chat.handlers import ChatHandlers
from ui.gradio.compat import Block, make_blocks, middleware
from ui.judging.handlers import JudgeHandlers
from ui.judging.live_handlers import LiveHandlers
from ui.layout import Page
from ui.replay.handlers import JudgedBattles, ModerationHandlers, ReplayHandlers
from ui.report import ReportHandlers
from ui.results.handlers import ResultsHandlers
from ui.rooms.handlers import RoomHandlers
from ui.services import Services
from ui.session import Tab, Tabs
from ui.updates import PRIVATE, Props, Updates

ASSETS = Path(__file__).parent / "assets"
TITLE = "Qwen × ChatGLM"
QUEUE_SIZE = 256
# If a model's text ever gets past ui/display.py, it still cannot load from, or send anything to, another host.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"img-src 'self' data: blob:; media-src 'self' blob:; form-action 'self'; base-uri 'self'\">"
)
# Fonts on the reader's machine: the page loads nothing from other hosts.
FONTS = ["system-ui", "-apple-system", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
MONO_FONTS = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]


def build_page(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the keywords for its launch."""
    with make_blocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        page = Page(services)
        # First, so that no handler of the page takes one of the public names.
        Api(services).wire()
        tabs = Tabs(services.chats, services.site.lang)
        handlers = _Handlers(services, page, tabs)
        for part in handlers.all:
            part.wire()
        _wire_language(demo, page, handlers, services, tabs)
        handlers.replay.wire_link(demo)
        demo.unload(_on_unload(services))
    # api_open=False: a plain HTTP call must wait in the queue as well.
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=16, api_open=False)
    return demo, _launch_keywords(page)


def _on_unload(services: Services) -> Callable[..., None]:
    def close_tab(request: gr.Request) -> None:
        services.chats.close(request.session_hash)
        if services.live:
            services.live.close(request.session_hash)

    return close_tab


def _launch_keywords(page: Page) -> dict[str, Any]:
    return {
        "i18n": page.labels.i18n,
        "theme": _theme(),
        "css": (ASSETS / "page.css").read_text(encoding="utf-8"),
        "head": f"{POLICY}<script>{(ASSETS / 'page.js').read_text(encoding='utf-8')}</script>",
        "footer_links": ["settings"],
        "ssr_mode": False,
        "share": False,
        "mcp_server": False,
        "pwa": False,
        "run_history": False,
        "show_error": False,
        "max_file_size": "1mb",
        "state_session_capacity": MAX_CHATS,
        "app_kwargs": {"middleware": middleware()},
    }


def _theme() -> gr.themes.Base:
    """gradio's soft theme with a contrast of at least 4.5 to 1 for every text, as WCAG 2 AA requires."""
    return gr.themes.Soft(font=FONTS, font_mono=MONO_FONTS).set(
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        block_title_text_color="*primary_700",
        block_label_text_color="*primary_700",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_secondary_background_fill_hover_dark="*primary_600",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_background_fill_selected_dark="*primary_600",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active_dark="*primary_300",
    )


class Wired(Protocol):
    """The handlers of one tab."""

    def wire(self) -> None:
        """Attach them; call inside the page's gr.Blocks."""
        ...


class _Handlers:
    """The handlers of the page's tabs, each with what it needs of the services."""

    def __init__(self, services: Services, page: Page, tabs: Tabs) -> None:
        access, prompts = services.access, services.prompts
        withdrawals, results, moderation = services.withdrawals, services.results, services.moderation
        shared: dict[str, Any] = {"tabs": tabs, "browser": page.browser}
        judged = JudgedBattles(results, access, moderation)
        self.chat: ChatHandlers | None = None
        self.judging: JudgeHandlers | None = None
        self.live: LiveHandlers | None = None
        self.batch: BatchHandlers | None = None
        self.rooms: RoomHandlers | None = None
        self.results = ResultsHandlers(
            results, prompts, services.export, access, page.results, other_tabs=page.other_tabs, **shared
        )
        self.replay = ReplayHandlers(judged, services.backends, page.replay, page_tabs=page.tabs, **shared)
        self.all: list[Wired] = [self.results, self.replay]
        if moderation:
            self.all.append(ModerationHandlers(judged, moderation, withdrawals, page.replay, **shared))
        if page.chat:
            self.chat = ChatHandlers(services.backends, prompts, services.ballots, access, page.chat, **shared)
            self.all.append(self.chat)
        if page.judging and services.rooms:
            self.judging = JudgeHandlers(services.rooms, prompts, withdrawals, results, access, page.judging, **shared)
            self.all.append(self.judging)
        if page.live and services.live:
            self.live = LiveHandlers(services.live, prompts, withdrawals, access, page.live, **shared)
            self.all.append(self.live)
        if page.report and services.reports:
            self.all.append(ReportHandlers(services.reports, access, page.report, **shared))
        if page.batch and services.batch:
            self.batch = BatchHandlers(services.batch, prompts, access, page.batch, tabs)
            self.all.append(self.batch)
        if page.class_tab and services.rooms:
            site = services.site
            self.rooms = RoomHandlers(
                services.rooms, results, site.public_url, site.backup, access, page.class_tab, tabs
            )
            self.all.append(self.rooms)

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        parts = (self.results, self.chat, self.judging, self.live, self.batch, self.rooms)
        return [component for part in parts if part for component in part.outputs]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        """What all tabs show now, as properties."""
        props: Props = {}
        for part in (self.results, self.chat, self.live):
            props |= part.render(tab) if part else {}
        props |= self.judging.whole(tab) if self.judging else {}
        for admin_part in (self.batch, self.rooms):
            props |= admin_part.render(tab, request) if admin_part else {}
        return props


def _wire_language(demo: gr.Blocks, page: Page, handlers: _Handlers, services: Services, tabs: Tabs) -> None:
    def show(tab: Tab, stored: dict[str, str], request: gr.Request) -> Updates:
        updates = page.labels.relabel(tab.lang)
        banner = backup_banner(tab.lang, services.site.backup)
        updates[page.backup] = gr.update(value=banner, visible=bool(banner))
        for block, props in handlers.render(tab, request).items():
            updates[block] = {**updates.get(block, {}), **gr.update(**props)}
        return {**updates, page.browser: stored}

    def on_load(stored: Stored, request: gr.Request) -> Updates:
        tab, stored = tabs.get(request), stored or {}
        tab.lang = stored.get("lang") or tab.lang
        if handlers.judging:
            handlers.judging.opened(tab, stored, request.query_params.get("room", ""))
        return show(tab, {"rater": stored.get("rater") or uuid.uuid4().hex, "lang": stored.get("lang", "")}, request)

    def switch(stored: Stored, request: gr.Request) -> Updates:
        tab = tabs.get(request)
        tab.lang = "en" if tab.lang == "zh" else "zh"
        return show(tab, {"rater": (stored or {}).get("rater", ""), "lang": tab.lang}, request)

    outputs = list(dict.fromkeys([*page.labels.components, *handlers.outputs, page.backup, page.browser]))
    page.language.click(switch, page.browser, outputs, queue=False, **PRIVATE)
    demo.load(on_load, page.browser, outputs, queue=False, **PRIVATE)
