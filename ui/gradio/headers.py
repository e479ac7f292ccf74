"""Headers that every response of the page carries. Knows no component."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Who may show the page in a frame: itself, and the pages of the hubs that host it.
_FRAMES = "'self' https://huggingface.co https://*.modelscope.cn https://modelscope.cn"
HEADERS = {
    "content-security-policy": f"frame-ancestors {_FRAMES}; object-src 'none'; base-uri 'self'; form-action 'self'",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # An address may hold a battle's id or a room's code.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


class SecurityHeaders:
    """ASGI middleware that adds HEADERS to what an app answers, in place of its own headers of these names."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message["headers"] if name.decode().lower() not in HEADERS]
                message = {**message, "headers": [*own, *added]}
            await send(message)

        await self._app(scope, receive, send_more)
