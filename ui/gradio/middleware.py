"""ASGI middleware: security headers on every response, and only the requests that the page and its API need."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from ui.gradio.faults import log_fault

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
# nginx passes on 8 kB at a time unless a response says no; others compress it, which holds it back as well.
_UNBUFFERED = {"x-accel-buffering": "no", "cache-control": "no-cache, no-transform"}
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
_SIGN_IN_PATHS = ("/login/huggingface", "/login/callback", "/logout")
_FOREIGN = (
    "This page is served to this machine only. To open it under another name, start it with ARENA_PUBLIC_URL=ADDRESS.\n"
    "此页面只供本机访问。如需用其他域名打开，请在启动时设置 ARENA_PUBLIC_URL=网址。\n"
)


class SecurityHeaders:
    """Adds HEADERS to every response, in place of the app's own headers of these names."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower(), value) for name, value in message["headers"]]
                added = HEADERS
                if any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in own):
                    added = HEADERS | _UNBUFFERED
                own = [(name, value) for name, value in own if name.decode() not in added]
                more = [(name.encode(), value.encode()) for name, value in added.items()]
                message = {**message, "headers": [*own, *more]}
            await send(message)

        await self._app(scope, receive, send_more)


class RequestFilter:
    """Answers 404 to every path that is not allowed and 413 to a body over MAX_BYTES; cuts off one of unknown size.

    Unless `hosts` is None it answers 421 to a request for any host but this machine and those: a page elsewhere whose
    name suddenly leads to 127.0.0.1 (DNS rebinding) would read everything as if it came from here. It answers 403 to
    pages of other origins. The paths of a sign-in are open if there `has_sign_in`.
    """

    def __init__(self, app: App, hosts: frozenset[str] | None = None, has_sign_in: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._has_sign_in = has_sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif self._hosts is not None and not self._is_ours(hostname(_header(scope, b"host"))):
            await _refuse(send, 421, _FOREIGN.encode())
        elif self._hosts is not None and not self._is_own(_header(scope, b"origin"), _header(scope, b"host")):
            await _refuse(send, 403)
        elif not self._is_open(scope["method"], scope["path"].removeprefix(scope.get("root_path", ""))):
            await _refuse(send, 404)
        elif _content_length(scope) > MAX_BYTES:
            await _refuse(send, 413)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's answer. A fault ends it, with one line in the log; a call that fails was not a valid one."""
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if message["status"] == 500 and scope["method"] == "POST":
                    message = {**message, "status": 400}
            await send(message)

        try:
            await self._app(scope, _limited(receive), send_on)
        except Exception as error:  # noqa: BLE001 (the log has it)
            log_fault(f"{scope['method']} {scope['path']}", error)
            if started:
                await send({"type": "http.response.body", "body": b""})
            else:
                await _refuse(send, 400)

    def _is_open(self, method: str, path: str) -> bool:
        return is_allowed(method, path) or (self._has_sign_in and method == "GET" and path in _SIGN_IN_PATHS)

    def _is_own(self, origin: str, host: str) -> bool:
        """Whether no other page asks: gradio answers pages on any port of this machine."""
        return not origin or origin.partition("//")[2] == host or hostname(origin) in (self._hosts or ())

    def _is_ours(self, host: str) -> bool:
        return is_loopback(host) or host in (self._hosts or ())


def hostname(address: str) -> str:
    """The name in a Host header or of a web address, in lower case, without the port; "" if there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host name or address always means the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_allowed(method: str, path: str) -> bool:
    """Whether the page, its assets, the queue, the named endpoints, gradio_client or a health check asks for this."""
    pattern = _ALLOWED.get(method)
    return pattern is not None and pattern.fullmatch(path) is not None


def _content_length(scope: Scope) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted), "")


def _limited(receive: Receive) -> Receive:
    """The same request, which looks like one whose client has disconnected as soon as it is too large."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > MAX_BYTES else message

    return receive_limited


async def _refuse(send: Send, status: int, body: bytes = b"") -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
