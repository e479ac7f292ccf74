"""ASGI middleware: security headers on every response, and only the requests that the page and its API need."""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gradio.faults import log_fault

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
        r"|gradio_api/(?:app_id/?|info/?|theme\.css|startup-events|heartbeat/[^/]+|queue/data|call/[^/]+/[^/]+|file=.+)"
        r")",
        re.DOTALL,
    ),
    # The browser calls handlers that need no queue by run/predict.
    "POST": re.compile(r"/gradio_api/(?:queue/join|run/predict|call/[^/]+|cancel|reset)/?"),
}
_ALLOWED["HEAD"] = _ALLOWED["GET"]
LOGIN_PATHS = ("/login/huggingface", "/login/callback", "/logout")
_FOREIGN = (
    "This page is served to this machine only. To open it under another name, start it with ARENA_PUBLIC_URL=ADDRESS.\n"
    "此页面只供本机访问。如需用其他域名打开，请在启动时设置 ARENA_PUBLIC_URL=网址。\n"
)


class RequestFilter:
    """Adds HEADERS to every response, in place of the app's own headers of these names.

    It answers 404 to every path that is not allowed and 413 to a body over MAX_BYTES; cuts off one of unknown size.
    Unless `hosts` is None it answers 421 to a request for any host but this machine and those: a page elsewhere whose
    name suddenly leads to 127.0.0.1 (DNS rebinding) would read everything as if it came from here. It answers 403 to
    pages of other origins. Those of a login are allowed if there is one.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None = None, has_login: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._has_login = has_login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. A fault of the app ends the answer, with one line in the log."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started, message = True, dict(message)
                if message["status"] == 500 and scope["method"] == "POST":  # a call that fails was not a valid one
                    message["status"] = 400
                headers = MutableHeaders(scope=message)
                is_stream = headers.get("content-type", "").startswith("text/event-stream")
                headers.update(HEADERS | _UNBUFFERED if is_stream else HEADERS)
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(scope, _limited(receive), send_on)
        except Exception as error:  # noqa: BLE001 (the log has it)
            log_fault(f"{scope['method']} {scope['path']}", error)
            if started:
                await send({"type": "http.response.body", "body": b""})
            else:
                await Response(status_code=400)(scope, receive, send_on)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that the app must not see."""
        headers, method = Headers(scope=scope), scope["method"]
        host, origin, length = (headers.get(name, "") for name in ("host", "origin", "content-length"))
        if self._hosts is not None:
            if not is_loopback(hostname(host)) and hostname(host) not in self._hosts:
                return PlainTextResponse(_FOREIGN, 421)
            # gradio itself answers pages on any port of this machine.
            if origin and origin.partition("//")[2] != host and hostname(origin) not in self._hosts:
                return Response(status_code=403)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_login = self._has_login and method == "GET" and path in LOGIN_PATHS
        if not is_login and not is_allowed(method, path):
            return Response(status_code=404)
        return Response(status_code=413) if length.isdigit() and int(length) > MAX_BYTES else None


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


def _limited(receive: Receive) -> Receive:
    """The same request, which looks like one whose client has disconnected as soon as it is too large."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > MAX_BYTES else message

    return receive_limited
