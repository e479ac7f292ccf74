"""The page is made once for all who come by the same address, and stays each one's own otherwise."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from served_app import ServedApp

from ui.gradio.front_page import MAX_PAGES, FrontPage


class Counting:
    """An app that answers with how often it was asked."""

    def __init__(self, status: int = 200, cookie: bool = False) -> None:
        self.asked = 0
        self._status = status
        self._headers = [(b"set-cookie", b"a=b")] if cookie else []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": b"page ", "more_body": True})
        await send({"type": "http.response.body", "body": str(self.asked).encode()})


def get(app: FrontPage, path: str = "/", host: str = "a", method: str = "GET", **headers: str) -> str:
    """The body of an answer."""
    transport = httpx.ASGITransport(app)

    async def ask() -> str:
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return (await client.request(method, path, headers=headers)).text

    with ThreadPoolExecutor(1) as pool:  # where the tests' own thread may have a loop already
        return pool.submit(asyncio.run, ask()).result()


def test_the_same_address_gets_the_same_page_made_once() -> None:
    inner = Counting()
    app = FrontPage(inner)
    assert [get(app), get(app, "/?room=ABC"), get(app, "/?battle=1")] == ["page 1"] * 3 and inner.asked == 1


@pytest.mark.parametrize(
    "other",
    [
        {"host": "b"},
        {"path": "/config"},
        {"path": "/?deep_link=x"},
        {"path": "/?deep_link="},
        {"path": "/?all_endpoints=1"},
        {"method": "HEAD"},
        {"x-forwarded-host": "evil"},
        {"x-forwarded-proto": "https"},
        {"x-gradio-server": "http://evil"},
        {"accept-encoding": "identity"},
    ],
)
def test_what_another_address_asks_for_is_its_own(other: dict[str, str]) -> None:
    app = FrontPage(Counting())
    assert get(app) == "page 1"
    assert get(app, **other) in ("page 2", "") and get(app) == "page 1"


@pytest.mark.parametrize("inner", [Counting(status=500), Counting(cookie=True)])
def test_an_error_and_what_is_one_readers_alone_are_not_kept(inner: Counting) -> None:
    app = FrontPage(inner)
    assert [get(app), get(app)] == ["page 1", "page 2"]


def test_names_that_somebody_makes_up_fill_no_memory() -> None:
    inner = Counting()
    app = FrontPage(inner)
    for number in range(3 * MAX_PAGES):
        get(app, host=f"host-{number}")
    assert len(app._pages) == MAX_PAGES


def test_the_real_page_is_the_same_for_each_and_names_the_address_it_was_asked_by(scripted_app: ServedApp) -> None:
    with httpx.Client(base_url=scripted_app.url, trust_env=False) as client:
        first, again = client.get("/"), client.get("/?room=ABC")
        other = client.get("/", headers={"x-forwarded-host": "arena.example", "x-forwarded-proto": "https"})
    assert first.text == again.text and first.headers["content-type"].startswith("text/html")
    assert "https://arena.example" in other.text and "arena.example" not in first.text
