"""What vendors' servers do, each line of the tables named by the behaviour, with what a reader must see."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from vendor_server import DONE, END, answering, choice, delta, event, finish, on, say, saying, sse, streaming

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.openai.connection import KEY, proxy_for
from backends.openai.refusals import refusal_of


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory) -> tuple[ssl.SSLContext, str]:
    """A server's certificate for 127.0.0.1 that it has signed itself, and its file."""
    folder = tmp_path_factory.mktemp("tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "own.pem").write_bytes(certificate)
    (folder / "both.pem").write_bytes(certificate + private)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "both.pem")
    return tls, str(folder / "own.pem")


HELLO = delta(content="Hello"), delta(content=" world")
MESSAGE = {"role": "assistant", "content": "Hello world"}


def completion(**fields: Any) -> str:
    return json.dumps({"object": "chat.completion", "choices": [{"index": 0, "message": MESSAGE, **fields}]}, indent=1)


WHOLE = {
    "plain": streaming(*HELLO, END),
    "no blank lines between events": streaming(*(text.replace("\n\n", "\n") for text in (*HELLO, END))),
    "CRLF": streaming(*(text.replace("\n", "\r\n") for text in (*HELLO, END))),
    "no space after data:": streaming(*(text.replace("data: ", "data:") for text in (*HELLO, END))),
    "a JSON object on several data lines": streaming(
        'data: {"choices": [{"delta":\ndata: {"content": "Hello world"}}]}\n\n', END
    ),
    "bare null": streaming(HELLO[0], sse("null"), HELLO[1], END),
    "numbers, lists, texts and empty objects": streaming(
        HELLO[0], sse("0"), sse("[]"), sse('"ping"'), sse("{}"), HELLO[1], END
    ),
    "retry first": streaming("retry: 3000\n\n", *HELLO, END),
    "event: ping without data": streaming(HELLO[0], "event: ping\n\n", HELLO[1], END),
    "event: ping with data": streaming(HELLO[0], 'event: ping\ndata: {"type": "ping"}\n\n', HELLO[1], END),
    "id with the event, then a comment": streaming("id: 1\n" + HELLO[0], ": ping\n\n", HELLO[1], END),
    "empty data": streaming(HELLO[0], "data:\n\n", "data: \n\n", "data\n\n", HELLO[1], END),
    "comments": streaming(": OPENROUTER PROCESSING\n\n", HELLO[0], ":\n\n", HELLO[1], END),
    "a word as sign of life": streaming(sse("keep-alive"), HELLO[0], sse("[PING]"), HELLO[1], END),
    "choices null, empty, missing": streaming(HELLO[0], event(choices=None), event(choices=[]), event(), HELLO[1], END),
    "choices and delta of other types": streaming(
        HELLO[0], event(choices={}), event(choices=[None]), choice(delta=[]), HELLO[1], END
    ),
    "delta null or missing": streaming(HELLO[0], choice(delta=None), choice(), HELLO[1], END),
    "content null": streaming(delta(role="assistant", content=None), *HELLO, END),
    "content as parts": streaming(
        delta(content=[{"type": "text", "text": "Hello"}]), delta(content=[" ", "world"]), END
    ),
    "content as one part": streaming(delta(content={"type": "output_text", "text": {"value": "Hello world"}}), END),
    "message in place of delta": streaming(*(choice(message={"content": text}) for text in ("Hello", " world")), END),
    "a whole message after the deltas": streaming(*HELLO, choice(message=MESSAGE, finish_reason="stop"), DONE),
    "text of a completion": streaming(choice(text="Hello"), choice(text=" world"), END),
    "refusal as content": streaming(delta(refusal="Hello world"), END),
    "no finish_reason": streaming(*HELLO, DONE),
    "finish_reason empty or the word null": streaming(*HELLO, finish(""), finish("null"), DONE),
    "finish_reason with the last text": streaming(
        HELLO[0], choice(delta={"content": " world"}, finish_reason="stop"), DONE
    ),
    "no [DONE]": streaming(*HELLO, finish()),
    "the last event without its line end": streaming(*HELLO, finish().rstrip()),
    "error null": streaming(event(error=None, choices=[{"delta": {"content": "Hello world"}}]), END),
    "line separators inside a text": streaming(
        sse('{"choices": [{"delta": {"content": "Hello world"}}], "x": "\u2028\x85"}'), END
    ),
    "a byte order mark": streaming("\ufeff" + HELLO[0], *HELLO, END),
    "JSON in place of a stream": saying(completion(finish_reason="stop")),
    "JSON without a finish_reason": saying(completion()),
    "JSON called a stream": saying(completion(finish_reason="stop"), kind="text/event-stream"),
    "JSON with parts": saying(completion(message={"content": [{"type": "text", "text": "Hello world"}]})),
    **{
        f"ends with {word}": streaming(*HELLO, finish(word), DONE) for word in ("eos", "end_turn", "tool_calls", "STOP")
    },
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_in_any_form_is_whole(name: str, ask, answer_of) -> None:
    with answering(WHOLE[name]) as url:
        answer = answer_of(ask(on(url)))
    assert (answer.text, answer.finish_reason, answer.error) == ("Hello world", "stop", None)


@pytest.mark.parametrize("word", ["length", "max_tokens", "model_length", "MAX_TOKENS"])
def test_a_cut_answer_is_cut_under_any_name(word: str, ask, answer_of) -> None:
    with answering(streaming(*HELLO, finish(word), DONE)) as url:
        assert answer_of(ask(on(url))).finish_reason == "length"


THOUGHTS = {
    "parts of Mistral": delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
    "a part with its text": delta(content=[{"type": "reasoning", "text": "Hm"}]),
    "reasoning": delta(reasoning="Hm", content=None),
    "reasoning as parts": delta(reasoning_content=[{"text": "Hm"}]),
}


@pytest.mark.parametrize("name", THOUGHTS)
def test_reasoning_in_any_form_stays_separate(name: str, ask, answer_of) -> None:
    with answering(streaming(THOUGHTS[name], *HELLO, END)) as url:
        answer = answer_of(ask(on(url)))
    assert (answer.reasoning, answer.text, answer.usage.thinking_tokens) == ("Hm", "Hello world", 1)


USAGES = {
    "numbers": ({"prompt_tokens": 9, "completion_tokens": 70}, (9, 70)),
    "texts": ({"prompt_tokens": "9", "completion_tokens": "70"}, (9, 70)),
    "fractions": ({"prompt_tokens": 9.0, "completion_tokens": "70.0"}, (9, 70)),
    "nothing useful": ({"prompt_tokens": None, "completion_tokens": 0}, (None, 2)),
    "words": ({"prompt_tokens": "many", "completion_tokens": -1, "prompt_tokens_details": "none"}, (None, 2)),
    "no object": ("70", (None, 2)),
}


@pytest.mark.parametrize("name", USAGES)
@pytest.mark.parametrize("place", ["event", "choice"])
def test_usage_is_read_in_any_form_and_place(name: str, place: str, ask, answer_of) -> None:
    usage, expected = USAGES[name]
    last = event(choices=[], usage=usage) if place == "event" else choice(delta={}, usage=usage)
    with answering(streaming(*HELLO, last, END)) as url:
        counted = answer_of(ask(on(url))).usage
    assert (counted.prompt_tokens, counted.new_tokens) == expected


# ---- errors in an answer that began well

WORDS = "model overloaded"
BEFORE_TEXT = {
    "an object": sse({"error": {"message": WORDS, "code": 500}}),
    "a text": sse({"error": WORDS}),
    "with choices": event(error={"message": WORDS}, choices=[{"delta": {"content": ""}, "finish_reason": "error"}]),
    "in a choice": choice(delta={}, error={"message": WORDS}),
    "object: error": sse({"object": "error", "message": WORDS, "code": 503}),
    "type: error": sse({"type": "error", "message": WORDS}),
    "error_message": sse({"error_type": "overload", "error_message": WORDS}),
    "FastChat": sse({"text": WORDS, "error_code": 50001}),
    "FastAPI": sse({"detail": WORDS}),
    "FastAPI with places": sse({"detail": [{"loc": ["body", "x"], "msg": WORDS}]}),
    "MiniMax": sse({"choices": None, "base_resp": {"status_code": 1000, "status_msg": WORDS}}),
    "event: error with a text": f"event: error\ndata: {WORDS}\n\n",
    "event: error with an object": f'event: error\ndata: {{"message": "{WORDS}"}}\n\n',
    "only a message": sse({"code": "Throttled", "message": WORDS}),
    "only words": sse(WORDS),
    "a line of JSON": json.dumps({"error": {"message": WORDS}}) + "\n",
    "a page": f"<html><head><style>p {{}}</style><title>{WORDS}</title></head><body><p>x</body></html>",
    "a page without a title": f"<html><script>x</script><p>{WORDS}</p></html>",
}


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("ending", ["", DONE])
@pytest.mark.parametrize("name", BEFORE_TEXT)
def test_an_error_in_place_of_an_answer_is_in_the_servers_own_words(name: str, ending: str, kind: str, ask) -> None:
    with answering(saying(BEFORE_TEXT[name] + ending, kind=kind)) as url, pytest.raises(BackendError) as failed:
        list(ask(on(url)))
    assert WORDS in str(failed.value) and WORDS in str(failed.value.details["reason"])
    assert failed.value.code != "openai_gone" and "\n" not in str(failed.value)


@pytest.mark.parametrize("name", [*BEFORE_TEXT])
def test_an_error_after_text_keeps_the_text_and_the_words(name: str, ask) -> None:
    texts: list[str] = []
    with answering(streaming(HELLO[0], BEFORE_TEXT[name])) as url, pytest.raises(BackendError) as failed:
        texts.extend(chunk.text for chunk in ask(on(url)))
    assert "".join(texts) == "Hello" and failed.value.code == "openai_gone" and WORDS in str(failed.value)


@pytest.mark.parametrize("answer", [streaming(DONE), streaming(), streaming(finish(None)), saying("{}"), saying("")])
def test_no_answer_at_all_is_an_error(answer, ask) -> None:
    with answering(answer) as url, pytest.raises(BackendError, match="no answer") as failed:
        list(ask(on(url)))
    assert failed.value.code == "backend_failed"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        *((word, "openai_gone") for word in ("network_error", "error", "abort", "insufficient_system_resource", "new")),
        *((word, "openai_filtered") for word in ("sensitive", "content_filter", "SAFETY", "refusal")),
    ],
)
def test_half_an_answer_is_never_a_complete_one(word: str, code: str, ask) -> None:
    texts: list[str] = []
    with answering(streaming(HELLO[0], finish(word), DONE)) as url, pytest.raises(BackendError, match=word) as failed:
        texts.extend(chunk.text for chunk in ask(on(url)))
    assert ("".join(texts), failed.value.code) == ("Hello", code)


