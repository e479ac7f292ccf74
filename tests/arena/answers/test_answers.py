"""Recorded answers from a file, and the pairs to judge among them."""

import json

import pytest

from arena.answers import read_recorded
from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.judging.pairs import as_shown, pairs_of
from arena.prompts import Prompt
from arena.types import Message


def line(model="Qwen", prompt_id="q1", prompt="Why?", response="Because.", **more):
    return {"prompt_id": prompt_id, "prompt": prompt, "model": model, "response": response, **more}


@pytest.fixture
def written(tmp_path):
    def write(*lines):
        path = tmp_path / "answers.jsonl"
        texts = [entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False) for entry in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return write


def test_an_answer_is_read_with_all_that_is_known_of_it(written):
    known = {"seconds": 171, "tokens": 12, "truncated": True, "precision": "bf16", "revision": "r1"}
    given = line("ChatGLM", response="好\u2028。", **known)
    (result,) = read_recorded(written(given))
    assert (result.prompt_id, result.prompt, result.repeat) == ("q1", "Why?", 0)
    side = result.side
    assert (side.model.id, side.model.precision, side.model.revision) == ("ChatGLM", "bf16", "r1")
    assert side.messages == (Message("user", "Why?"),)
    assert (side.answer.text, side.answer.finish_reason) == ("好\u2028。", "length")
    assert (side.answer.usage.seconds, side.answer.usage.new_tokens) == (171, 12)


def test_unknown_values_stay_unknown(written):
    (result,) = read_recorded(written(line(source="a notebook", doubtful=[])))
    assert result.side.answer.finish_reason == "stop" and result.side.config is None
    assert result.side.answer.usage.seconds is None and result.side.answer.usage.new_tokens is None


def mt_bench(**changes):
    """A line of MT-bench's model_answer files, which name their prompts in another file."""
    choices = [{"index": 0, "turns": ["Because.", "Still."]}]
    known = {"question_id": 81, "answer_id": "a", "model_id": "vicuna-7b", "choices": choices, "tstamp": 1686.5}
    return json.dumps({**known, **changes})


