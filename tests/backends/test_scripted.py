"""The scripted backend: every key of its format, what it refuses, and what it keeps of what it was asked."""

import time
from itertools import pairwise

import pytest

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message, Usage
from backends import scripted as module
from backends.scripted import ScriptedBackend, read_script, scripted_spec

EVERY_KEY = {
    "id": "tortoise",
    "name": "Tortoise",
    "slots": 2,
    "context_length": 512,
    "load_seconds": 0.01,
    "load_until": "go.txt",
    "load_error": "disk on fire",
    "thinking": "switch",
    "stop": ["<|im_end|>"],
    "answers": [
        {"match": "joke", "ignore_stop": False, "steps": [{"text": "Ha", "delay": 0, "times": 3}, {"bytes": "f09f"}]},
        {"steps": [{"until": "go.txt"}, {"hang": True}, {"raise": "out of memory"}]},
    ],
}
BROKEN = {
    "not JSON": "{'id': 1}",
    "cut off": '{"id": "x"',
    "empty": "",
    "a list": "[]",
    "null": "null",
    "unknown key": '{"answer": []}',
    "unknown key of an answer": '{"answers": [{"step": []}]}',
    "unknown key of a step": '{"answers": [{"steps": [{"txt": "x"}]}]}',
    "answers no list": '{"answers": {"steps": []}}',
    "answers a number": '{"answers": 5}',
    "an answer no object": '{"answers": ["x"]}',
    "steps no list": '{"answers": [{"steps": 5}]}',
    "a step no object": '{"answers": [{"steps": [5]}]}',
    "text a number": '{"answers": [{"steps": [{"text": 5}]}]}',
    "times a text": '{"answers": [{"steps": [{"times": "3"}]}]}',
    "delay a text": '{"answers": [{"steps": [{"delay": "1 s"}]}]}',
    "bytes no hexadecimal": '{"answers": [{"steps": [{"bytes": "xyz"}]}]}',
    "bytes a number": '{"answers": [{"steps": [{"bytes": 5}]}]}',
    "slots a text": '{"slots": "two"}',
    "stop no list": '{"stop": "<|im_end|>"}',
}


# ---- the format


def test_every_key_is_documented_and_taken(write_script):
    known = {*module._SCRIPT_KEYS, *module._ANSWER_KEYS, *module._STEP_KEYS}
    assert {key for key in known if f'"{key}":' in module.__doc__} == known
    used = {
        *EVERY_KEY,
        *EVERY_KEY["answers"][0],
        *(k for a in EVERY_KEY["answers"] for step in a["steps"] for k in step),
    }
    assert used == known
    assert read_script(write_script(**EVERY_KEY)) == EVERY_KEY


def test_the_spec_is_what_the_script_says(write_script):
    path = write_script(**EVERY_KEY)
    spec = scripted_spec(path)
    assert (spec.id, spec.name, spec.context_length) == ("tortoise", "Tortoise", 512)
    assert (spec.family, spec.runtime, spec.source) == ("scripted", "scripted", str(path))


def test_the_file_names_a_script_without_names(write_script):
    spec = scripted_spec(write_script())
    assert (spec.id, spec.name, spec.context_length) == ("script-1", "script-1", 4096)
    assert scripted_spec(write_script(id="hare")).name == "hare"


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_script_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        scripted_spec(path)
    assert refusal.value.code == "script_broken"
    assert str(path) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert refusal.value.details["reason"]


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_an_unreadable_script_is_refused(tmp_path, make):
    path = tmp_path / "script.json"
    if make == "folder":
        path.mkdir()
    if make == "binary":
        path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError) as refusal:
        read_script(path)
    assert refusal.value.code == "script_broken"


def test_the_refusal_names_the_unknown_key(write_script):
    with pytest.raises(InputError, match="'colour'"):
        read_script(write_script(answers=[{"steps": [{"colour": "red"}]}]))


# ---- playing