def test_a_call_of_a_tool_without_a_word_is_no_answer(ask) -> None:
    usage = event(choices=[], usage={"completion_tokens": 20})
    call = delta(tool_calls=[{"index": 0, "function": {"name": "search", "arguments": "{}"}}])
    with (
        answering(streaming(call, finish("tool_calls"), usage, DONE)) as url,
        pytest.raises(BackendError, match="tool_calls"),
    ):
        list(ask(on(url)))


def test_an_answer_that_has_ended_does_not_wait_for_the_connection(monkeypatch, ask, answer_of) -> None:
    monkeypatch.setattr("backends.openai.backend.END_SECONDS", 0.0)
    let_go = threading.Event()

    def answer(handler: Any, request: dict[str, Any]) -> None:
        say(handler, "".join((*HELLO, finish())), kind="text/event-stream")
        let_go.wait(60)

    with answering(answer) as url:
        assert answer_of(ask(on(url))).text == "Hello world"
        let_go.set()


def test_every_event_is_a_chance_to_stop(ask, threads_return) -> None:
    """A server that streams empty deltas for ever."""
    closed = threading.Event()

    def answer(handler: Any, request: dict[str, Any]) -> None:
        say(handler, "", kind="text/event-stream")
        try:
            while True:
                handler.wfile.write(delta().encode())
        except OSError:
            closed.set()

    with answering(answer) as url:
        stream = ask(on(url))
        chunks = [next(stream) for _ in range(50)]
        stream.close()
        assert closed.wait(30) and not any(chunk.text for chunk in chunks)
    assert threads_return()


