"""The request filter lets in what the page and its API need, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gradio_client import Client
from served_app import ServedApp
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from ui.gradio.middleware import HEADERS, MAX_BYTES, RequestFilter, is_allowed

CHUNK = 2**20
WORD = {"answers": [{"steps": [{"text": "here"}]}]}
# Every path that the page, gradio_client, curl as in docs/api.md, and a health check ask for.
NEEDED = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/config"),
    ("GET", "/theme.css"),
    ("GET", "/favicon.ico"),
    ("GET", "/robots.txt"),
    ("GET", "/assets/{path:path}"),
    ("GET", "/static/{path:path}"),
    ("GET", "/svelte/{path:path}"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/theme.css"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/heartbeat/{session_hash}"),
    ("GET", "/gradio_api/queue/data"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/run/{api_name}"),
    ("POST", "/gradio_api/call/{api_name}"),
    ("GET", "/gradio_api/call/{api_name}/{event_id}"),
    ("GET", "/gradio_api/file={path_or_url:path}"),
    ("HEAD", "/gradio_api/file={path_or_url:path}"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
]


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of the whole body."""
    try:
        size = len(await Request(scope, receive).body())
    except ClientDisconnect:
        await PlainTextResponse("cut off", 400)(scope, receive, send)
    else:
        await PlainTextResponse(str(size))(scope, receive, send)


def post(
    path: str,
    size: int = 0,
    with_length: bool = True,
    root_path: str = "",
    host: str = "a",
    hosts: frozenset[str] | None = None,
) -> tuple[int, str]:
    """The status and the body of the response to a body of `size` bytes, with or without a content-length."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, CHUNK):
            yield b"x" * min(CHUNK, size - start)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(RequestFilter(inner, hosts), root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            content = b"x" * size if with_length else chunks()
            return await client.post(path, content=content, headers={"host": host})

    with ThreadPoolExecutor(1) as pool:  # the test's own thread may have an event loop already
        answer = pool.submit(asyncio.run, ask()).result()
    return answer.status_code, answer.text


def routes(registered: Any) -> Iterator[tuple[str, str]]:
    """Every (method, path) that a gradio app registers, also in the routers that it includes."""
    for route in registered:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from routes(router.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


def example(path: str) -> str:
    """An address that matches a route's path."""
    return re.sub("{[^}]*}", "x", path.replace("{api_name}", "predict"))


def is_needed(method: str, path: str) -> bool:
    path = path if path == "/" else path.rstrip("/")
    return (method, path) in NEEDED or (method == "HEAD" and ("GET", path) in NEEDED)


def test_each_route_that_is_needed_is_one_of_gradios_and_allowed(scripted_app: ServedApp) -> None:
    registered = set(routes(scripted_app.demo.app.routes))
    for method, path in NEEDED:
        assert (method, path) in registered
        assert is_allowed(method, example(path))