def test_a_line_of_mt_bench_with_its_prompt_and_answer_is_read(written):
    (result,) = read_recorded(written(mt_bench(prompt="Why?", response="Because.")))
    assert (result.prompt_id, result.side.model.id, result.side.answer.text) == ("81", "vicuna-7b", "Because.")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("{", "line 2: it is not valid JSON"),
        ("[" * 100_000, "line 2: it is not valid JSON"),
        ("[]", "line 2: it is not a JSON object"),
        (line(model=" "), "line 2: model must be a text"),
        (line(prompt=""), "line 2: prompt must be a text"),
        (mt_bench(), "line 2: it has choices but no prompt, as MT-bench's answers"),
        (mt_bench(choices=None, model="m"), "line 2: prompt must be a text"),
        (line(seconds=-1), "line 2: seconds must be a number"),
        (line(seconds="12"), "line 2: seconds must be a number"),
        (line(tokens=1.5), "line 2: tokens must be a whole number"),
        (line(tokens=True), "line 2: tokens must be a whole number"),
        (line(messages=[]), "line 2: messages must end with the prompt"),
        (line(messages="Why?"), "line 2: messages must be a list"),
        (line(messages=[{"role": "user", "content": "Who?"}]), "line 2: messages must end with the prompt"),
        (line(messages=[{"role": "boss", "content": "Why?"}]), "line 2: a role must be one of"),
        (line(messages=[{"role": ["user"], "content": "Why?"}]), "line 2: a role must be one of"),
        (line(messages=[{"role": "user", "content": 7}]), "line 2: messages must be a list"),
        (line(config={"temperatur": 1}), "line 2: config is wrong: There is no setting"),
        (line(config={"top_p": 7}), "line 2: config is wrong: top_p"),
        (line(config=7), "line 2: config must be an object"),
        (line(config=""), "line 2: config must be an object"),
        (line(finish_reason=7), "line 2: finish_reason must be one of"),
        (line(response=7), "line 2: response must be a text"),
        (line(prompt_id=True), "line 2: prompt_id must be a text"),
        (line(seconds=float("inf")), "line 2: seconds must be a number"),
        (line(error="boom"), "line 2: error must be an object"),
        (line(machine=[1]), "line 2: machine must be an object"),
        (line(family={}), "line 2: family must be a text"),
        (line(turn=-1), "line 2: turn must be a whole number"),
        (line(refused=5), "line 2: refused must be a list of texts"),
        (line(refused="seed"), "line 2: refused must be a list of texts"),
        (line(refused=[{}]), "line 2: refused must be a list of texts"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_rest_is_read(written, broken, words, caplog):
    [answer] = read_recorded(written(line(), broken))
    assert answer.prompt_id == "q1"
    [record] = caplog.records
    assert words in record.getMessage() and "answers.jsonl: 1 lines cannot be read" in record.getMessage()
    with pytest.raises(InputError, match=words.replace("line 2", "line 1")):
        read_recorded(written(broken))


def nan(**more):
    return line(
        **dict.fromkeys(("seconds", "tokens", "time", "finish_reason", "config", "messages"), float("nan")), **more
    )


FOREIGN = {
    "whole numbers as fractions": (line(tokens=128.0, turn=1.0, repeat=0.0, memory=5.0, seconds=1.5), {"tokens": 128}),
    "NaN for all that is missing": (nan(), {"tokens": None, "seconds": None}),
    "null for all that is missing": (line(seconds=None, tokens=None, machine=None, error=None), {"tokens": None}),
    "a number as id": (line(prompt_id=81), {"prompt_id": "81"}),
    "a number with a point as id": (line(prompt_id=81.0), {"prompt_id": "81"}),
    "a long number as id": (line(prompt_id=1_234_567_890_123_456_789), {"prompt_id": "1234567890123456789"}),
    "a number too long for a fraction as id": (line(prompt_id=10**400), {"prompt_id": f"1{'0' * 400}"}),
    "settings in columns of numbers": (
        line(config={"max_new_tokens": 512.0, "top_k": float("nan"), "seed": 7.0, "thinking": None}),
        {"config": GenerationConfig(512, seed=7)},
    ),
    "truncated as a number": (line(truncated=1.0), {"finish": "length"}),
    "eos": (line(finish_reason="eos"), {"finish": "stop"}),
    "EOS": (line(finish_reason="EOS"), {"finish": "stop"}),
    "max_tokens": (line(finish_reason="max_tokens"), {"finish": "length"}),
    "content_filter": (line(finish_reason="content_filter"), {"finish": "error"}),
    "a word that nobody knows": (line(finish_reason="bored"), {"finish": "error"}),
    "no answer": (line(response=None), {"finish": "error", "text": ""}),
    "NaN for an answer": (line(response=float("nan"), finish_reason=float("nan")), {"finish": "error", "text": ""}),
    "MT-bench's names": (
        {"question_id": 81, "model_id": "Qwen", "prompt": "Why?", "response": "Because."},
        {"prompt_id": "81", "text": "Because."},
    ),
    "Arena-Hard 2": (
        {
            "uid": "cd",
            "ans_id": "x",
            "model": "Qwen",
            "messages": [
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": {"answer": "Because."}},
            ],
            "tstamp": 1.5,
        },
        {"prompt_id": "cd", "text": "Because.", "finish": "stop"},
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_went_through_other_tools_is_read(written, caplog, name):
    given, expected = FOREIGN[name]
    [entry] = read_recorded(written(given))
    answer, usage = entry.side.answer, entry.side.answer.usage
    known = {"prompt_id": entry.prompt_id, "text": answer.text, "finish": answer.finish_reason}
    known |= {"tokens": usage.new_tokens, "seconds": usage.seconds, "config": entry.side.config}
    assert expected.items() <= known.items() and entry.prompt == "Why?" and not caplog.records
    assert (answer.error is not None) == (answer.finish_reason == "error")


def test_a_file_that_cannot_be_read_or_is_empty_is_named(tmp_path, written):
    with pytest.raises(InputError, match=r"gone\.jsonl cannot be read"):
        read_recorded(tmp_path / "gone.jsonl")
    with pytest.raises(InputError, match="holds no answers"):
        read_recorded(written("", " "))
    path = tmp_path / "bytes.jsonl"
    path.write_bytes(b'{"prompt_id": "\xff"}')
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_recorded(path)


def test_a_pair_has_two_models_and_one_prompt(written):
    prompts = [Prompt("q1", "reasoning", {"zh": "一", "en": "one"}, "Why?")]
    answers = read_recorded(
        written(
            line("Qwen"),
            line("ChatGLM", response="No."),
            line("Qwen", "q2", "How?"),
            line("ChatGLM", "q2", "How?", "So."),
            line("Qwen", "q3", "alone"),
            line("Qwen", "q4", "as asked"),
            line("ChatGLM", "q4", "asked otherwise"),
            line("Qwen", "q5", "empty"),
            line("ChatGLM", "q5", "empty", " \n"),
        )
    )
    result = pairs_of(answers, prompts)
    assert [(pair.prompt_id, pair.dimension) for pair in result] == [("q1", "reasoning"), ("q2", "")]
    assert (result[0].a.model.id, result[0].b.model.id) == ("ChatGLM", "Qwen")
    assert (result[0].a.answer.text, result[0].b.answer.text) == ("No.", "Because.")


def test_three_models_make_three_pairs_and_repeats_pair_with_their_like(written):
    answers = read_recorded(
        written(*(line(model, response=f"{model} {n}") for n in range(2) for model in ("c", "a", "b")))
    )
    result = {(pair.a.answer.text, pair.b.answer.text) for pair in pairs_of(answers)}
    assert result == {(f"{x} {n}", f"{y} {n}") for n in range(2) for x, y in ("ab", "ac", "bc")}


@pytest.mark.parametrize("keys", [("", ""), ("a" * 64, "b" * 64)])
def test_a_conversation_is_one_pair_with_and_without_keys(written, keys):
    def turns(model, key):
        earlier = [{"role": "user", "content": "First?"}, {"role": "assistant", "content": "Yes."}]
        messages = [*earlier, {"role": "user", "content": "Second?"}]
        yield line(model, prompt="First?", response="Yes.", key=key and "1" + key[1:])
        yield line(model, prompt="Second?", response=f"{model} 2", turn=2, messages=messages, key=key)

    answers = read_recorded(written(*turns("a", keys[0]), *turns("b", keys[1])))
    assert {(entry.turn, entry.repeat) for entry in answers} == {(1, 0), (2, 0)}
    (pair,) = pairs_of(answers)
    assert (pair.turn, pair.prompt, pair.a.answer.text, pair.b.answer.text) == (2, "Second?", "a 2", "b 2")


@pytest.mark.parametrize("key", [1000, "1000", "k1", "A" * 64, "a" * 65, ["a"]])
def test_a_key_of_another_tool_does_not_replace_answers(written, key):
    answers = read_recorded(written(line("a", key=key), line("b", key=key), line("b", response="Again.", key=key)))
    assert [(entry.side.model.id, entry.repeat, entry.key) for entry in answers] == [
        ("a", 0, ""),
        ("b", 0, ""),
        ("b", 1, ""),
    ]


def test_a_key_is_of_what_is_read_and_who_wrote_it(written):
    def key(**changes):
        (pair,) = pairs_of(read_recorded(written(line("a", seconds=1), line("b", **changes))))
        return pair.id

    assert key() == key(seconds=9, source="elsewhere")
    changed = [key(response="Other."), key(revision="r2"), key(precision="int4"), key()]
    assert len(set(changed)) == 4


@pytest.mark.parametrize("swapped", [False, True])
def test_a_battle_of_a_pair_is_blind_and_can_be_judged(written, swapped):
    (pair,) = pairs_of(read_recorded(written(line("a", response="A"), line("b", response="B"))))
    battle = as_shown(pair, "id", swapped)
    assert battle.blind and battle.votable and (battle.source, battle.id) == ("recorded", "id")
    assert (battle.a.answer.text, battle.b.answer.text) == (("B", "A") if swapped else ("A", "B"))
    assert battle.a.model.id == ("b" if swapped else "a")