# ---- too long

TOO_LONG = {
    "SGLang in a stream": (
        200,
        sse({"error": {"message": "The input is longer than the model's context length (8192 tokens).", "code": 400}})
        + DONE,
    ),
    "only a code": (200, sse({"error_type": "context_length_exceeded", "error_message": "No."})),
    "FastChat": (200, sse({"text": "This model's maximum context length is 2048", "error_code": 40303})),
    "DashScope": (400, '{"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]"}'),
    "FastAPI": (422, '{"detail": "Prompt is too long"}'),
    "an error as text": (400, '{"error": "exceeds the available tokens"}'),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_talk_that_is_too_long_loses_its_oldest_turns_or_is_refused(name: str) -> None:
    status, body = TOO_LONG[name]

    def answer(handler: Any, request: dict[str, Any]) -> None:
        if sum(len(message["content"]) for message in request["messages"]) > 200:
            return say(handler, body, status, "text/event-stream")
        return streaming(*HELLO, END)(handler, request)

    talk = [Message("user", "x" * 150), Message("assistant", "y"), Message("user", "z" * 150)]
    with answering(answer) as url:
        chunks = list(on(url).stream(talk, GenerationConfig()))
        assert [chunk.dropped_turns for chunk in chunks if chunk.dropped_turns] == [1]
        with pytest.raises(InputError) as refused:
            list(on(url).stream([Message("user", "x" * 300)], GenerationConfig()))
    assert chunks[-1].finish_reason == "stop" and refused.value.code == "openai_too_long"


# ---- errors of a status

REFUSED = {
    "quota": (
        429,
        '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}',
        "openai_quota",
    ),
    "balance": (402, '{"error": {"message": "Insufficient Balance"}}', "openai_quota"),
    "arrears": (400, '{"error": {"message": "Access denied", "code": "Arrearage"}}', "openai_quota"),
    "region": (403, '{"error": {"message": "Country, region, or territory not supported"}}', "openai_region"),
    "location": (400, '[{"error": {"message": "User location is not supported for the API use."}}]', "openai_region"),
    "law": (451, "Unavailable For Legal Reasons", "openai_region"),
    "filter": (400, '{"error": {"message": "Inappropriate.", "code": "data_inspection_failed"}}', "openai_filtered"),
    "moderation": (403, '{"error": {"message": "Your input was flagged"}}', "openai_filtered"),
    "model": (404, '{"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}', "openai_model"),
    "no JSON": (500, "<html><title>500 oops</title></html>", "backend_failed"),
    "nothing": (500, "", "backend_failed"),
    "key": (401, '{"code": 401, "msg": "bad key", "success": false}', "openai_denied"),
    "gateway": (504, "<h1>504 Gateway Time-out</h1>", "openai_away"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_named_for_what_it_is(name: str, ask) -> None:
    status, body, code = REFUSED[name]
    with answering(saying(body, status)) as url, closing(on(url)) as backend:
        with pytest.raises(BackendError) as failed:
            list(ask(backend))
        # What concerns every request ends a model's part of a batch, as if it could not be loaded.
        stops = code in ("openai_quota", "openai_region", "openai_model", "openai_denied", "openai_away")
        assert (backend.load_state.error is not None) == stops
    assert failed.value.code == code and "\n" not in str(failed.value) and "<" not in str(failed.value)


def test_a_key_in_the_servers_words_is_not_repeated(monkeypatch, ask) -> None:
    monkeypatch.setenv(KEY, "sk-secret")
    with (
        answering(saying('{"error": "Incorrect API key: sk-secret"}', 401)) as url,
        pytest.raises(BackendError) as failed,
    ):
        list(ask(on(url)))
    assert "secret" not in f"{failed.value}{failed.value.details}" and "Incorrect API key: ***" in str(failed.value)


# ---- waiting


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {"retry_after": "0.3"}, "{}"),
        (503, {"retry_after_ms": "300"}, '{"error": {"message": "Loading model"}}'),
        (529, {}, '{"error": {"message": "overloaded. Please try again in 0.3s"}}'),
        (429, {"retry_after": "0.3"}, '{"error": {"message": "You exceeded your current quota of requests a minute"}}'),
    ],
)
def test_a_busy_server_is_waited_for_and_the_seconds_are_shown(status, headers, body, ask, answer_of) -> None:
    asked: list[float] = []

    def answer(handler: Any, request: dict[str, Any]) -> None:
        asked.append(time.monotonic())
        (saying(body, status, **headers) if len(asked) < 3 else streaming(*HELLO, END))(handler, request)

    with answering(answer) as url:
        chunks = list(ask(on(url)))
    assert answer_of(iter(chunks)).text == "Hello world" and len(asked) == 3
    assert min(asked[1] - asked[0], asked[2] - asked[1]) >= 0.3
    assert {chunk.total for chunk in chunks if chunk.stage == "busy"} == {1}


