"""A server on loopback that answers chat requests as real vendors do, well or badly."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from loopback_server import LoopbackServer

from backends.openai.backend import OpenAIBackend, openai_spec

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
NAMES = json.dumps({"object": "list", "data": [{"id": "m", "owned_by": "vllm", "object": "model"}]})


def sse(body: object) -> str:
    """One event of a stream."""
    return f"data: {body if isinstance(body, str) else json.dumps(body)}\n\n"


def event(**fields: Any) -> str:
    return sse({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", **fields})


def choice(**fields: Any) -> str:
    return event(choices=[{"index": 0, "finish_reason": None, **fields}])


def delta(**fields: Any) -> str:
    return choice(delta=fields)


def finish(reason: str | None = "stop") -> str:
    return choice(delta={}, finish_reason=reason)


DONE = "data: [DONE]\n\n"
END = finish() + DONE


@contextmanager
def answering(
    answer: Answer,
    owner: str = "vllm",
    names: tuple[int, str] | None = None,
    base: str = "/v1",
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """A server below `base` whose chat is `answer`; its address. `names` are the status and text of its model list."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            status, text = names or (200, NAMES.replace("vllm", owner))
            found = self.path == f"{base}/models"
            say(self, text if found else "<html><title>Not here</title></html>", status if found else 404)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != f"{base}/chat/completions":
                say(self, '{"detail": "Not Found"}', 404)
            elif not body:
                say(self, '{"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}', 422)
            else:
                answer(self, body)

    running = LoopbackServer(Handler)
    if tls:
        running._server.socket = tls.wrap_socket(running._server.socket, server_side=True)
    with running.serving():
        yield f"{running.url.replace('http', 'https' if tls else 'http')}{base}"


def say(
    handler: BaseHTTPRequestHandler, text: str, status: int = 200, kind: str = "application/json", **headers: str
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(text.encode())


def streaming(*pieces: str) -> Answer:
    return lambda handler, request: say(handler, "".join(pieces), kind="text/event-stream")


def saying(text: str, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return lambda handler, request: say(handler, text, status, kind, **headers)


def on(url: str, model: str = "m") -> OpenAIBackend:
    return OpenAIBackend(openai_spec(f"openai:{url}#{model}"))