def test_every_other_route_of_gradio_answers_404(scripted_app: ServedApp) -> None:
    closed = [route for route in routes(scripted_app.demo.app.routes) if not is_needed(*route)]
    paths = {path for _, path in closed}
    assert {"/gradio_api/upload", "/monitoring", "/gradio_api/deep_link", "/gradio_api/vibe-code"} <= paths
    with httpx.Client(base_url=scripted_app.url, trust_env=False) as client:
        for method, path in closed:
            sent = client.request(method, example(path))
            assert sent.status_code == httpx.codes.NOT_FOUND, (method, path)
            assert sent.headers["content-security-policy"] == HEADERS["content-security-policy"]
            assert sent.content == b""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("POST", "/upload/"),
        ("POST", "/gradio_api/%75pload"),
        ("GET", "/gradio_api/proxy=http://x"),
        ("GET", "/assets/"),
        ("POST", "/"),
        ("POST", "/gradio_api/call/chat/x/y"),
        ("DELETE", "/gradio_api/queue/join"),
        ("OPTIONS", "/"),
        ("GET", "/a_route_of_a_later_gradio"),
        ("GET", "//"),
    ],
)
def test_an_unknown_path_or_method_is_closed(method: str, path: str) -> None:
    assert not is_allowed(method, path)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("LOCALHOST:80", True),
        ("[::1]:7860", True),
        ("127.9.9.9", True),
        ("arena.localhost:7860", True),
        ("arena.example", True),
        ("Arena.Example:7860", True),
        ("evil.example:7860", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("arena.example.evil.example", False),
        ("evil.example#arena.example", False),
        ("arena.example@evil.example", False),
        ("192.168.1.2:7860", False),
        ("0.0.0.0:7860", False),
        ("2130706433", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_a_host_of_another_name_is_refused(host: str, is_ours: bool) -> None:
    status, body = post("/gradio_api/queue/join", host=host, hosts=frozenset({"arena.example"}))
    assert status == (200 if is_ours else 421)
    assert is_ours or ("ARENA_PUBLIC_URL" in body and "只供本机访问" in body)
    assert post("/gradio_api/queue/join", host=host)[0] == 200


def test_a_rebound_name_reads_nothing_and_starts_nothing(serve: Callable[..., ServedApp]) -> None:
    app = serve(WORD, WORD, local=True)
    paths = ["", "config", "gradio_api/info", "gradio_api/queue/data?session_hash=x"]
    with httpx.Client(base_url=app.url, trust_env=False, headers={"host": "rebound.example:7860"}) as client:
        answers = [client.get(path) for path in paths] + [client.post("gradio_api/call/export", json={"data": []})]
    assert {answer.status_code for answer in answers} == {421}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert httpx.get(app.url, trust_env=False).status_code == httpx.codes.OK


def test_a_request_behind_a_prefix_is_read_without_it() -> None:
    assert post("/arena/gradio_api/queue/join", root_path="/arena")[0] == 200
    assert post("/arena/gradio_api/upload", root_path="/arena") == post("/gradio_api/upload") == (404, "")


@pytest.mark.parametrize("with_length", [True, False])
def test_a_body_of_the_maximum_size_is_taken_and_a_larger_one_is_not(with_length: bool) -> None:
    assert post("/gradio_api/queue/join", MAX_BYTES, with_length) == (200, str(MAX_BYTES))
    refused = (413, "") if with_length else (400, "cut off")
    assert post("/gradio_api/queue/join", MAX_BYTES + 1, with_length) == refused


def test_every_needed_route_works_on_a_served_page(scripted_app: ServedApp) -> None:
    """The rest of the list carries the browser's and gradio_client's requests in the other tests."""
    with httpx.Client(base_url=scripted_app.url, trust_env=False, timeout=30) as client:
        for method, path in [("HEAD", "/"), ("GET", "/"), ("GET", "/config"), ("GET", "/theme.css")]:
            assert client.request(method, path).status_code == httpx.codes.OK, path
        for path in ("/favicon.ico", "/robots.txt", "/gradio_api/info", "/gradio_api/startup-events"):
            assert client.get(path).status_code == httpx.codes.OK, path
        asset = client.get("/").text.partition("./assets/")[2].partition('"')[0]
        assert client.get(f"/assets/{asset}").status_code == httpx.codes.OK
        assert client.get("/static/js/iframeResizer.contentWindow.min.js").status_code == httpx.codes.OK
        event = client.post(
            "/gradio_api/call/results", json={"data": [False, False, False, "", False, None, "", "", ""]}
        ).json()
        assert "event: complete" in client.get(f"/gradio_api/call/results/{event['event_id']}").text
        cancelled = {"session_hash": "x", "fn_index": 0, "event_id": "x"}
        assert client.post("/gradio_api/cancel", json=cancelled).status_code == httpx.codes.OK
        assert client.post("/gradio_api/reset", json={"event_id": "x"}).status_code == httpx.codes.OK
        with client.stream("GET", "/gradio_api/heartbeat/abc") as beat:
            assert beat.status_code == httpx.codes.OK
    assert Client(scripted_app.url, verbose=False).predict("hi", api_name="/chat")["a"].endswith("done.")


def test_the_longest_prompt_is_taken_however_it_is_escaped(scripted_app: ServedApp) -> None:
    number = next(number for number, block_fn in scripted_app.demo.fns.items() if block_fn.api_name == "chat")
    ask = {"data": ["😀" * 400_000], "fn_index": number, "session_hash": "the longest"}
    headers = {"content-type": "application/json"}
    sent = httpx.post(f"{scripted_app.url}gradio_api/queue/join", content=json.dumps(ask), headers=headers)
    assert sent.status_code == httpx.codes.OK
    huge = httpx.post(f"{scripted_app.url}gradio_api/queue/join", json={**ask, "data": ["x" * MAX_BYTES]})
    assert huge.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("", 200),
        ("http://127.0.0.1:7860", 200),
        ("https://arena.example", 200),
        ("http://127.0.0.1:9999", 403),
        ("http://localhost:7860", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_a_page_of_another_origin_on_this_machine_reads_nothing(origin: str, status: int) -> None:
    async def ask() -> int:
        filtered = RequestFilter(inner, frozenset({"arena.example"}))
        transport = httpx.ASGITransport(filtered)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
            headers = {"origin": origin} if origin else {}
            return (await client.post("/gradio_api/queue/join", headers=headers)).status_code

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, ask()).result() == status


def test_no_proxy_holds_a_stream_back(scripted_app: ServedApp) -> None:
    with httpx.Client(base_url=scripted_app.url, trust_env=False) as client:
        event = client.post("/gradio_api/call/battle", json={"data": [""]}).json()["event_id"]
        for path in (f"/gradio_api/call/battle/{event}", "/gradio_api/queue/data?session_hash=nobody"):
            headers = client.get(path).headers
            assert headers["x-accel-buffering"] == "no" and headers["cache-control"] == "no-cache, no-transform"
        assert "x-accel-buffering" not in client.get("/config").headers