def test_who_asks_for_too_long_a_wait_or_too_often_is_not_waited_for(ask, monkeypatch) -> None:
    with answering(saying("{}", 429, retry_after="3600")) as url, pytest.raises(BackendError, match="3600 s") as failed:
        list(ask(on(url)))
    assert failed.value.code == "openai_busy"
    monkeypatch.setattr("backends.openai.refusals.MOST_TRIES", 2)
    asked: list[int] = []

    def answer(handler: Any, request: dict[str, Any]) -> None:
        asked.append(1)
        say(handler, "{}", 429, retry_after="0")

    with answering(answer) as url, pytest.raises(BackendError):
        list(ask(on(url)))
    assert len(asked) == 3


def test_a_date_to_wait_for_is_read() -> None:
    soon = refusal_of("", 429, {"retry-after": formatdate(time.time() + 30, usegmt=True)}).retry_after
    assert soon is not None and 25 < soon <= 30
    assert refusal_of("", 429, {"retry-after": "soon"}).retry_after is None


# ---- settings that a server refuses


def refusing(
    requests: list[dict[str, Any]], *names: str, says: str = "Unsupported parameter: {name}", status: int = 400
):
    """A chat that keeps what it is asked, and refuses requests with a field of `names`."""

    def answer(handler: Any, request: dict[str, Any]) -> None:
        requests.append(request)
        if wrong := [name for name in names if name in request]:
            say(handler, json.dumps({"error": {"message": says.format(name=wrong[0])}}), status)
        else:
            streaming(*HELLO, END)(handler, request)

    return answer


