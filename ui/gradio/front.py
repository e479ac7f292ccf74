"""The page itself: made once for everybody who comes by the same address, and at home under any. Knows no component."""

from __future__ import annotations

import re
from collections import OrderedDict
from urllib.parse import parse_qs

from ui.gradio.headers import App, Message, Receive, Scope, Send

# What the page holds of a request: the address that it was asked by, as far as proxies tell. And how it is packed.
_ASKED = (b"host", b"accept-encoding", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")
# Parameters that gradio answers with another page.
_OTHERS = {"deep_link", "all_endpoints"}
# Whoever asks may name any host: no more pages than that are kept.
MOST_PAGES = 16
# Where the app is for the browser: a proxy, such as a notebook's, may have put it under a prefix that nobody told here.
_HERE = b'<script>window.gradio_config.root = new URL(".", location.href).href.replace(/\\/$/, "");</script>'
_BEFORE = b"<script data-gradio-mode>"
_ROOT = re.compile(rb'const root = "[^"]*";')

Key = tuple[object, ...]


class FrontPage:
    """ASGI middleware that keeps what an app answers to GET /.

    gradio 6.31 makes a quarter of a megabyte anew for each reader, which takes a core a tenth of a second; it is the
    same for all, since nobody logs in.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        # Only touched by the server's one event loop.
        self._pages: OrderedDict[Key, list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        page = self._pages.get(key) or await self._made(key, scope, receive)
        for message in page:
            await send(message)

    async def _made(self, key: Key, scope: Scope, receive: Receive) -> list[Message]:
        made: list[Message] = []

        async def note(message: Message) -> None:
            made.append(message)

        await self._app(scope, receive, note)
        page = _at_home(made)
        if page[0]["status"] == 200 and not any(name.lower() == b"set-cookie" for name, _ in page[0]["headers"]):
            self._pages[key] = page
            if len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
        return page


def _at_home(made: list[Message]) -> list[Message]:
    """The answer in one piece, with the script that tells gradio's own where it is."""
    start, *rest = made
    body = b"".join(message.get("body", b"") for message in rest)
    body = _ROOT.sub(b"const root = window.gradio_config.root;", body.replace(_BEFORE, _HERE + _BEFORE, 1), count=1)
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    return [{**start, "headers": [*headers, length]}, {"type": "http.response.body", "body": body}]


def _key(scope: Scope) -> Key | None:
    """What the page depends on; None for what is no page."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    if scope["path"].removeprefix(scope.get("root_path", "")) != "/":
        return None
    if _OTHERS & parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).keys():
        return None
    asked = tuple(value for name, value in scope["headers"] if name in _ASKED)
    names = tuple(name for name, _ in scope["headers"] if name in _ASKED)
    return (scope.get("scheme"), scope.get("root_path", ""), names, asked)
