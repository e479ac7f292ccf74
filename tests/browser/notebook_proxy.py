"""The proxy of a notebook, on the loopback: pages under a prefix that the app behind it never sees.

It speaks plain HTTP, passes no websocket on, and tells the app nothing of the address that was asked for.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

PREFIX = "/dsw-12345/proxy/7860"
# What belongs to one connection, and what httpx writes by itself.
_OWN = {"host", "connection", "content-length", "transfer-encoding", "keep-alive", "accept-encoding", "origin"}


@contextmanager
def notebook_proxy(app_url: str) -> Iterator[tuple[str, list[str]]]:
    """In front of the app: the page's address from outside, and the paths asked for outside the prefix."""
    strayed: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not re.match(rf"{PREFIX}(?:[/?]|$)", self.path) or self.headers.get("Upgrade"):
                strayed.append(self.path)
                self.send_error(404)
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            with httpx.stream(
                self.command,
                f"{app_url.rstrip('/')}/{self.path.removeprefix(PREFIX).removeprefix('/')}",
                content=body,
                headers={**headers, "accept-encoding": "identity"},
                timeout=None,
                trust_env=False,
            ) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in _OWN:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for piece in answer.iter_raw():
                    self.wfile.write(piece)
                    self.wfile.flush()

        def _safely(self) -> None:
            try:
                self._pass_on()
            except (OSError, httpx.HTTPError):  # the reader has left
                self.close_connection = True

        do_GET = do_POST = do_HEAD = _safely

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}/", strayed
    finally:
        server.shutdown()
        server.server_close()