def test_the_limit_is_asked_for_under_the_name_that_the_error_gives(ask, answer_of) -> None:
    requests: list[dict[str, Any]] = []
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with answering(refusing(requests, "max_tokens", says=words)) as url:
        backend = on(url)
        answers = [answer_of(ask(backend)) for _ in range(2)]
    limits = [(request.get("max_tokens"), request.get("max_completion_tokens")) for request in requests]
    assert limits == [(16, None), (None, 16), (None, 16)] and {answer.refused for answer in answers} == {()}


@pytest.mark.parametrize("status", [400, 422])
def test_a_setting_that_is_refused_by_name_is_left_out_and_recorded(status: int, ask, answer_of) -> None:
    requests: list[dict[str, Any]] = []
    with answering(refusing(requests, "temperature", "seed", status=status)) as url:
        backend = on(url)
        answers = [answer_of(ask(backend, temperature=0.5, seed=1)) for _ in range(2)]
    assert [sorted({"temperature", "seed", "top_p"} & set(request)) for request in requests] == [
        ["seed", "temperature", "top_p"],
        ["seed", "top_p"],
        ["top_p"],
        ["top_p"],
    ]
    assert {answer.refused for answer in answers} == {("seed", "temperature")}


def test_a_refusal_without_a_name_first_costs_the_fields_beyond_openais_own(ask, answer_of) -> None:
    requests: list[dict[str, Any]] = []
    with answering(refusing(requests, "temperature", says="1210")) as url:
        answer = answer_of(ask(on(url), temperature=0.5))
    own = [sorted({"temperature", "top_k", "stream_options"} & set(request)) for request in requests]
    assert own == [["stream_options", "temperature", "top_k"], ["temperature"], []]
    assert answer.refused == ("repetition_penalty", "temperature", "top_k", "top_p")


