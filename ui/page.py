"""The page as a whole: builds it and says how it is launched. Knows no model and no file but its own assets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from ui.api import Api
from ui.chat_events import PRIVATE, ChatEvents, Updates
from ui.layout import Page, lay_out
from ui.session import Services, lang_of
from ui.vote_events import VoteEvents

ASSETS = Path(__file__).parent / "assets"
QUEUE_SIZE = 256
# Fonts that are already on the reader's machine: the page asks no other host for anything.
FONTS = ["system-ui", "-apple-system", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
MONO_FONTS = ["ui-monospace", "Consolas", "Noto Sans Mono CJK SC", "monospace"]


def build_page(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page, and the keywords that its launch needs."""
    with gr.Blocks(title="Qwen × ChatGLM", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        page = lay_out(services)
        # First, so that no handler of the page takes one of the public names.
        Api(services).wire()
        chat = ChatEvents(services, page)
        chat.wire()
        VoteEvents(services, page).wire()
        _wire_language(services, page, chat)
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
        "head": f"<script>{(ASSETS / 'keys.js').read_text(encoding='utf-8')}</script>",
        "footer_links": ["settings"],
        "ssr_mode": False,
        "share": False,
        "mcp_server": False,
        "pwa": False,
        "run_history": False,
        "show_error": False,
        "max_file_size": "1mb",
    }


def _wire_language(services: Services, page: Page, chat: ChatEvents) -> None:
    def apply(lang: str, kept: dict[str, str], request: gr.Request) -> Updates:
        live = {
            block: gr.update(**props)
            for block, props in chat.render(lang, services.chats.get(request.session_hash)).items()
        }
        updates = page.labels.relabel(lang)
        for block, update in live.items():
            updates[block] = {**updates.get(block, {}), **update}
        return {**updates, page.lang: lang, page.kept: kept}

    def on_load(kept: dict[str, str] | None, request: gr.Request) -> Updates:
        kept = {"rater": (kept or {}).get("rater") or uuid.uuid4().hex, "lang": (kept or {}).get("lang", "")}
        return apply(lang_of(services, request, kept["lang"]), kept, request)

    def switch(lang: str, kept: dict[str, str] | None, request: gr.Request) -> Updates:
        lang = "en" if lang_of(services, request, lang) == "zh" else "zh"
        return apply(lang, {"rater": (kept or {}).get("rater", ""), "lang": lang}, request)

    outputs = list(dict.fromkeys([*page.labels.components, *chat.outputs, page.lang, page.kept]))
    page.language.click(switch, [page.lang, page.kept], outputs, queue=False, **PRIVATE)
    gr.context.Context.root_block.load(on_load, page.kept, outputs, queue=False, **PRIVATE)  # type: ignore[union-attr]