def test_each_step_is_one_token_repeated_by_its_times(scripted, ask):
    backend = scripted({"text": "Ha", "times": 3}, {"text": "!"})
    *chunks, last = ask(backend, "Hi")
    assert [chunk.text for chunk in chunks if chunk.text] == ["Ha", "Ha", "Ha", "!"]
    assert (last.finish_reason, last.usage.prompt_tokens, last.usage.new_tokens) == ("stop", 2, 4)
    assert backend.produced == 4


def test_a_delay_comes_before_every_token(scripted, ask):
    began = time.monotonic()
    *_, last = ask(scripted({"text": "x", "delay": 0.05, "times": 3}))
    assert 0.15 <= last.usage.seconds <= time.monotonic() - began
    assert 0.05 <= last.usage.first_token_seconds < last.usage.seconds


def test_a_long_delay_shows_life_twice_a_second(scripted, ask, is_sign_of_life):
    stream = ask(scripted({"text": "x", "delay": 0.9}))
    signs = [chunk for chunk in stream if is_sign_of_life(chunk)]
    assert len(signs) >= 2


def test_a_token_waits_for_a_file_and_shows_life(scripted, ask, tmp_path, is_sign_of_life, texts_of):
    file = tmp_path / "go.txt"
    stream = ask(scripted({"text": "x"}, {"until": str(file), "text": "y"}))
    assert next(chunk.text for chunk in stream if chunk.text) == "x"
    assert is_sign_of_life(next(stream)) and is_sign_of_life(next(stream))
    file.touch()
    assert texts_of(stream)[-1] == "y"


@pytest.mark.parametrize("text", ["你好，世界😀", "🇩🇪🇨🇳", "👨‍👩‍👧‍👦", " 根"])
def test_bytes_one_by_one_never_show_half_a_character(scripted, ask, texts_of, text):
    shown = texts_of(ask(scripted(*({"bytes": f"{byte:02x}"} for byte in text.encode())), max_new_tokens=100))
    assert "\ufffd" not in "".join(shown)
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
    assert shown[-1] == text


def test_sixty_tokens_without_a_space_are_sixty_updates(scripted, ask, texts_of):
    steps = [{"text": character, "delay": 0.001} for character in "，。、😀AZ" * 10]
    shown = texts_of(ask(scripted(*steps, stop=["<|im_end|>"]), max_new_tokens=100))
    assert len(set(shown) - {""}) == 60


def test_the_first_answer_that_fits_the_last_message_is_played(scripted, answer_of):
    def play(prompt):
        talk = [Message("user", "joke"), Message("assistant", "no"), Message("user", prompt)]
        return answer_of(backend.stream(talk, GenerationConfig())).text

    answers = [("joke", "Ha"), ("jo", "Yo"), (None, "else")]
    backend = scripted(
        answers=[{**({"match": match} if match else {}), "steps": [{"text": text}]} for match, text in answers]
    )
    assert [play(prompt) for prompt in ("a joke!", "jo", "other")] == ["Ha", "Yo", "else"]


@pytest.mark.parametrize("script", [{}, {"answers": []}, {"answers": [{"match": "never"}]}, {"answers": [{}]}])
def test_without_a_matching_answer_the_text_is_empty(write_script, ask, script):
    *chunks, last = ask(ScriptedBackend(scripted_spec(write_script(**script))))
    assert not any(chunk.text for chunk in chunks)
    assert (last.finish_reason, last.usage.new_tokens, last.usage.first_token_seconds) == ("stop", 0, None)


def test_a_stop_string_ends_the_answer_and_the_work(scripted, ask, answer_of):
    backend = scripted(
        *({"text": text} for text in ("answer", "<|im_", "end|>\n<|im_start|>user")),
        {"text": "rubbish", "times": 500},
        stop=["<|im_end|>"],
    )
    answer = answer_of(ask(backend, max_new_tokens=600))
    assert (answer.text, answer.finish_reason, answer.usage.new_tokens) == ("answer", "stop", 3)
    assert backend.produced == 3


def test_a_stop_string_at_the_limit_is_a_stop(scripted, ask, answer_of):
    answer = answer_of(ask(scripted({"text": "yes"}, {"text": "<end>"}, stop=["<end>"]), max_new_tokens=2))
    assert (answer.text, answer.finish_reason, answer.usage.new_tokens) == ("yes", "stop", 2)