def test_greedy_is_asked_without_top_p(ask) -> None:
    """Mistral refuses top_p beside a temperature of 0."""
    requests: list[dict[str, Any]] = []
    with answering(refusing(requests, "top_p")) as url:
        list(ask(on(url), temperature=0, top_p=0.9))
    assert len(requests) == 1 and requests[0]["temperature"] == 0


# ---- lists of models

EMPTY_LIST = '{"object": "list", "data": []}'
LISTS = {
    "none": (404, "Not Found"),
    "none, in a page": (404, "<html>404</html>"),
    "not allowed": (405, ""),
    "forbidden to this key": (403, '{"error": "missing scope"}'),
    "failing": (500, "oops"),
    "no JSON": (200, "<html>Welcome</html>"),
    "empty": (200, EMPTY_LIST),
    "null": (200, '{"object": "list", "data": null}'),
    "other names": (200, '{"data": [{"id": "other"}, {"id": null}, {}]}'),
    "a bare list": (200, '[{"id": "m"}]'),
    "names alone": (200, '{"data": ["m", "other"]}'),
    "Ollama's tag": (200, '{"data": [{"id": "m:latest", "owned_by": "library"}]}'),
    "odd types": (200, '{"data": [{"id": "m", "owned_by": null, "meta": [], "max_model_len": "many"}]}'),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_model_is_asked_whatever_the_list_says(name: str, ask, answer_of, caplog) -> None:
    with answering(streaming(*HELLO, END), names=LISTS[name]) as url:
        assert answer_of(ask(on(url))).text == "Hello world"
    is_listed = name in ("a bare list", "names alone", "Ollama's tag", "odd types")
    assert is_listed != any("asked all the same" in record.message for record in caplog.records)
    assert {record.levelno for record in caplog.records} <= {logging.WARNING, logging.INFO}


def test_a_list_that_needs_a_key_is_an_error_about_the_key(ask) -> None:
    with answering(streaming(*HELLO, END), names=(401, "")) as url, pytest.raises(BackendError) as denied:
        list(ask(on(url)))
    assert denied.value.code == "openai_denied"


def test_a_model_that_neither_the_list_nor_the_chat_knows_is_refused(ask) -> None:
    body = '{"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}'
    with answering(saying(body, 404)) as url, pytest.raises(BackendError, match="has no model 'x'"):
        list(ask(on(url, "x")))


# ---- addresses, keys, proxies, certificates


@pytest.mark.parametrize("base", ["/v1", "", "/prefix", "/prefix/v1", "/api/paas/v4"])
@pytest.mark.parametrize("names", [None, (404, "")])
@pytest.mark.parametrize("typed", ["{base}", "{base}/", "{base}/chat/completions", "{base}/models", "{short}"])
def test_an_address_is_taken_as_people_paste_it(base: str, names, typed: str, ask, answer_of) -> None:
    with answering(streaming(*HELLO, END), names=names, base=base) as url:
        short = url.removesuffix("/v1")
        assert answer_of(ask(on(typed.format(base=url, short=short)))).text == "Hello world"


@pytest.mark.parametrize("typed", ["sk-1\n", "sk-1\r\n", " sk-1 ", '"sk-1"', "'sk-1'\n", "Bearer sk-1", "\ufeffsk-1"])
def test_a_key_is_taken_as_people_paste_it(typed: str, monkeypatch, ask) -> None:
    monkeypatch.setenv(KEY, typed)
    keys: list[str] = []

    def answer(handler: Any, request: dict[str, Any]) -> None:
        keys.append(handler.headers["Authorization"])
        streaming(*HELLO, END)(handler, request)

    with answering(answer) as url:
        list(ask(on(url)))
    assert keys == ["Bearer sk-1"]


@pytest.mark.parametrize("typed", ["sk-1\nsk-2", "sk–1", "密钥"])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(typed: str, monkeypatch, ask) -> None:
    monkeypatch.setenv(KEY, typed)
    with answering(streaming(*HELLO, END)) as url, pytest.raises(BackendError) as refused:
        list(ask(on(url)))
    assert refused.value.code == "openai_key" and typed not in str(refused.value)


def test_without_a_key_none_is_sent(monkeypatch, ask) -> None:
    monkeypatch.delenv(KEY, raising=False)
    seen: list[object] = []

    def answer(handler: Any, request: dict[str, Any]) -> None:
        seen.append(handler.headers["Authorization"])
        streaming(*HELLO, END)(handler, request)

    with answering(answer) as url:
        list(ask(on(url)))
    assert seen == [None]


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks://127.0.0.1:9"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_a_server_on_this_machine_is_never_behind_a_proxy(
    proxy: str, host: str, monkeypatch, dead_proxies, ask, answer_of
):
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    with answering(streaming(*HELLO, END)) as url:
        # Linux routes all of 127.0.0.0/8 to this machine, but the server listens on one address.
        here = url if host == "127.1.2.3" else url.replace("127.0.0.1", host)
        assert answer_of(ask(on(here))).text == "Hello world"
    assert proxy_for(f"http://{host}:1/v1") == proxy_for("http://[::1]:1/v1") == ("", "")


