"""The prompt set that is shipped, and what is said about one with a mistake."""

import json
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.prompts import DIMENSIONS, Prompt, load_prompts
from arena.text import language_of

ROOT = Path(__file__).parents[3]
QUESTIONS = ROOT / "../shared/seed/questions.json"
GOOD = {"id": "q1", "dimension": "reasoning", "title": {"zh": "一", "en": "One"}, "prompt": "Why?"}


@pytest.fixture
def shipped():
    return load_prompts(ROOT / "prompts.json")


@pytest.fixture
def refusal(tmp_path):
    """What is said about a file with the given bytes, or the given entries."""

    def load(content):
        path = tmp_path / "my-prompts.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        with pytest.raises(InputError) as refused:
            load_prompts(path)
        assert refused.value.code == "prompts_broken"
        assert refused.value.details["path"] == str(path)
        assert str(path) in str(refused.value)
        return str(refused.value)

    return load


# ---- the shipped set


@pytest.mark.skipif(not QUESTIONS.exists(), reason="the reference run is not beside this copy of the project")
def test_the_eight_questions_of_the_reference_run_come_first_as_they_are(shipped):
    questions = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    prompts = [
        {"id": prompt.id, "dimension": prompt.dimension, "title": dict(prompt.title), "prompt": prompt.text}
        for prompt in shipped[:8]
    ]
    assert len(questions) == 8
    assert prompts == questions


def test_some_prompts_are_in_english(shipped):
    languages = [language_of(prompt.text) for prompt in shipped]
    assert languages[:8] == ["Chinese"] * 8
    assert languages.count("English") >= 3


def test_every_dimension_is_there_in_both_languages(shipped):
    for language in ("Chinese", "English"):
        assert {prompt.dimension for prompt in shipped if language_of(prompt.text) == language} == set(DIMENSIONS)


def test_no_two_prompts_look_alike_in_the_picker(shipped):
    for part in (lambda prompt: prompt.id, lambda prompt: prompt.title["zh"], lambda prompt: prompt.title["en"]):
        assert len({part(prompt) for prompt in shipped}) == len(shipped)


# ---- another set


def test_a_set_is_read_in_order_and_unchanged(tmp_path):
    path = tmp_path / "prompts.json"
    second = GOOD | {"id": "q2", "prompt": " 好\n\tx "}
    path.write_text(json.dumps([GOOD, second], ensure_ascii=False), encoding="utf-8")
    assert load_prompts(path) == (
        Prompt("q1", "reasoning", {"zh": "一", "en": "One"}, "Why?"),
        Prompt("q2", "reasoning", {"zh": "一", "en": "One"}, " 好\n\tx "),
    )


def test_control_characters_are_replaced(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps([GOOD | {"prompt": "a\x00\ud83d"}]), encoding="utf-8")
    assert load_prompts(path)[0].text == "a␀\ufffd"


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"id": ""}, "id and prompt"),
        ({"id": 7}, "id and prompt"),
        ({"prompt": " \n"}, "id and prompt"),
        ({"prompt": None}, "id and prompt"),
        ({"dimension": ""}, "reasoning, knowledge, generation, multilingual"),
        ({"dimension": " \n"}, "reasoning, knowledge, generation, multilingual"),
        ({"dimension": []}, "reasoning, knowledge, generation, multilingual"),
        ({"dimension": None}, "another name of at most 40 characters"),
        ({"dimension": "x" * 41}, "another name of at most 40 characters"),
        ({"title": "One"}, "zh and for en"),
        ({"title": {"zh": "一"}}, "zh and for en"),
        ({"title": {"zh": "一", "en": " "}}, "zh and for en"),
        ({"title": {"zh": "一", "en": "One", "de": "Eins"}}, "zh and for en"),
        ({"titel": "One"}, "dimension, id, prompt, title"),
        ({"id": "q1"}, "'q1'"),
    ],
    ids=str,
)
def test_a_mistake_is_named_with_its_entry(refusal, change, hint):
    message = refusal([GOOD, GOOD | {"id": "q2"} | change])
    assert "entry 2" in message
    assert hint in message


@pytest.mark.parametrize(
    ("given", "dimension"),
    [
        ("safety", "safety"),
        ("Tool use", "Tool use"),
        ("工具使用", "工具使用"),
        (" tool\n use ", "tool use"),
        ("title", "title"),
        ("x" * 40, "x" * 40),
        ("Reasoning", "reasoning"),
    ],
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
def test_a_set_may_have_dimensions_of_its_own(tmp_path, kind, given, dimension):
    path = tmp_path / f"prompts.{kind}"
    if kind == "csv":
        path.write_text(f'prompt,dimension\nWhy?,"{given}"\n', encoding="utf-8")
    else:
        entry = json.dumps(GOOD | {"dimension": given}, ensure_ascii=False)
        path.write_text(f"[{entry}]" if kind == "json" else entry, encoding="utf-8")
    assert load_prompts(path)[0].dimension == dimension


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_a_missing_key_is_named_with_its_entry(refusal, missing):
    entry = {key: value for key, value in GOOD.items() if key != missing}
    message = refusal([entry])
    assert "entry 1" in message
    assert missing in message


def test_a_mistake_is_named_with_its_line(refusal):
    lines = ["[", json.dumps(GOOD) + ",", "", "  " + json.dumps(GOOD | {"id": "q2"}) + ","]
    lines += [json.dumps(GOOD | {"id": "q3", "dimension": ""}, indent=1), "]"]
    assert "line 5 (entry 3)" in refusal("\n".join(lines).encode())


@pytest.mark.parametrize("entry", ["Why?", None, 7, []])
def test_an_entry_that_is_no_object_is_named(refusal, entry):
    assert "entry 3" in refusal([GOOD, GOOD | {"id": "q2"}, entry])


@pytest.mark.parametrize("content", [[], {}, {"prompts": [GOOD]}, "Why?", None])
def test_a_file_without_a_list_is_refused(refusal, content):
    assert "no list of prompts" in refusal(content)


@pytest.mark.parametrize("content", [b"", b"[{]", b'[{"id": "q1"}'], ids=["empty", "[{]", "cut"])
def test_a_file_that_is_no_json_is_refused(refusal, content):
    assert "not valid JSON" in refusal(content)


def test_a_file_in_another_encoding_is_refused(refusal):
    assert "not UTF-8" in refusal(b"\xff\xfe[")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as refused:
            load_prompts(path)
        assert str(path) in str(refused.value)
