"""Caches the page for everybody who opens it by the same address."""

import re
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The headers that the page depends on: its address, as far as proxies tell it, and the compression.
_VARYING = (b"host", b"accept-encoding", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")
# Query parameters for which gradio renders another page.
_OTHER_PAGES = {"deep_link", "all_endpoints"}
# A client may send any host, so the cache has a limit.
MAX_PAGES = 16
# A proxy, such as a notebook's, may serve the app under a prefix that the app does not know: the browser knows it.
# Without the slash at its end, everything would be looked for one folder higher.
_ROOT_SCRIPT = (
    b'<script>if (!location.pathname.endsWith("/"))'
    b" location.replace(location.pathname + '/' + location.search + location.hash);"
    b' window.gradio_config.root = new URL(".", location.href).href.replace(/\\/$/, "");</script>'
)
_BEFORE = b"<script data-gradio-mode>"
_ROOT = re.compile(rb'const root = "[^"]*";')

Key = tuple[object, ...]


class FrontPage:
    """ASGI middleware that caches the app's answer to GET /.

    gradio 6.31 renders its 250 kB again for each reader, which keeps a core busy for a tenth of a second. The page is
    the same for all readers, since nobody logs in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Only the server's one event loop uses it.
        self._pages: OrderedDict[Key, list[Message]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        for message in self._pages.get(key) or await self._render(key, scope, receive):
            await send(message)

    async def _render(self, key: Key, scope: Scope, receive: Receive) -> list[Message]:
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        page = _with_root_script(messages)
        if page[0]["status"] == 200 and not any(name.lower() == b"set-cookie" for name, _ in page[0]["headers"]):
            self._pages[key] = page
            if len(self._pages) > MAX_PAGES:
                self._pages.popitem(last=False)
        return page


def _with_root_script(messages: list[Message]) -> list[Message]:
    """The response in one piece, with a script that tells gradio's own scripts the address of the page."""
    start, *rest = messages
    body = b"".join(message.get("body", b"") for message in rest).replace(_BEFORE, _ROOT_SCRIPT + _BEFORE, 1)
    body = _ROOT.sub(b"const root = window.gradio_config.root;", body, count=1)
    MutableHeaders(scope=start)["content-length"] = str(len(body))
    return [start, {"type": "http.response.body", "body": body}]


def _key(scope: Scope) -> Key | None:
    """What the page depends on; None for a request that is not for the page."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    if scope["path"].removeprefix(scope.get("root_path", "")) != "/":
        return None
    if _OTHER_PAGES & parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).keys():
        return None
    headers = tuple((name, value) for name, value in scope["headers"] if name in _VARYING)
    return (scope.get("scheme"), scope.get("root_path", ""), headers)