def test_part_of_a_stop_string_at_the_end_is_text(scripted, ask, answer_of):
    assert answer_of(ask(scripted({"text": "1 <e"}, stop=["<end>"]))).text == "1 <e"


def test_glm_turn_marks_are_not_shown(scripted, ask, answer_of):
    backend = scripted({"text": "北京<|user|>\n再问"}, stop=["</s>", "<|user|>", "<|observation|>"])
    assert answer_of(ask(backend)).text == "北京"


def test_endless_text_is_kept_up_to_the_limit(scripted, ask, answer_of):
    answer = answer_of(ask(scripted({"text": "G", "times": 300}), max_new_tokens=20))
    assert (answer.text, answer.finish_reason, answer.usage.new_tokens) == ("G" * 20, "length", 20)


@pytest.mark.parametrize(
    ("pieces", "text", "reasoning"),
    [
        (["<think>rea", "son</think>answer"], "answer", "reason"),
        (["rea", "son</th", "ink>\nans", "wer"], "answer", "reason"),
        (["<think>", "</think>", "answer"], "answer", ""),
        (["say <think>"], "say <think>", ""),
    ],
    ids=["both marks", "only closing", "nothing between", "in the middle"],
)
def test_reasoning_is_kept_apart(scripted, ask, answer_of, pieces, text, reasoning):
    answer = answer_of(ask(scripted(*({"text": piece} for piece in pieces))))
    assert (answer.text, answer.reasoning, answer.finish_reason) == (text, reasoning, "stop")


def test_reasoning_that_meets_the_limit_is_marked_as_cut(scripted, ask, answer_of):
    answer = answer_of(ask(scripted({"text": "<think>"}, {"text": "hm ", "times": 50}), max_new_tokens=5))
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("", "hm " * 4, "length")


# ---- failing


@pytest.mark.parametrize("tokens", [0, 5])
def test_raise_fails_with_its_message_and_frees_the_slot(scripted, ask, answer_of, tokens):
    boom = {"match": "boom", "steps": [{"text": "x", "times": tokens}, {"raise": "out of memory"}]}
    backend = scripted(answers=[boom, {"steps": [{"text": "fine"}]}], slots=1)
    seen = []
    with pytest.raises(BackendError, match="out of memory") as failure:
        seen.extend(ask(backend, "boom"))
    assert [chunk.text for chunk in seen if chunk.text] == ["x"] * tokens
    assert (failure.value.code, failure.value.details) == ("backend_failed", {"reason": "out of memory"})
    assert answer_of(ask(backend)).text == "fine"


def test_hang_never_returns_and_does_not_block_others(scripted, ask, answer_of, in_background):
    answers = [{"match": "hang", "steps": [{"text": "Hm"}, {"hang": True}]}, {"steps": [{"text": "fine"}]}]
    backend = scripted(answers=answers)
    stream = ask(backend, "hang")
    hanging = in_background(list, stream)
    assert answer_of(ask(backend)).text == "fine"
    assert not hanging.done(0.2)


def test_with_ignore_stop_closing_the_stream_never_returns(scripted, ask, until_text, in_background):
    backend = scripted(answers=[{"ignore_stop": True, "steps": [{"text": "x", "times": 100}]}])
    stream = ask(backend, max_new_tokens=100)
    until_text(stream)
    assert not in_background(stream.close).done(0.2)


def test_ignore_stop_plays_to_the_end_if_nobody_closes(scripted, ask, answer_of):
    backend = scripted(answers=[{"ignore_stop": True, "steps": [{"text": "x", "times": 9}]}])
    assert answer_of(ask(backend)).text == "x" * 9


def test_load_error_reaches_every_stream(scripted, ask):
    backend = scripted(load_error="disk on fire", name="Tortoise")
    for _ in range(2):
        with pytest.raises(BackendError) as failure:
            list(ask(backend))
        assert failure.value.code == "load_failed"
        assert str(failure.value) == "Tortoise cannot be loaded: disk on fire"
    assert backend.load_state.error.details == {"reason": "disk on fire"}
    assert backend.requests == []


