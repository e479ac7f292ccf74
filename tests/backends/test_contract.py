"""What arena may expect of every backend, whatever it runs on: the promises of arena.types.Backend.

A further backend is added to BACKENDS: a fixture that makes one which pretends to load for `load_seconds`, and a prompt
that makes it talk for long.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from model_folders import needs_oracles

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.hf.backend import HfBackend
from backends.llama import LlamaCppBackend
from backends.machine import memory
from backends.machine.energy import Meter
from backends.models.catalog import EMBEDDED
from backends.scripted import ScriptedBackend
from backends.streaming.loading import BackgroundLoad

BACKENDS = [
    pytest.param(("make_scripted", "talk"), id="scripted"),
    pytest.param(("make_llama_cpp", "Tell me a long story."), id="llama.cpp", marks=pytest.mark.model),
    pytest.param(("make_qwen", "talk"), id="qwen", marks=needs_oracles),
    pytest.param(("make_chatglm", "talk"), id="chatglm", marks=needs_oracles),
    pytest.param(("make_packed", "talk"), id="packed", marks=needs_oracles),
]
COUNTRIES = ("France", "Japan", "China", "Germany", "Italy")
CONTROL_TOKENS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|user|>")


@dataclass(frozen=True)
class Case:
    """One backend under test."""

    make: Any
    talk: str


@pytest.fixture
def make_scripted(scripted):
    capitals = [{"match": country, "steps": [{"text": f"{country}'s "}, {"text": "capital"}]} for country in COUNTRIES]
    talk = {"match": "talk", "steps": [{"text": "tick ", "delay": 0.01, "times": 2000}]}
    brief = {"steps": [{"text": "好"}, {"bytes": "f09f"}, {"bytes": "9880"}, {"text": "，", "times": 20}]}

    def make(load_seconds=0):
        return scripted(answers=[*capitals, talk, brief], load_seconds=load_seconds)

    return make


@pytest.fixture
def make_llama_cpp(engine):
    return lambda load_seconds=0: slow_to_load(LlamaCppBackend, EMBEDDED["smollm2-135m"], engine, load_seconds)


def slow_to_load(kind, spec, engine, seconds):
    """A backend whose engine is there already, but which it gets only after some seconds."""

    def open_engine():
        time.sleep(seconds)
        return engine

    return kind(spec, BackgroundLoad(open_engine))


@pytest.fixture
def make_qwen(talkative):
    return lambda load_seconds=0: slow_to_load(HfBackend, *talkative("qwen"), load_seconds)


@pytest.fixture
def make_chatglm(talkative):
    return lambda load_seconds=0: slow_to_load(HfBackend, *talkative("chatglm"), load_seconds)


@pytest.fixture
def make_packed(talkative):
    return lambda load_seconds=0: slow_to_load(HfBackend, *talkative("chatglm", packed=True), load_seconds)


@pytest.fixture(params=BACKENDS)
def case(request):
    fixture, talk = request.param
    return Case(request.getfixturevalue(fixture), talk)


@pytest.fixture
def backend(case):
    with closing(case.make()) as opened:
        yield opened


@pytest.fixture
def busy(case, backend, ask, until_text):
    """Streams of the backend that have begun to talk, as many as it runs at once; they end with the test."""
    with ExitStack() as stack:
        running = []
        while True:
            assert len(running) < 16, "the backend takes any number at once"
            stream = stack.enter_context(closing(ask(backend, case.talk, max_new_tokens=1000)))
            first = next(chunk for chunk in stream if chunk.text or chunk.stage == "queued")
            if first.stage == "queued":
                stream.close()
                break
            running.append(stream)
        yield running


# ---- how a stream ends


def test_the_last_chunk_alone_has_a_finish_reason(backend, ask):
    *before, last = ask(backend)
    assert {chunk.finish_reason for chunk in before} == {None}
    assert last.finish_reason in ("stop", "length")
    assert (last.error, last.text, last.reasoning) == (None, "", "")


def test_the_last_chunk_has_the_whole_usage(backend, ask):
    began = time.monotonic()
    *before, last = ask(backend, max_new_tokens=5)
    assert last.usage.prompt_tokens > 0
    assert 1 <= last.usage.new_tokens <= 5
    assert 0 <= last.usage.first_token_seconds <= last.usage.seconds <= time.monotonic() - began
    assert [chunk.usage.new_tokens for chunk in before if chunk.text] == sorted(
        chunk.usage.new_tokens for chunk in before if chunk.text
    )


def test_what_is_computed_here_has_joules_and_pays_until_it_is_closed(backend, ask, case, tmp_path, monkeypatch):
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    for name, content in {"name": "package-0", "max_energy_range_uj": "1000000", "energy_uj": "7"}.items():
        (zone / name).write_text(content)
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    meter = Meter()
    if not isinstance(backend, ScriptedBackend):
        monkeypatch.setattr(backend, "_counted", meter.counted)
    *before, last = ask(backend, max_new_tokens=5)
    # A script computes nothing.
    assert last.usage.joules == (None if isinstance(backend, ScriptedBackend) else 0.0)
    assert {chunk.usage.joules for chunk in before if chunk.usage} == {None}
    with closing(ask(backend, case.talk, max_new_tokens=1000)) as stream:
        next(chunk for chunk in stream if chunk.text)
    with meter.measure() as alone:
        (zone / "energy_uj").write_text("500007")
        assert alone() == 0.5


@pytest.mark.parametrize("limit", [1, 7])
def test_the_token_limit_is_kept_exactly_and_named(case, backend, ask, answer_of, limit):
    answer = answer_of(ask(backend, case.talk, max_new_tokens=limit))
    assert (answer.finish_reason, answer.usage.new_tokens) == ("length", limit)
    assert answer.text


# ---- what is shown


def test_the_text_only_grows_and_has_no_half_characters(backend, ask, texts_of):
    shown = texts_of(ask(backend, "Say 你好 and 😀"))
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
    assert "\ufffd" not in "".join(shown)
    assert shown[-1]


def test_every_token_is_an_update(case, backend, ask):
    chunks = list(ask(backend, case.talk, max_new_tokens=12))
    assert sum(bool(chunk.text) for chunk in chunks) >= 11


def test_the_reading_progress_comes_before_the_text(backend, ask):
    chunks = list(ask(backend))
    reading = next(number for number, chunk in enumerate(chunks) if chunk.stage == "reading")
    assert reading < next(number for number, chunk in enumerate(chunks) if chunk.text)
    assert chunks[reading].total == chunks[-1].usage.prompt_tokens


def test_greedy_twice_is_the_same_text(case, backend, ask, answer_of):
    first, second = (answer_of(ask(backend, case.talk, max_new_tokens=12)).text for _ in range(2))
    assert first == second


def test_an_answer_that_was_cut_goes_on_where_it_stopped(case, backend, ask, answer_of):
    whole, cut = (answer_of(ask(backend, case.talk, max_new_tokens=limit)).text for limit in (12, 6))
    talk, config = [Message("user", case.talk), Message("assistant", cut)], GenerationConfig(6, temperature=0)
    rest = answer_of(backend.stream(talk, config))
    assert backend.can_continue and rest.usage.new_tokens == 6
    # The random ChatGLM writes no metadata line before its answer, which the chat format requires.
    assert cut + rest.text == whole or (backend.spec.family == "chatglm" and rest.text)


# ---- what it is asked


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_messages_are_not_changed(backend, kind):
    messages = kind(
        [Message("system", "Be brief."), Message("user", " Hi\n"), Message("assistant", "Yes"), Message("user", "So?")]
    )
    before = kind(messages)
    list(backend.stream(messages, GenerationConfig(max_new_tokens=1)))
    assert messages == before


def test_a_second_turn_has_the_first_in_its_prompt(backend, ask, answer_of):
    first = answer_of(ask(backend, "Hi", max_new_tokens=6))
    talk = [Message("user", "Hi"), Message("assistant", first.text), Message("user", "And then?")]
    second = answer_of(backend.stream(talk, GenerationConfig(max_new_tokens=6, temperature=0)))
    assert second.text
    assert second.usage.prompt_tokens > first.usage.prompt_tokens
    assert second.dropped_turns == 0


def test_a_conversation_does_not_affect_the_next(backend, ask, answer_of):
    alone = answer_of(ask(backend, "Hi", max_new_tokens=2)).usage.prompt_tokens
    answer_of(ask(backend, "secret ZX-1 " * 20, max_new_tokens=2))
    assert answer_of(ask(backend, "Hi", max_new_tokens=2)).usage.prompt_tokens == alone


def test_what_looks_like_a_control_token_is_ordinary_text(backend, ask, answer_of):
    letter, *hostile = (answer_of(ask(backend, text, max_new_tokens=1)).usage for text in ("x", *CONTROL_TOKENS))
    assert all(usage.prompt_tokens >= letter.prompt_tokens + 2 for usage in hostile)


def test_a_check_counts_as_the_stream_does_once_the_model_is_loaded(case, backend, ask, answer_of):
    fits, too_long = [Message("user", "x " * 20)], [Message("user", "x " * 30_000)]
    with closing(case.make(load_seconds=60)) as loading:
        loading.check(too_long)  # nobody knows yet
    answer_of(ask(backend, "Hi", max_new_tokens=1))
    backend.check(fits)
    backend.check([*too_long, Message("assistant", "x"), *fits])  # older turns are left out
    with pytest.raises(InputError) as checked:
        backend.check(too_long)
    refused = answer_of_error(backend.stream(too_long, GenerationConfig(max_new_tokens=1)))
    assert checked.value.code == "prompt_too_long" and checked.value.details == refused.details


def answer_of_error(stream):
    with pytest.raises(InputError) as refused:
        list(stream)
    return refused.value


def test_a_prompt_that_is_too_long_is_refused_with_its_length(backend, ask, answer_of):
    with pytest.raises(InputError) as refusal:
        list(ask(backend, "word " * 40_000))
    assert refusal.value.code == "prompt_too_long"
    assert refusal.value.details["limit"] == backend.spec.context_length
    assert refusal.value.details["tokens"] >= 40_000
    assert backend.spec.name in str(refusal.value)
    assert answer_of(ask(backend)).text


def test_the_oldest_turns_that_do_not_fit_are_left_out_and_counted(backend):
    turn = [Message("user", "word " * 4000), Message("assistant", "yes")]
    *_, last = chunks = list(
        backend.stream([*turn, *turn, Message("user", "Hi")], GenerationConfig(max_new_tokens=200))
    )
    assert [chunk.dropped_turns for chunk in chunks if chunk.dropped_turns] == [2]
    assert last.usage.prompt_tokens + 200 <= backend.spec.context_length


# ---- many at once


def test_five_at_once_all_finish_and_do_not_mix(backend, ask, answer_of, threads_return):
    def capital(country):
        return answer_of(ask(backend, f"What is the capital of {country}?", max_new_tokens=6))

    alone = [capital(country) for country in COUNTRIES]
    with ThreadPoolExecutor(len(COUNTRIES)) as pool:
        together = list(pool.map(capital, COUNTRIES))
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert len({answer.text for answer in alone}) > 2
    assert [answer.usage.new_tokens for answer in together] == [answer.usage.new_tokens for answer in alone]
    assert threads_return()


# ---- closing


def test_closing_in_the_middle_ends_the_work(case, backend, ask, until_text, threads_return):
    stream = ask(backend, case.talk, max_new_tokens=1000)
    until_text(stream)
    stream.close()
    assert threads_return()


def test_closing_at_the_first_chunk_ends_the_work(case, backend, ask, threads_return):
    list(ask(backend, max_new_tokens=1))  # loaded
    stream = ask(backend, case.talk, max_new_tokens=1000)
    next(stream)
    stream.close()
    assert threads_return()


def test_closing_while_it_loads_returns_at_once(case, ask, answer_of, eventually, threads_return):
    with closing(case.make(load_seconds=0.6)) as backend:
        stream = ask(backend)
        assert next(stream).stage == "loading"
        stream.close()
        assert answer_of(ask(backend, max_new_tokens=1)).text
    assert threads_return()


def test_a_queued_stream_shows_its_place_stays_alive_and_can_be_closed(backend, busy, ask, until_text):
    waiting = ask(backend, max_new_tokens=2)
    chunks = [next(waiting) for _ in range(4)]
    assert {(chunk.stage, chunk.done) for chunk in chunks} <= {("queued", 1), ("loading", 0)}
    behind = ask(backend, max_new_tokens=2)
    assert next(chunk for chunk in behind if chunk.stage == "queued").done == 2
    waiting.close()
    assert next(chunk for chunk in behind if chunk.done != 2).done == 1
    busy[0].close()
    assert until_text(behind).text


# ---- loading


def test_loading_shows_life_twice_a_second(case, ask):
    with closing(case.make(load_seconds=2)) as backend, closing(ask(backend)) as stream:
        assert {next(stream).stage for _ in range(4)} == {"loading"}


def test_the_load_state_goes_from_nothing_to_ready(case, eventually):
    with closing(case.make(load_seconds=0.2)) as backend:
        assert (backend.load_state.ready, backend.load_state.seconds) == (False, 0)
        backend.load()
        assert eventually(lambda: backend.load_state.seconds > 0)
        assert eventually(lambda: backend.load_state.ready)


def test_closing_the_backend_ends_a_stream_that_waits_for_it(case, ask):
    backend = case.make(load_seconds=0.6)
    stream = ask(backend)
    next(stream)
    backend.close()
    with pytest.raises(BackendError):
        list(stream)
    assert not backend.load_state.ready


def test_closing_the_backend_leaves_no_stream_hanging(case, ask, until_text, in_background, threads_return):
    backend = case.make()
    stream = ask(backend, case.talk, max_new_tokens=20)
    until_text(stream)
    backend.close()
    assert in_background(lambda: ended(stream)).result()
    assert threads_return()


def ended(stream):
    """Whether a stream ends as it should: with a finish_reason or an error of ours."""
    try:
        return list(stream)[-1].finish_reason is not None
    except BackendError:
        return True


def test_a_closed_backend_loads_again_at_the_next_prompt(backend, ask, answer_of):
    assert answer_of(ask(backend, max_new_tokens=1)).text
    backend.close()
    assert not backend.load_state.ready
    assert answer_of(ask(backend, max_new_tokens=1)).text
