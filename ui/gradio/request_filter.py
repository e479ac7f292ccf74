"""Which requests come in: none for what the page does not use, and none larger than it sends. Knows no component.

gradio serves more than this page needs: it takes files from anybody, and keeps them for an hour.
"""

from __future__ import annotations

import re

from ui.gradio.headers import App, Message, Receive, Scope, Send

# A prompt of the greatest length is 5 MB where each character is escaped.
MOST_BYTES = 8 * 2**20
_SHUT = re.compile(
    r"(?:/gradio_api)?/(?:upload|upload_progress|deep_link|stream/.*|proxy=.*|monitoring(?:/.*)?|dev/reload)/*",
    re.DOTALL,
)


class RequestFilter:
    """ASGI middleware that answers 404 to what is shut, and 413 to what is too large or ends it as soon as it is."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _SHUT.fullmatch(scope["path"].removeprefix(scope.get("root_path", ""))):
            await _refuse(send, 404)
        elif _told_bytes(scope) > MOST_BYTES:
            await _refuse(send, 413)
        else:
            await self._app(scope, _limited(receive), send)


def _told_bytes(scope: Scope) -> int:
    told = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"0")
    return int(told) if told.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    """The same request, cut off like one whose sender is gone once it is too large."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > MOST_BYTES else message

    return take


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
