"""The page as a whole: builds it and says how it is launched. Knows no model and no file but its own assets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import Block
from starlette.middleware import Middleware

from arena.chat import MAX_CHATS
from ui.api import Api
from ui.backup import backup_banner
from ui.batch.handlers import BatchHandlers
from ui.chat.handlers import ChatHandlers
from ui.chat.vote import VoteHandlers
from ui.gradio.front import FrontPage
from ui.gradio.headers import SecurityHeaders
from ui.gradio.lean import LeanBlocks
from ui.gradio.request_filter import RequestFilter
from ui.judging.handlers import JudgeHandlers
from ui.judging.live_handlers import LiveHandlers
from ui.layout import Page, lay_out
from ui.replay.handlers import ReplayHandlers
from ui.replay.moderation import ModerationHandlers
from ui.report.handlers import ReportHandlers
from ui.results.handlers import ResultsHandlers
from ui.rooms.handlers import RoomHandlers
from ui.session import Services, Tab, Tabs
from ui.theme import theme
from ui.updates import PRIVATE, Props, Updates

ASSETS = Path(__file__).parent / "assets"
TITLE = "Qwen × ChatGLM"
QUEUE_SIZE = 256
# Should a model's text ever get past ui/display.py, it still loads nothing from elsewhere and sends nothing there.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"img-src 'self' data: blob:; media-src 'self' blob:; form-action 'self'; base-uri 'self'\">"
)


def build_page(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the keywords that its launch needs."""
    with LeanBlocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        page = lay_out(services)
        # First, so that no handler of the page takes one of the public names.
        Api(services).wire()
        tabs = Tabs(services)
        handlers = _Handlers(services, page, tabs)
        for part in handlers.all:
            part.wire()
        _wire_language(demo, page, handlers, services, tabs)
        handlers.replay.wire_link(demo)
        demo.unload(_on_unload(services))
    # Not for the open web alone: a plain HTTP call must wait in the queue like everyone else.
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
        "theme": theme(),
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
        "app_kwargs": {"middleware": [Middleware(SecurityHeaders), Middleware(RequestFilter), Middleware(FrontPage)]},
    }


class Wired(Protocol):
    """The handlers of one tab."""

    def wire(self) -> None:
        """Attach them."""
        ...


class _Handlers:
    """The handlers of the tabs that there are."""

    def __init__(self, services: Services, page: Page, tabs: Tabs) -> None:
        self.chat: ChatHandlers | None = None
        self.judging: JudgeHandlers | None = None
        self.live: LiveHandlers | None = None
        self.batch: BatchHandlers | None = None
        self.classroom: RoomHandlers | None = None
        others = [tab for tab in page.tabs.children if isinstance(tab, gr.Tab) and tab is not page.results.tab]
        self.results = ResultsHandlers(services, page.results, tabs, page.kept, others)
        self.replay = ReplayHandlers(services, page.replay, tabs, page.kept, page.tabs)
        self.all: list[Wired] = [self.results, self.replay]
        if services.hidden:
            self.all.append(ModerationHandlers(services, services.hidden, page.replay, tabs, page.kept))
        if page.chat:
            self.chat = ChatHandlers(services, page.chat, tabs)
            self.all += [self.chat, VoteHandlers(services, page.chat, tabs, page.kept)]
        if page.judging and services.rooms:
            self.judging = JudgeHandlers(services, services.rooms, page.judging, tabs, page.kept)
            self.all.append(self.judging)
        if page.live and services.live:
            self.live = LiveHandlers(services, services.live, page.live, tabs, page.kept)
            self.all.append(self.live)
        if page.report and services.reports:
            self.all.append(ReportHandlers(services, services.reports, page.report, tabs, page.kept))
        if page.batch and services.batch:
            self.batch = BatchHandlers(services, services.batch, page.batch, tabs)
            self.all.append(self.batch)
        if page.classroom and services.admin and services.rooms:
            self.classroom = RoomHandlers(services, services.admin, services.rooms, page.classroom, tabs)
            self.all.append(self.classroom)

    @property
    def outputs(self) -> list[Block]:
        """Every component that `render` may update."""
        parts = (self.results, self.chat, self.judging, self.live, self.batch, self.classroom)
        return [component for part in parts if part for component in part.outputs]

    def render(self, tab: Tab, request: gr.Request) -> Props:
        """What all tabs show now, as properties."""
        props: Props = {}
        for part in (self.results, self.chat, self.live):
            props |= part.render(tab) if part else {}
        props |= self.judging.whole(tab) if self.judging else {}
        for desk in (self.batch, self.classroom):
            props |= desk.render(tab, request) if desk else {}
        return props


def _wire_language(demo: gr.Blocks, page: Page, handlers: _Handlers, services: Services, tabs: Tabs) -> None:
    def show(tab: Tab, kept: dict[str, str], request: gr.Request) -> Updates:
        updates = page.labels.relabel(tab.lang)
        banner = backup_banner(tab.lang, services.backup)
        updates[page.backup] = gr.update(value=banner, visible=bool(banner))
        for block, props in handlers.render(tab, request).items():
            updates[block] = {**updates.get(block, {}), **gr.update(**props)}
        return {**updates, page.kept: kept}

    def on_load(kept: dict[str, str] | None, request: gr.Request) -> Updates:
        tab, kept = tabs.get(request), kept or {}
        tab.lang = kept.get("lang") or tab.lang
        if handlers.judging:
            handlers.judging.opened(tab, kept, request.query_params.get("room", ""))
        return show(tab, {"rater": kept.get("rater") or uuid.uuid4().hex, "lang": kept.get("lang", "")}, request)

    def switch(kept: dict[str, str] | None, request: gr.Request) -> Updates:
        tab = tabs.get(request)
        tab.lang = "en" if tab.lang == "zh" else "zh"
        return show(tab, {"rater": (kept or {}).get("rater", ""), "lang": tab.lang}, request)

    outputs = list(dict.fromkeys([*page.labels.components, *handlers.outputs, page.backup, page.kept]))
    page.language.click(switch, page.kept, outputs, queue=False, **PRIVATE)
    demo.load(on_load, page.kept, outputs, queue=False, **PRIVATE)
