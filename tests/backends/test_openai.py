"""Models on an OpenAI-compatible server: llama.cpp's own in a process of its own, and a small one that misbehaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import httpx
import pytest
from llama_server import MODEL, SERVER_KEY, LlamaServer, llama_server
from opened import open_backends
from vendor_server import END, answering, delta, event, on, say, streaming

from arena.errors import BackendError, InputError
from arena.generation_config import DEFAULT_THINKING, GenerationConfig
from arena.types import Message
from backends.models.resolve import resolve
from backends.openai.backend import OpenAIBackend, openai_spec
from backends.openai.fields import thinking_switch

STORY = "Tell me a long story about the sea."


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaServer]:
    with llama_server() as running:
        yield running


@pytest.fixture
def backend(server: LlamaServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIBackend]:
    monkeypatch.setenv("OPENAI_API_KEY", SERVER_KEY)
    [opened] = open_backends([resolve(f"openai:{server.base_url}#{MODEL}")])
    assert isinstance(opened, OpenAIBackend)
    with closing(opened):
        yield opened


# ---- against llama.cpp's server


@pytest.mark.model
def test_an_answer_grows_token_by_token_and_ends_with_its_usage(backend, ask, texts_of) -> None:
    chunks = list(ask(backend, STORY, max_new_tokens=24))
    texts = texts_of(chunks)
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts)) and texts[-1]
    assert sum(bool(chunk.text) for chunk in chunks) > 15
    *before, last = chunks
    assert {chunk.finish_reason for chunk in before} == {None} and last.finish_reason == "length"
    assert last.usage.new_tokens == 24 and last.usage.prompt_tokens > 20
    assert 0 < last.usage.first_token_seconds <= last.usage.seconds
    reading = [(chunk.done, chunk.total) for chunk in chunks if chunk.stage == "reading" and chunk.total]
    assert reading[-1][1] == last.usage.prompt_tokens


@pytest.mark.model
def test_greedy_is_the_same_text_as_from_the_engine_in_this_process(backend, embedded, ask, answer_of) -> None:
    ours, theirs = (answer_of(ask(item, STORY, max_new_tokens=24)).text for item in (embedded["smollm2-135m"], backend))
    assert ours[:40] == theirs[:40]


@pytest.mark.model
def test_a_seed_is_kept_and_the_settings_arrive(backend, ask, answer_of) -> None:
    item, same, other = (answer_of(ask(backend, STORY, temperature=1.0, seed=seed)).text for seed in (1, 1, 2))
    assert item == same != other


@pytest.mark.model
@pytest.mark.parametrize("marker", ["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
def test_what_looks_like_a_control_token_is_ordinary_text(backend, ask, answer_of, marker: str) -> None:
    letter, hostile = (answer_of(ask(backend, text, max_new_tokens=1)).usage for text in ("x", marker))
    assert hostile.prompt_tokens >= letter.prompt_tokens + 2


@pytest.mark.model
def test_the_oldest_turns_that_do_not_fit_are_left_out_and_the_last_is_refused(backend, ask) -> None:
    turn = [Message("user", "word " * 1100), Message("assistant", "yes")]
    chunks = list(backend.stream([*turn, *turn, Message("user", "Hi")], GenerationConfig(max_new_tokens=8)))
    assert [chunk.dropped_turns for chunk in chunks if chunk.dropped_turns] == [1]
    assert chunks[-1].finish_reason in ("stop", "length")
    with pytest.raises(InputError) as refused:
        list(ask(backend, "word " * 4000))
    assert refused.value.code == "prompt_too_long" and refused.value.details["limit"] == 2048
    assert refused.value.details["tokens"] >= 4000


@pytest.mark.model
def test_closing_closes_the_connection_and_the_server_stops(backend, server, ask, until_text, threads_return) -> None:
    stream = ask(backend, STORY, max_new_tokens=2000)
    until_text(stream)
    stream.close()
    assert threads_return()
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}

    def busy() -> int:
        slots = httpx.get(f"{server.address}/slots", headers=headers).json()
        return sum(bool(slot["is_processing"]) for slot in slots)

    end = time.monotonic() + 60
    while busy() and time.monotonic() < end:
        time.sleep(0.05)
    assert busy() == 0


@pytest.mark.model
def test_four_concurrent_answers_do_not_mix(backend, ask, answer_of, threads_return) -> None:
    prompts = [f"What is the capital of {country}?" for country in ("France", "Japan", "China", "Italy")]
    alone = [answer_of(ask(backend, prompt, max_new_tokens=8)).text for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: answer_of(ask(backend, prompt, max_new_tokens=8)).text, prompts))
    assert together == alone and len(set(alone)) > 2 and threads_return()


@pytest.mark.model
def test_a_server_that_dies_during_an_answer_is_reported_after_the_text(monkeypatch, ask, until_text) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SERVER_KEY)
    with llama_server() as server, closing(OpenAIBackend(openai_spec(f"openai:{server.base_url}#{MODEL}"))) as backend:
        stream = ask(backend, STORY, max_new_tokens=2000)
        assert until_text(stream).text
        server.process.kill()
        with pytest.raises(BackendError) as gone:
            list(stream)
        assert gone.value.code == "openai_gone" and "\n" not in str(gone.value)
        with pytest.raises(BackendError) as away:
            list(ask(backend))
        assert away.value.code == "openai_away"


@pytest.mark.model
def test_a_wrong_key_is_reported_and_never_shown(server, monkeypatch, ask) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-and-secret")
    with closing(OpenAIBackend(openai_spec(f"openai:{server.base_url}#{MODEL}"))) as backend:
        with pytest.raises(BackendError) as denied:
            list(ask(backend))
        assert denied.value.code == "openai_denied" and "secret" not in str(denied.value)


# ---- against one that misbehaves


DISABLED, ENABLED = ({"thinking": {"type": f"{word}abled"}} for word in ("dis", "en"))


def recording(
    requests: list[dict[str, Any]], *refused: str
) -> Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]:
    """A chat that keeps what it is asked, and refuses requests with one of the fields `refused`."""

    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        requests.append(request)
        if unknown := sorted(set(refused) & set(request)):
            say(handler, json.dumps({"error": {"message": f"Unrecognized argument: {unknown[0]}"}}), status=400)
        else:
            streaming(delta(reasoning_content="Hm"), delta(content="Yes"), END)(handler, request)

    return answer


@pytest.mark.parametrize(("thinking", "is_on", "limit"), [(0, False, 16), (9, True, 25)])
@pytest.mark.parametrize("owner", ["vllm", "sglang", "llamacpp", "me"])
def test_the_server_is_told_whether_to_think(
    ask, answer_of, owner: str, thinking: int, is_on: bool, limit: int
) -> None:
    requests: list[dict[str, Any]] = []
    with answering(recording(requests), owner) as url:
        answer = answer_of(ask(on(url), thinking=thinking))
    assert [request["chat_template_kwargs"] for request in requests] == [{"enable_thinking": is_on}]
    assert requests[0]["max_tokens"] == limit and not answer.refused
    assert (answer.text, answer.reasoning, answer.usage.thinking_tokens) == ("Yes", "Hm", 1)


def test_without_a_setting_nothing_is_said_about_thinking(ask, answer_of) -> None:
    requests: list[dict[str, Any]] = []
    with answering(recording(requests)) as url:
        assert answer_of(ask(on(url))).text == "Yes"
    assert not {"chat_template_kwargs", "enable_thinking", "thinking", "reasoning_effort"} & set(requests[0])


def test_a_server_that_refuses_the_switch_is_asked_once_more_and_this_is_said(ask, answer_of) -> None:
    requests: list[dict[str, Any]] = []
    with answering(recording(requests, "chat_template_kwargs")) as url:
        backend = on(url)
        answers = [answer_of(ask(backend, thinking=0)) for _ in range(2)]
    assert [(answer.text, answer.finish_reason, answer.refused) for answer in answers] == [
        ("Yes", "stop", ("thinking",))
    ] * 2
    assert ["chat_template_kwargs" in request for request in requests] == [True, False, False]


def test_a_request_that_is_refused_either_way_fails_and_the_switch_stays(ask) -> None:
    requests: list[dict[str, Any]] = []
    with answering(recording(requests, "model")) as url:
        backend = on(url)
        for _ in range(2):
            with pytest.raises(BackendError, match="Unrecognized argument: model"):
                list(ask(backend, thinking=0))
    assert ["chat_template_kwargs" in request for request in requests] == [True, False, False] * 2


@pytest.mark.parametrize(
    ("kind", "url", "off", "limited"),
    [
        ("", "https://open.bigmodel.cn/api/paas/v4", DISABLED, ENABLED),
        ("", "https://api.z.ai/api/paas/v4", DISABLED, ENABLED),
        ("", "https://fizz.ai/v1", *({"chat_template_kwargs": {"enable_thinking": is_on}} for is_on in (False, True))),
        (
            "",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            {"enable_thinking": False},
            {"enable_thinking": True, "thinking_budget": 64},
        ),
        ("library", "http://127.0.0.1:11434/v1", {"reasoning_effort": "none"}, {}),
    ],
)
def test_vendors_are_told_in_their_own_fields(
    kind: str, url: str, off: dict[str, Any], limited: dict[str, Any]
) -> None:
    assert thinking_switch(GenerationConfig(thinking=0), kind, url) == off
    assert thinking_switch(GenerationConfig(thinking=64), kind, url) == limited
    assert thinking_switch(GenerationConfig(), kind, url) == {}


def test_a_page_asks_a_server_for_no_thinking_unless_told_otherwise() -> None:
    spec = openai_spec("openai:http://127.0.0.1:1/v1#m")
    assert (spec.config().thinking, spec.config({"thinking": "on"}).thinking) == (0, DEFAULT_THINKING)
    assert resolve("openai:http://127.0.0.1:1/v1#m?think=64").config().thinking == 64


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_stays_separate(ask, answer_of, name: str) -> None:
    with answering(streaming(delta(**{name: "Hm"}), delta(content="Yes"), END)) as url:
        answer = answer_of(ask(on(url)))
    assert (answer.reasoning, answer.text, answer.finish_reason) == ("Hm", "Yes", "stop")


def test_reasoning_between_think_marks_is_separated(ask, answer_of) -> None:
    with answering(streaming(delta(content="<thi"), delta(content="nk>Hm</think>"), delta(content="Yes"), END)) as url:
        answer = answer_of(ask(on(url)))
    assert (answer.reasoning, answer.text) == ("Hm", "Yes")


def test_usage_is_the_servers_or_else_counted(ask, answer_of) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 70, "total_tokens": 79}
    usage["prompt_tokens_details"] = {"cached_tokens": 4}
    for events, expected in (((event(choices=[], usage=usage),), (9, 70, 4)), ((), (None, 2, None))):
        with answering(streaming(delta(content="a"), delta(content="b"), *events, END)) as url:
            counted = answer_of(ask(on(url))).usage
        assert (counted.prompt_tokens, counted.new_tokens, counted.cached_tokens) == expected


def test_an_answer_that_comes_at_once_has_no_time_of_its_first_token(ask, answer_of) -> None:
    usage = {"completion_tokens": 5_000_000, "completion_tokens_details": {"reasoning_tokens": 1200}}
    with answering(streaming(delta(content="a"), delta(content="b"), event(choices=[], usage=usage), END)) as url:
        counted = answer_of(ask(on(url))).usage
    assert (counted.new_tokens, counted.thinking_tokens) == (5_000_000, 1200)
    assert counted.first_token_seconds is None and counted.tokens_per_second is None and counted.seconds > 0


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("vllm", {"top_k": -1, "repetition_penalty": 1.0}),
        ("llamacpp", {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "return_progress": True}),
        ("openai", {}),
    ],
)
def test_each_kind_of_server_gets_the_fields_that_it_knows(ask, owner: str, expected) -> None:
    seen: list[dict[str, Any]] = []

    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        seen.append(request)
        streaming(delta(content="a"), END)(handler, request)

    with answering(answer, owner) as url:
        list(ask(on(url), "Hi", temperature=0.5, top_p=0.8, seed=3))
    [request] = seen
    common = ("model", "messages", "stream", "stream_options", "max_tokens", "temperature", "top_p", "seed")
    assert {name: value for name, value in request.items() if name not in common} == expected
    assert (request["temperature"], request["top_p"], request["seed"], request["max_tokens"]) == (0.5, 0.8, 3, 16)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (streaming(delta(content="a")), "openai_gone"),
        (streaming(delta(content="a"), 'data: {"error": {"message": "CUDA"}}\n\n'), "openai_gone"),
        (streaming("data: {broken\n\n"), "backend_failed"),
        (streaming(delta(content="a"), "data: {broken\n\n"), "openai_gone"),
        (lambda handler, request: say(handler, '{"error": {"message": "slow down"}}', 429), "openai_busy"),
        (lambda handler, request: say(handler, '{"error": {"message": "who?"}}', 403), "openai_denied"),
        (lambda handler, request: say(handler, '{"error": {"message": "no such template"}}', 400), "backend_failed"),
        (lambda handler, request: say(handler, "<html>\nbad\r\ngateway\n</html>", 502), "openai_away"),
        (lambda handler, request: say(handler, '{"error": {"message": "no\\nsuch\\nthing"}}', 400), "backend_failed"),
    ],
)
def test_every_failure_gives_one_clear_line(ask, answer, code: str, monkeypatch) -> None:
    monkeypatch.setattr("backends.openai.refusals.MOST_TRIES", 0)
    with answering(answer) as url, pytest.raises(BackendError) as failed:
        list(ask(on(url)))
    assert failed.value.code == code and "\n" not in str(failed.value)


def test_a_server_that_falls_silent_is_given_up(ask, monkeypatch) -> None:
    monkeypatch.setattr("backends.openai.backend.SILENCE_SECONDS", 0.5)
    let_go = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        say(handler, delta(content="a"), kind="text/event-stream")
        let_go.wait(60)

    with answering(answer) as url:
        with pytest.raises(BackendError) as failed:
            list(ask(on(url)))
        let_go.set()
    assert failed.value.code == "openai_silent"


def test_a_context_error_in_other_words_also_drops_turns() -> None:
    asked: list[int] = []

    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        asked.append(len(request["messages"]))
        if len(request["messages"]) > 1:
            return say(handler, '{"message": "This model\'s maximum context length is 2048 tokens."}', 400)
        return streaming(delta(content="a"), END)(handler, request)

    talk = [Message("user", "1"), Message("assistant", "2"), Message("user", "3")]
    with answering(answer) as url:
        chunks = list(on(url).stream(talk, GenerationConfig()))
    assert asked == [3, 1] and [chunk.dropped_turns for chunk in chunks if chunk.dropped_turns] == [1]


# ---- its name


@pytest.mark.parametrize("name", ["openai:", "openai:http://x", "openai:x#m", "openai:ftp://x/#m", "openai:http://#m"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="openai:BASE_URL#MODEL"):
        resolve(name)


def test_a_login_in_the_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY") as refused:
        resolve("openai:http://me:secret@127.0.0.1/v1#m")
    assert "secret" not in str(refused.value)


def test_a_model_with_a_path_and_an_at_sign_keeps_its_name() -> None:
    spec = resolve("openai:https://example.org/v1/#Qwen/Qwen3-0.6B@main")
    assert (spec.id, spec.source) == ("Qwen/Qwen3-0.6B@main", "https://example.org/v1#Qwen/Qwen3-0.6B@main")
    assert (spec.runtime, spec.context_length) == ("openai", 0)
