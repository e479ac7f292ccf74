"""Connections to a server: its key, the proxy on the way to it, and why it cannot be reached."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator, Generator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from arena.errors import BackendError
from backends.streaming.generation import Events

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
KEY = "OPENAI_API_KEY"
CONNECT_SECONDS = 10.0
# How long a closed stream waits for its thread.
CLOSE_SECONDS = 5.0


def key_in_environment() -> str:
    """The key, without what copying adds to it: line ends, quotes, the word Bearer. Raises BackendError."""
    key = os.environ.get(KEY, "").strip().strip("\"'").removeprefix("Bearer ").strip("\ufeff\u200b \t\r\n")
    if not (key.isascii() and key.isprintable()):
        message = f"{KEY} has characters that no key can have. Copy the key again."
        raise BackendError("openai_key", message, name=KEY)
    return key


def open_client(url: str, silence: float) -> httpx.AsyncClient:
    """A client for the server at `url`; close it after use. Raises BackendError for a proxy that cannot be used."""
    import httpx

    # Not the library's own reading of the environment: it fails for a proxy that it does not know, needed or not.
    (proxy, variable), key = proxy_for(url), key_in_environment()
    try:
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(silence, connect=CONNECT_SECONDS),
            follow_redirects=True,
            proxy=proxy or None,
            trust_env=False,
            verify=_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        needs = "pip install socksio" if isinstance(error, ImportError) else "use http:// or socks5://"
        message = f"The proxy in {variable} cannot be used: {needs}, or add the server to NO_PROXY."
        raise BackendError("openai_proxy", message, name=variable, needs=needs) from error


@cache
def _certificates(*names: str | None) -> ssl.SSLContext:
    """The certificates to trust, read once for these files, since reading them takes 20 ms."""
    import httpx

    return httpx.create_ssl_context(trust_env=any(names))


def proxy_for(url: str) -> tuple[str, str]:
    """The proxy on the way to `url` and the variable that names it; "" for none. This machine is never behind one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_here(host) or proxy_bypass(parts.netloc) or proxy_bypass(host):
        return "", ""
    proxies = getproxies_environment()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), "")
    return proxies.get(kind, ""), f"{kind}_proxy" if kind else ""


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def unreachable(error: Exception, url: str, name: str) -> BackendError:
    """The error for a server that is out of reach; names the proxy, without its login."""
    import httpx

    if isinstance(error, httpx.ReadTimeout):
        return BackendError("openai_silent", f"{url} has not answered for too long.", model=name)
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause or "SSL" in str(error):
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", None) or str(error)
        message = f"No secure connection to {url} ({reason}). For an own certificate set SSL_CERT_FILE."
        return BackendError("openai_tls", message, model=name, reason=reason)
    proxy, variable = proxy_for(url)
    through = f", through the proxy {urlsplit(proxy).hostname} in {variable}" if proxy else ""
    reason = f"{str(error) or type(error).__name__}{through}"
    return BackendError("openai_away", f"{url} cannot be reached ({reason}).", model=name, reason=reason)


def run_in_thread(request: AsyncIterator[T]) -> Generator[T | None]:
    """The events of one request; None is a keep-alive. Closing it ends the request. Raises what the request raises."""
    events: Events[T] = Events()
    loop = asyncio.new_event_loop()

    async def forward() -> None:
        async for event in request:
            events.put(event)

    task = loop.create_task(forward())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        finally:
            # Not an asyncio.Runner: it would wait for a name that is still being looked up.
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(task.cancel)

    with events.filled_by(run, cancel, "openai", CLOSE_SECONDS):
        yield from events
