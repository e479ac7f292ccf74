"""The page as a whole: builds it and says how it is launched. Knows no model and no file but its own assets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from ui.api import Api
from ui.chat_events import PRIVATE, ChatEvents, Updates
from ui.judging.events import JudgeEvents
from ui.layout import Page, lay_out
from ui.session import Services, Tab, Tabs
from ui.vote_events import VoteEvents

ASSETS = Path(__file__).parent / "assets"
QUEUE_SIZE = 256
# Fonts that are already on the reader's machine: the page asks no other host for anything.
FONTS = ["system-ui", "-apple-system", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
MONO_FONTS = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]

# Should a model's text ever get past ui/display.py, it still loads nothing from elsewhere and sends nothing there.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"img-src 'self' data: blob:; media-src 'self' blob:; form-action 'self'; base-uri 'self'\">"
)


def build_page(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the keywords that its launch needs."""
    with gr.Blocks(title="Qwen × ChatGLM", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        page = lay_out(services)
        # First, so that no handler of the page takes one of the public names.
        Api(services).wire()
        tabs = Tabs(services)
        chat = ChatEvents(services, page, tabs)
        chat.wire()
        VoteEvents(services, page, tabs).wire()
        judging = None
        if services.desk and page.judging:
            judging = JudgeEvents(services, services.desk, page.judging, tabs, page.kept)
            judging.wire()
        _wire_language(demo, page, chat, judging, tabs)
        demo.unload(_on_unload(services))
    # Not for the open web alone: a plain HTTP call must wait in the queue like everyone else.
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=16, api_open=False)
    return demo, _launch_keywords(page)


def _on_unload(services: Services) -> Callable[..., None]:
    def close_tab(request: gr.Request) -> None:
        services.chats.close(request.session_hash)

    return close_tab


def _launch_keywords(page: Page) -> dict[str, Any]:
    return {
        "i18n": page.labels.i18n,
        "theme": gr.themes.Soft(font=FONTS, font_mono=MONO_FONTS),
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
    }


def _wire_language(demo: gr.Blocks, page: Page, chat: ChatEvents, judging: JudgeEvents | None, tabs: Tabs) -> None:
    def show(tab: Tab, kept: dict[str, str]) -> Updates:
        updates = page.labels.relabel(tab.lang)
        rendered = {**chat.render(tab), **(judging.render(tab) if judging else {})}
        for block, props in rendered.items():
            updates[block] = {**updates.get(block, {}), **gr.update(**props)}
        return {**updates, page.kept: kept}

    def on_load(kept: dict[str, str] | None, request: gr.Request) -> Updates:
        tab, kept = tabs.get(request), kept or {}
        tab.lang = kept.get("lang") or tab.lang
        if judging:
            judging.opened(tab, kept)
        return show(tab, {"rater": kept.get("rater") or uuid.uuid4().hex, "lang": kept.get("lang", "")})

    def switch(kept: dict[str, str] | None, request: gr.Request) -> Updates:
        tab = tabs.get(request)
        tab.lang = "en" if tab.lang == "zh" else "zh"
        return show(tab, {"rater": (kept or {}).get("rater", ""), "lang": tab.lang})

    judged = judging.outputs if judging else []
    outputs = list(dict.fromkeys([*page.labels.components, *chat.outputs, *judged, page.kept]))
    page.language.click(switch, page.kept, outputs, queue=False, **PRIVATE)
    demo.load(on_load, page.kept, outputs, queue=False, **PRIVATE)
