"""What the page does not use is shut, and nobody sends more than it could."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from served_app import ServedApp
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from ui.gradio.request_filter import MOST_BYTES, RequestFilter

PIECE = 2**20


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of what it was sent, once it has all of it."""
    try:
        size = len(await Request(scope, receive).body())
    except ClientDisconnect:
        await PlainTextResponse("cut off", 400)(scope, receive, send)
    else:
        await PlainTextResponse(str(size))(scope, receive, send)


def post(path: str, size: int = 0, tell: bool = True, root_path: str = "") -> tuple[int, str]:
    """The status and the body of what comes back for a body of `size` bytes, whose length may be told before."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, PIECE):
            yield b"x" * min(PIECE, size - start)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(RequestFilter(inner), root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.post(path, content=b"x" * size if tell else pieces())

    with ThreadPoolExecutor(1) as pool:  # where the tests' own thread may have a loop already
        answer = pool.submit(asyncio.run, ask()).result()
    return answer.status_code, answer.text


@pytest.mark.parametrize("tell", [True, False])
def test_what_the_page_could_send_comes_in_whole_and_more_does_not(tell: bool) -> None:
    assert post("/gradio_api/queue/join", MOST_BYTES, tell) == (200, str(MOST_BYTES))
    assert post("/gradio_api/queue/join", MOST_BYTES + 1, tell) == ((413, "") if tell else (400, "cut off"))


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/upload/", "/gradio_api/%75pload", "/monitoring/x/y", "/proxy=x"]
)
def test_what_is_shut_answers_nothing(path: str) -> None:
    assert post(path) == (404, "")
    assert post(f"/arena{path}", root_path="/arena") == (404, "")


def test_what_only_looks_like_it_is_open() -> None:
    assert [post(path)[0] for path in ("/", "/uploads", "/gradio_api/queue/join?a=/upload")] == [200] * 3


def test_nobody_leaves_a_file_here(scripted_app: ServedApp) -> None:
    for path in ("gradio_api/upload", "upload"):
        sent = httpx.post(scripted_app.url + path, files={"files": ("x.txt", b"x")})
        assert sent.status_code == httpx.codes.NOT_FOUND and "content-security-policy" in sent.headers
    for path in ("monitoring", "monitoring/summary", "gradio_api/deep_link?session_hash=x"):
        assert httpx.get(scripted_app.url + path).status_code == httpx.codes.NOT_FOUND


def test_the_longest_prompt_comes_in_however_it_is_escaped(scripted_app: ServedApp) -> None:
    number = next(number for number, one in scripted_app.demo.fns.items() if one.api_name == "chat")
    ask = {"data": ["😀" * 400_000], "fn_index": number, "session_hash": "the longest"}
    headers = {"content-type": "application/json"}
    sent = httpx.post(f"{scripted_app.url}gradio_api/queue/join", content=json.dumps(ask), headers=headers)
    assert sent.status_code == httpx.codes.OK
    huge = httpx.post(f"{scripted_app.url}gradio_api/queue/join", json={**ask, "data": ["x" * MOST_BYTES]})
    assert huge.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
