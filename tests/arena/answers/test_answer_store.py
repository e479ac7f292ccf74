"""The file of answers: each there once it was said to be, whatever happens after; what is known comes back whole."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.answers import (
    AnswerStore,
    Recorded,
    answer_key,
    answers_by_key,
    answers_of,
    from_line,
    read_recorded,
    to_line,
)
from arena.errors import ErrorInfo, InputError
from arena.generation_config import GenerationConfig
from arena.judging.pairs import as_shown, pairs_of
from arena.text import clean
from arena.types import Answer, Message, ModelSpec, Side, Usage

ROOT = Path(__file__).parents[3]
MODEL = ModelSpec("qwen", "Qwen", "qwen", "/secret/place", "llama.cpp", "int4", "r1", 8192, "Apache-2.0", "https://x")


def entry(text="Because.", prompt="Why?", repeat=0, model=MODEL, **more):
    messages, config = (Message("user", prompt),), GenerationConfig(seed=7)
    answer = Answer(text, finish_reason="stop", usage=Usage(3, 12, 0.5, 2.0, joules=81.5))
    key = answer_key(model, messages, config, repeat)
    side = Side(model, messages, config, answer)
    return Recorded("q1", prompt, side, repeat, key=key, memory=5, machine={"cores": 2}, time=9.0, **more)


# ---- one line


def test_a_record_keeps_everything_but_the_models_path():
    talk = (Message("system", "Be short."), Message("user", "Hi"), Message("assistant", "Ho"), Message("user", "Why?"))
    side = replace(entry().side, messages=talk)
    failed = Answer("Be", "Hm", finish_reason="error", error=ErrorInfo("silent", "No sign.", {"seconds": "120"}))
    for output in (
        entry(),
        replace(entry(), prompt="Hi", side=side, turn=2),
        replace(entry(), side=replace(side, answer=failed), prompt="Hi"),
        replace(entry(), side=replace(entry().side, answer=Answer("Ho", refused=("seed",), finish_reason="stop"))),
    ):
        line = json.loads(json.dumps(to_line(output)))
        assert "secret" not in json.dumps(line)
        model = replace(output.side.model, source="")
        assert from_line(line) == replace(output, side=replace(output.side, model=model))


@given(st.text(min_size=1), st.text(), st.text())
def test_every_text_comes_back(prompt, response, reasoning):
    output = entry(clean(response), "Q" + clean(prompt))
    output = replace(output, side=replace(output.side, answer=replace(output.side.answer, reasoning=clean(reasoning))))
    back = from_line(json.loads(json.dumps(to_line(output), ensure_ascii=False)))
    assert (back.prompt, back.side.answer) == (output.prompt, output.side.answer)


def test_a_stored_line_has_the_keys_that_others_read():
    line = to_line(entry())
    output = {name: line[name] for name in ("prompt_id", "prompt", "model", "response", "seconds")}
    assert output == {"prompt_id": "q1", "prompt": "Why?", "model": "qwen", "response": "Because.", "seconds": 2.0}


@pytest.mark.parametrize(
    "other",
    [
        (replace(MODEL, id="x"), "Why?", GenerationConfig(seed=7), 0),
        (replace(MODEL, revision="r2"), "Why?", GenerationConfig(seed=7), 0),
        (replace(MODEL, precision="int8"), "Why?", GenerationConfig(seed=7), 0),
        (MODEL, "Why? ", GenerationConfig(seed=7), 0),
        (MODEL, "Why?", GenerationConfig(seed=8), 0),
        (MODEL, "Why?", GenerationConfig(seed=7, temperature=0.1), 0),
        (MODEL, "Why?", GenerationConfig(seed=7), 1),
    ],
)
def test_whatever_changes_the_answer_changes_the_key(other):
    model, prompt, config, repeat = other
    assert answer_key(model, [Message("user", prompt)], config, repeat) != entry().key


def test_a_key_is_the_same_in_every_version():
    """Or answers of an earlier version would be asked for again."""
    output = (
        '[["qwen", "r1", "int4"], [["user", "Why?"]], {"max_new_tokens": 512, "repetition_penalty": 1.0, "seed": 7, '
        '"temperature": 0.7, "top_k": 0, "top_p": 0.9}, 0]'
    )
    assert entry().key == hashlib.sha256(output.encode()).hexdigest()
    assert entry(model=replace(MODEL, name="Q", source="elsewhere")).key == entry().key


# ---- the file


def test_appended_answers_are_read_at_the_next_start(tmp_path):
    path = tmp_path / "new" / "answers.jsonl"
    with AnswerStore(path) as store:
        store.append(entry())
        store.append(entry("Again.", repeat=1))
        assert store.answers[entry().key].side.answer.text == "Because."
    with AnswerStore(path) as store:
        assert store.answers[entry().key].side.answer.text == "Because."
        assert store.answers[entry("", repeat=1).key].repeat == 1
        assert "unknown" not in store.answers
    assert [result.repeat for result in read_recorded(path)] == [0, 1]


def test_the_later_answer_with_a_key_counts(tmp_path):
    path = tmp_path / "answers.jsonl"
    failed = replace(entry(), side=replace(entry().side, answer=Answer("", finish_reason="error")))
    with AnswerStore(path) as store:
        store.append(failed)
        assert store.answers[failed.key].failed
        store.append(entry())
        assert not store.answers[failed.key].failed
    assert [result.side.answer.text for result in read_recorded(path)] == ["Because."]


def test_answers_are_appended_to_a_file_from_elsewhere(tmp_path):
    path = tmp_path / "answers.jsonl"
    given = {"prompt_id": "q1", "prompt": "Why?", "model": "GLM", "response": "So."}
    path.write_text("\ufeff" + json.dumps(given), encoding="utf-8")  # its last line does not end
    with AnswerStore(path) as store:
        store.append(entry())
    (pair,) = pairs_of(read_recorded(path))
    assert (pair.a.model.id, pair.b.model.id) == ("GLM", "qwen")


def test_a_torn_line_is_moved_aside(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswerStore(path) as store:
        store.append(entry())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    with AnswerStore(path) as store:
        store.append(entry("Again.", repeat=1))
    assert path.read_bytes().startswith(whole) and len(read_recorded(path)) == 2
    (aside,) = tmp_path.glob("answers.jsonl.torn-*")
    assert aside.read_bytes() == whole[:100]


def test_a_line_that_is_cut_anywhere_stops_no_reader(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswerStore(path) as store:
        store.append(entry("回答"))
    whole = path.read_bytes()
    for cut in range(1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert answers_of(tmp_path) is None and answers_by_key(path) == {}
        path.write_bytes(whole + whole[:cut])
        assert answers_of(tmp_path) == path and len(read_recorded(path)) == len(answers_by_key(path)) == 1


def test_the_last_line_of_another_program_is_named_if_it_is_cut(tmp_path, caplog):
    path = tmp_path / "given.jsonl"
    given = json.dumps({"prompt_id": "q1", "prompt": "Why?", "model": "GLM", "response": "So."})
    path.write_text(f"{given}\n{given[:-3]}", encoding="utf-8")
    assert len(read_recorded(path)) == 1 and "line 2: it is not valid JSON" in caplog.text


def test_a_malformed_file_is_refused_and_not_changed(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("{]\n", encoding="utf-8")
    for _ in range(2):  # the first refusal lets go of it
        with pytest.raises(InputError, match="line 1") as refused:
            AnswerStore(path)
        assert refused.value.code == "answers_broken"
    assert path.read_text(encoding="utf-8") == "{]\n"


def test_two_batches_do_not_write_into_one_file(tmp_path):
    with AnswerStore(tmp_path / "answers.jsonl"), pytest.raises(InputError) as refused:
        AnswerStore(tmp_path / "answers.jsonl")
    assert refused.value.code == "answers_busy"
    AnswerStore(tmp_path / "answers.jsonl").close()


def test_an_unwritable_path_is_refused_when_opened(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refused:
        AnswerStore(tmp_path / "file" / "answers.jsonl")
    assert refused.value.code == "answers_unwritable"
    with pytest.raises(InputError):
        AnswerStore(tmp_path)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "answers.jsonl"
    with AnswerStore(path) as store:
        store.append(entry())
        before = path.read_bytes()

        def full(descriptor):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(InputError, match="No space left") as refused:
                store.append(entry(repeat=1))
        assert refused.value.code == "answers_unwritable"
        assert path.read_bytes() == before and entry(repeat=1).key not in store.answers
        store.append(entry(repeat=1))
    assert len(read_recorded(path)) == 2


def test_threads_do_not_mix_lines(tmp_path):
    with AnswerStore(tmp_path / "answers.jsonl") as store:
        many = [threading.Thread(target=store.append, args=(entry("x" * 5000, repeat=at),)) for at in range(20)]
        for item in many:
            item.start()
        for item in many:
            item.join()
    assert {result.repeat for result in read_recorded(store.path)} == set(range(20))


def test_a_killed_writer_loses_no_acknowledged_answer(tmp_path):
    code = (
        "import sys; sys.path[:0] = ['.', 'tests/arena/answers']\n"
        "from pathlib import Path; from arena.answers import AnswerStore; from test_answer_store import entry\n"
        "store = AnswerStore(Path(sys.argv[1])); at = int(sys.argv[2])\n"
        "while True:\n    store.append(entry('x' * 3000, repeat=at)); print(at, flush=True); at += 1\n"
    )
    path, said = tmp_path / "answers.jsonl", []
    for _ in range(3):
        start = str(len(said) + 1000 * len(said))
        run = subprocess.Popen([sys.executable, "-c", code, path, start], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        said += [int(run.stdout.readline()) for _ in range(30)]
        run.send_signal(signal.SIGKILL)
        said += [int(line) for line in run.stdout.read().splitlines()]
        run.wait()
    AnswerStore(path).close()
    assert {result.repeat for result in read_recorded(path)} >= set(said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_file_is_said_at_once(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("")
    path.chmod(stat.S_IRUSR)
    with pytest.raises(InputError) as refused:
        AnswerStore(path)
    assert refused.value.code == "answers_unwritable"


# ---- conversations


def test_a_pair_of_a_conversation_is_its_last_answer_of_both():
    def turn(model, number, answered):
        talk = [Message("user", "Hi")]
        for at in range(1, number):
            talk += [Message("assistant", f"{model} {at}"), Message("user", f"More {at}")]
        side = Side(ModelSpec(model, model, "", "", "", ""), tuple(talk), None, Answer(answered, finish_reason="stop"))
        return Recorded("q1", "Hi", side, turn=number)

    said = [turn(model, number, f"{model} {number}") for model in "ab" for number in (1, 2)]
    (pair,) = pairs_of([*said, turn("a", 3, "a 3")])
    assert (pair.turn, pair.prompt, pair.a.answer.text, pair.b.answer.text) == (2, "More 1", "a 2", "b 2")
    battle = as_shown(pair, "id", swapped=True)
    assert (battle.turn, battle.prompt, battle.a.model.id) == (2, "More 1", "b")
    (other,) = pairs_of([replace(said[1], side=replace(said[1].side, messages=(Message("user", "Hi"),))), said[3]])
    assert other.id != pair.id


def test_a_failed_answer_makes_no_pair():
    failed = Answer("Be", finish_reason="error", error=ErrorInfo("silent", "No sign."))
    other = entry(model=replace(MODEL, id="glm"))
    assert pairs_of([entry(), other])
    assert not pairs_of([replace(entry(), side=replace(entry().side, answer=failed)), other])