@pytest.mark.parametrize(
    ("proxy", "code", "words"),
    [
        ("socks5://u:secret@127.0.0.1:9", "openai_proxy", "pip install socksio"),
        ("socks://127.0.0.1:9", "openai_proxy", "socks5://"),
        ("http://u:secret@127.0.0.1:9", "openai_away", "through the proxy 127.0.0.1 in http_proxy"),
    ],
)
def test_a_proxy_is_named_where_it_is_in_the_way(
    proxy: str, code: str, words: str, monkeypatch, dead_proxies, ask
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(BackendError) as failed:
        list(ask(on("http://model.example:1/v1")))
    assert failed.value.code == code and words in str(failed.value) and "secret" not in str(failed.value)
    monkeypatch.setenv("no_proxy", ".example")
    assert proxy_for("http://model.example:1/v1") == ("", "")


def test_an_error_of_the_proxy_itself_names_the_proxy(monkeypatch, dead_proxies, ask) -> None:
    base = "http://model.example:1/v1"  # a proxy is asked for whole addresses
    with answering(saying("<h1>502 Bad Gateway</h1>", 502), base=base) as url, pytest.raises(BackendError) as failed:
        monkeypatch.setenv("http_proxy", url.removesuffix(base))
        list(ask(on(base)))
    assert failed.value.code == "openai_away"
    assert "502 Bad Gateway (through the proxy 127.0.0.1 in http_proxy)" in str(failed.value)


def test_a_certificate_that_nobody_knows_is_named(ask, own_certificate, monkeypatch, answer_of) -> None:
    tls, file = own_certificate
    with answering(streaming(*HELLO, END), tls=tls) as url:
        with pytest.raises(BackendError) as failed:
            list(ask(on(url)))
        assert failed.value.code == "openai_tls" and "self-signed" in str(failed.value)
        monkeypatch.setenv("SSL_CERT_FILE", file)
        assert answer_of(ask(on(url))).text == "Hello world"


def test_https_to_a_server_without_it_is_named(ask) -> None:
    with answering(streaming(*HELLO, END)) as url, pytest.raises(BackendError) as failed:
        list(ask(on(url.replace("http", "https"))))
    assert failed.value.code == "openai_tls"
