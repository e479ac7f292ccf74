"""ASGI middleware: security headers on every response, and only the requests that the page and its API need."""

import re
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
# A prompt of the maximum length is 5 MB if every character is escaped.
MAX_BYTES = 8 * 2**20

# gradio serves much more: uploads from anybody, a proxy, monitoring, plain HTTP calls of its API.
_ALLOWED = {
    "GET": re.compile(
        r"/(?:"
        r"|config/?|theme\.css|favicon\.ico|robots\.txt|assets/.+|static/.+|svelte/.+"
        r"|gradio_api/(?:info/?|theme\.css|startup-events|heartbeat/[^/]+|queue/data|call/[^/]+/[^/]+|file=.+)"
        r")",
        re.DOTALL,
    ),
    # The browser calls handlers that need no queue by run/predict.
    "POST": re.compile(r"/gradio_api/(?:queue/join|run/predict|call/[^/]+|cancel|reset)/?"),
}
_ALLOWED["HEAD"] = _ALLOWED["GET"]


class SecurityHeaders:
    """Adds HEADERS to every response, in place of the app's own headers of these names."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
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


class RequestFilter:
    """Answers 404 to every path that is not allowed and 413 to a body over MAX_BYTES; cuts off one of unknown size."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif not is_allowed(scope["method"], scope["path"].removeprefix(scope.get("root_path", ""))):
            await _refuse(send, 404)
        elif _content_length(scope) > MAX_BYTES:
            await _refuse(send, 413)
        else:
            await self._app(scope, _limited(receive), send)


def is_allowed(method: str, path: str) -> bool:
    """Whether the page, its assets, the queue, the named endpoints, gradio_client or a health check asks for this."""
    pattern = _ALLOWED.get(method)
    return pattern is not None and pattern.fullmatch(path) is not None


def _content_length(scope: Scope) -> int:
    length = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
    return int(length) if length.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    """The same request, which looks like one whose client has disconnected as soon as it is too large."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > MAX_BYTES else message

    return receive_limited


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
