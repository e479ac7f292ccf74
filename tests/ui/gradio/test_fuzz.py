"""Whatever is sent to the page's endpoints and handlers is answered, without a traceback and without growing memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bench.load.page_client import served_app
from bench.load.vote_log import sample_answers

# Bytes by which the second half of all requests may raise what the first half left.
MARGIN = 12_000_000
SESSIONS = [f"fuzz-{number}" for number in range(20)]

# ---- what is sent

# Also halves of surrogate pairs, control characters, and what means something to a handler.
WORDS = st.sampled_from(
    ["", "model_a", "tie", "q1", "en", "named", "rate", "../../etc/passwd", "openai:http://[", "hf:a/b/c", "\ud800"]
) | st.sampled_from(["<script>alert(1)</script>", "\0", "=1+1", "1e999", "x" * 5000, "file:///etc/passwd"])
TEXTS = WORDS | st.text(st.characters(exclude_categories=()), max_size=40)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats()
KEYS = st.sampled_from(["rater", "lang", "value", "path", "meta", "url", "__type__", "choices"]) | TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
ROUTES = (
    "info queue/join queue/data run/predict call/battle call/vote call/results call/export call/chat file= heartbeat "
    "cancel reset upload startup-events"
)
PLACES = st.sampled_from(
    ["", "config", "theme.css", "assets", "static", "upload", "login", "monitoring", "docs", "openapi.json"]
) | st.sampled_from(ROUTES.split()).map(lambda route: f"gradio_api/{route}")
SEGMENTS = st.lists(TEXTS, max_size=3).map(lambda texts: "".join(f"/{quote(text, errors='replace')}" for text in texts))
QUERIES = st.dictionaries(
    st.sampled_from(["session_hash", "room", "replay", "a", "b", "__theme", "lang", "x"]), TEXTS, max_size=3
).map(lambda query: "&".join(f"{name}={quote(value, errors='replace')}" for name, value in query.items()))
LATIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
HEADER_NAMES = (
    "host origin referer cookie range accept accept-language content-type content-encoding user-agent "
    "if-none-match x-forwarded-for x-forwarded-host x-forwarded-proto x-arena-admin-token authorization"
)
HEADERS = st.dictionaries(st.sampled_from(HEADER_NAMES.split()), LATIN.map(str.strip), max_size=4)
QUICK = settings(database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)


@dataclass(frozen=True)
class Fuzzed:
    """A running page, its handlers, and the log that it writes."""

    client: httpx.Client
    handlers: list[dict[str, Any]]
    log: Path
    pid: int

    def memory(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) * 1024

    def call(self, handler: dict[str, Any], data: list[Any], session: str) -> None:
        """Calls a handler as a browser does, to the end of its answer."""
        content = json.dumps({"fn_index": handler["id"], "data": data, "session_hash": session})
        sent = self.client.post("gradio_api/run/predict", content=content)
        if sent.status_code == httpx.codes.NOT_FOUND:  # it needs the queue
            sent = self.client.post("gradio_api/queue/join", content=content)
            check(sent.status_code, sent.text)
            if sent.is_success:
                answer = self.client.get("gradio_api/queue/data", params={"session_hash": session})
                check(answer.status_code, answer.text)
                assert "close_stream" in answer.text[-200:]
        check(sent.status_code, sent.text)

    def caller(self, handler: dict[str, Any]) -> Callable[[list[Any], str], None]:
        def call(data: list[Any], session: str) -> None:
            self.call(handler, data, session)

        return call

    def ask(self, method: str, place: str, segments: str, query: str, headers: dict[str, str], body: bytes) -> None:
        path = f"{place}{segments}?{query}"
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        with self.client.stream(method, path, headers=encoded, content=body) as answer:  # type: ignore[arg-type]
            endless = answer.headers.get("content-type", "").startswith("text/event-stream")
            check(answer.status_code, "" if endless or "heartbeat" in path else answer.read().decode(errors="replace"))


def check(status: int, text: str) -> None:
    assert status < 500
    assert "Traceback (most recent call last)" not in text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """The app with two models and recorded answers, in a process of its own; who asks is the host."""
    place = tmp_path_factory.mktemp("fuzz")
    (place / "answers.jsonl").write_text("\n".join(sample_answers(4)), encoding="utf-8")
    names = []
    for side in "ab":
        script = {"id": side, "answers": [{"steps": [{"text": "Yes."}]}]}
        (place / f"{side}.json").write_text(json.dumps(script), encoding="utf-8")
        names.append(f"--{side}=scripted:{place / side}.json")
    with served_app([*names, "--answers", str(place / "answers.jsonl")], place / "data") as (url, process):
        json_type = {"content-type": "application/json"}
        with httpx.Client(base_url=f"{url}/", trust_env=False, timeout=60, headers=json_type) as client:
            handlers = client.get("config").json()["dependencies"]
            yield Fuzzed(client, handlers, place / "data/server.log", process.pid)


def fuzz(page: Fuzzed, examples: int, start: int) -> None:
    """So many calls of each handler, and thirty times as many requests of any kind; `start` chooses them."""

    def send(count: int, number: int, work: Callable[..., None], *drawn: st.SearchStrategy[Any]) -> None:
        seed(start + number)(settings(QUICK, max_examples=count)(given(*drawn)(work)))()

    for number, handler in enumerate(page.handlers):
        size = len(handler["inputs"])
        lists = st.lists(VALUES, min_size=size, max_size=size) | st.lists(VALUES, max_size=size + 3)
        send(examples, number, page.caller(handler), lists, st.sampled_from(SESSIONS))
    send(30 * examples, 999, page.ask, METHODS, PLACES, SEGMENTS, QUERIES, HEADERS, BODIES)


def check_fuzzed(page: Fuzzed, examples: int) -> None:
    fuzz(page, examples, 0)
    before = page.memory()
    fuzz(page, examples, 1000)
    assert page.memory() < before + MARGIN
    assert len(page.handlers) > 60
    log = page.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log and len(log) < 200 * 50
    assert page.client.get("").status_code == httpx.codes.OK


def test_whatever_is_sent_is_answered_without_a_traceback(page: Fuzzed) -> None:
    check_fuzzed(page, 2)


@pytest.mark.extra
def test_whatever_is_sent_for_long_is_answered_without_a_traceback(page: Fuzzed) -> None:
    check_fuzzed(page, 20)
