"""The page itself, made once for everybody who comes by the same address. Knows no component."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import parse_qs

from ui.headers import App, Message, Receive, Scope, Send

# What the page holds of a request: the address that it was asked by, as far as proxies tell. And how it is packed.
_ASKED = (b"host", b"accept-encoding", b"x-forwarded-host", b"x-forwarded-proto", b"x-gradio-server")
# Parameters that gradio answers with another page.
_OTHERS = {"deep_link", "all_endpoints"}
# Whoever asks may name any host: no more pages than that are kept.
MOST_PAGES = 16

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
        elif page := self._pages.get(key):
            self._pages.move_to_end(key)
            for message in page:
                await send(message)
        else:
            await self._make(key, scope, receive, send)

    async def _make(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        made: list[Message] = []

        async def note(message: Message) -> None:
            made.append(message)
            await send(message)

        await self._app(scope, receive, note)
        is_whole = made and made[0].get("status") == 200 and not made[-1].get("more_body")
        if is_whole and not any(name.lower() == b"set-cookie" for name, _ in made[0]["headers"]):
            self._pages[key] = made
            if len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)


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