def test_load_seconds_pass_once(scripted, ask):
    backend = scripted({"text": "x"}, load_seconds=0.3)
    began = time.monotonic()
    first, *_ = chunks = list(ask(backend))
    assert first == Chunk(stage="loading")
    # Both lasted at least this long, and usage does not count the loading.
    assert chunks[-1].usage.seconds <= time.monotonic() - began - 0.3
    assert not any(chunk.stage == "loading" for chunk in ask(backend))


def test_loading_waits_for_a_file(scripted, ask, tmp_path, texts_of):
    file = tmp_path / "go.txt"
    stream = ask(scripted({"text": "x"}, load_until=str(file)))
    assert [next(stream).stage, next(stream).stage] == ["loading", "loading"]
    file.touch()
    assert texts_of(stream)[-1] == "x"


# ---- what it keeps


def test_requests_are_recorded_unchanged(scripted):
    backend = scripted({"text": "x"})
    messages = [Message("system", "Be kind."), Message("user", "<|im_end|>\n<think> 你好\t ")]
    config = GenerationConfig(seed=7)
    list(backend.stream(messages, config))
    assert backend.requests == [(tuple(messages), config)]


def test_sixty_long_turns_arrive_without_the_oldest(scripted):
    backend = scripted({"text": "x"}, context_length=2048)
    turns = [m for n in range(60) for m in (Message("user", f"{n:03}" + "q" * 247), Message("assistant", "a" * 250))]
    talk = [Message("system", "s"), *turns, Message("user", "last")]
    chunks = list(backend.stream(talk, GenerationConfig(max_new_tokens=500)))
    ((asked, _),) = backend.requests
    dropped = next(chunk.dropped_turns for chunk in chunks if chunk.dropped_turns)
    assert asked == (talk[0], *talk[1 + 2 * dropped :])
    assert sum(len(message.content) for message in asked) + 500 <= 2048
    assert dropped == 57


def test_refused_and_queued_requests_are_not_recorded(scripted, ask, until_text):
    backend = scripted({"text": "x", "delay": 0.01, "times": 500}, slots=1)
    with pytest.raises(InputError):
        list(ask(backend, "x" * 200_000))
    running = ask(backend, "first", max_new_tokens=500)
    until_text(running)
    queued = ask(backend, "second")
    assert next(queued).stage == "queued"
    queued.close()
    running.close()
    assert [messages[-1].content for messages, _ in backend.requests] == ["first"]


def test_nothing_is_produced_after_closing(scripted, ask, until_text, threads_return):
    backend = scripted({"text": "x", "delay": 0.002, "times": 500})
    stream = ask(backend, max_new_tokens=500)
    until_text(stream)
    stream.close()
    assert threads_return()
    assert backend.produced == 1


@pytest.mark.parametrize(("script", "places"), [({}, 4), ({"slots": 1}, 1), ({"slots": 2}, 2)])
def test_slots_is_how_many_answers_play_at_once(scripted, ask, script, places):
    backend = scripted({"text": "x", "delay": 0.01, "times": 500}, **script)
    list(ask(backend, max_new_tokens=1))
    streams = [ask(backend, max_new_tokens=500) for _ in range(places + 2)]
    firsts = [next(stream) for stream in streams]
    for stream in streams:
        stream.close()
    assert [chunk.stage for chunk in firsts] == ["reading"] * places + ["queued"] * 2
    assert [chunk.done for chunk in firsts[places:]] == [1, 2]


def test_the_usage_grows_with_every_token(scripted, ask):
    usages = [chunk.usage for chunk in ask(scripted({"text": "x", "times": 3}), "Hello") if chunk.text]
    assert [(usage.prompt_tokens, usage.new_tokens) for usage in usages] == [(5, 1), (5, 2), (5, 3)]
    assert all(isinstance(usage, Usage) and usage.seconds >= usage.first_token_seconds for usage in usages)
