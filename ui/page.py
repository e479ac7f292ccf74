"""Builds the page and says how it is launched."""

import uuid
from pathlib import Path
from typing import Any

import gradio as gr

from arena.chat import MAX_CHATS
from ui.about import backup_banner
from ui.access import Stored
from ui.api import Api
from ui.gradio.compat import is_known_version, make_blocks, middleware, poll_less
from ui.layout import Page
from ui.services import Services
from ui.tabs import Tab
from ui.updates import UNQUEUED, Updates

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
