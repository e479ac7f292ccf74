"""Prompt sets of other people's: CSV, JSONL, FastChat's questions; what is known of a good answer."""

import json

import pytest

from arena.errors import InputError
from arena.prompts import CodeReference, Prompt, Reference, load_prompts


@pytest.fixture
def load(tmp_path):
    """The set in a file of that ending with that content."""

    def read(kind, content):
        path = tmp_path / f"set.{kind}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_prompts(path)

    return read


@pytest.fixture
def refusal(load):
    """What is said of such a file."""

    def refused(kind, content):
        with pytest.raises(InputError) as error:
            load(kind, content)
        assert error.value.code == "prompts_broken"
        return str(error.value)

    return refused


def lines(*entries):
    return "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)


# ---- FastChat's and MT-bench's questions


def test_questions_of_mt_bench_are_read(load):
    writing = {"question_id": 81, "category": "writing", "turns": ["Write a post.", "Shorten it."]}
    maths = {"question_id": 111, "category": "math", "turns": ["1 + 1?"], "reference": ["2", ""]}
    other = {"question_id": "x", "category": "arena-hard", "turns": ["为什么天是蓝的?" * 9], "cluster": "sky"}
    prompts = load("jsonl", lines(writing, maths, other))
    assert [prompt.id for prompt in prompts] == ["81", "111", "x"]
    assert [prompt.dimension for prompt in prompts] == ["generation", "reasoning", ""]
    assert [prompt.category for prompt in prompts] == ["writing", "math", "arena-hard"]
    assert prompts[0].turns == ("Write a post.", "Shorten it.")
    assert prompts[1].reference == Reference(text="2")
    assert prompts[0].title == {"zh": "81 Write a post.", "en": "81 Write a post."}
    assert prompts[2].title["zh"] == "x " + ("为什么天是蓝的?" * 9)[:40] + "…"


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"turns": []}, "turns must be a list"),
        ({"turns": "Why?"}, "turns must be a list"),
        ({"turns": ["Why?", " "]}, "prompt must be texts"),
        ({"turns": [7]}, "prompt must be texts"),
        ({"question_id": None}, "question_id"),
        ({"question_id": True}, "question_id"),
        ({"question_id": 1}, "line 1 already has the id '1'"),
        ({"reference": 7}, "reference must be a text or a list of texts"),
        ({"reference": ["2", 7]}, "reference must be a text or a list of texts"),
    ],
    ids=str,
)
def test_a_question_with_a_mistake_is_named_with_its_line(refusal, change, hint):
    good = {"question_id": 1, "category": "math", "turns": ["Why?"]}
    message = refusal("jsonl", lines(good) + "\n\n" + lines(good | {"question_id": 2} | change))
    assert "line 3 (entry 2)" in message and hint in message


@pytest.mark.parametrize("reference", ["It is 2.", ["It is 2."]])
def test_a_question_s_answer_is_a_text_or_a_list(load, reference):
    (prompt,) = load("jsonl", lines({"question_id": 1, "turns": ["1 + 1?"], "reference": reference}))
    assert prompt.reference == Reference(text="It is 2.")


def test_null_values_count_as_missing(load):
    (prompt,) = load("jsonl", lines({"prompt": "Why?", "id": None, "category": None, "reference": None}))
    assert prompt == Prompt("p1", "", {"zh": "p1 Why?", "en": "p1 Why?"}, "Why?")
    (prompt,) = load("jsonl", lines({"question_id": 1, "turns": ["Why?"], "category": None, "reference": None}))
    assert prompt.id == "1" and prompt.reference is None


# ---- JSONL in the project's keys, most of them left out


def test_a_prompt_needs_its_text_alone(load):
    first, second = load("jsonl", lines({"prompt": "Why?"}, {"prompt": "Who?", "id": 7, "more": ["And then?"]}))
    assert first == Prompt("p1", "", {"zh": "p1 Why?", "en": "p1 Why?"}, "Why?")
    assert second.id == "7" and second.turns == ("Who?", "And then?")


def test_all_keys_of_a_line_are_read(load):
    entry = {
        "id": "a",
        "prompt": "Why?",
        "dimension": "knowledge",
        "title": {"zh": "一", "en": "One"},
        "reference": {"must": ["x", ["y", "z"]]},
    }
    (prompt,) = load("jsonl", lines(entry))
    assert prompt.title == entry["title"] and prompt.dimension == "knowledge"
    assert prompt.reference == Reference(must=(("x",), ("y", "z")))


def test_a_text_with_other_ends_of_lines_is_one_prompt(load):
    (prompt,) = load("jsonl", '{"prompt": "one\u2028two\x85three"}\r\n')
    assert prompt.text == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("{]", "not valid JSON in line 1"),
        (lines({"prompt": "Why?"}, ["Why?"]), "line 2 (entry 2): it is not an object"),
        (lines({"id": "a"}), "prompt must be texts"),
        (lines({"prompt": "Why?", "dimension": ["wit"]}), "reasoning, knowledge"),
        (lines({"prompt": "Why?", "must": [["x"], []]}), "must needs a list"),
        (lines({"prompt": "Why?", "more": 7}), "more must be a list"),
        (lines({"prompt": "Why?", "category": 7}), "category must be a text"),
        ("", "no list of prompts"),
    ],
)
def test_a_line_with_a_mistake_is_named(refusal, content, hint):
    assert hint in refusal("jsonl", content)


def test_a_fact_may_have_several_wordings(load):
    reference = {"must": ["x", ["y", "z"]], "must_not": [["v", "w"]]}
    for entry in ({"prompt": "Why?", **reference}, {"prompt": "Why?", "reference": reference}):
        (prompt,) = load("jsonl", lines(entry))
        assert prompt.reference == Reference((("x",), ("y", "z")), (("v", "w"),))


# ---- CSV


def test_a_table_is_read_by_its_columns(load):
    table = (
        "\ufeffid,prompt,dimension,more,must,must_not,languages\r\n"
        'a,"Say it\r\nin French, please",multilingual,Now in German|And in Dutch,,,French | German\r\n'
        "b,Who was it?,,,Bach|Johann,Mozart,\r\n"
    )
    first, second = load("csv", table)
    assert first.turns == ("Say it\r\nin French, please", "Now in German", "And in Dutch")
    assert first.dimension == "multilingual" and first.reference == Reference(languages=("French", "German"))
    assert second.reference == Reference(must=(("Bach",), ("Johann",)), must_not=(("Mozart",),))


def test_one_column_is_enough(load):
    assert [prompt.text for prompt in load("csv", "prompt\nWhy?\n你好\n")] == ["Why?", "你好"]


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ("question\nWhy?\n", "no column named prompt"),
        ('prompt,id\n"two\nlines",a\nWhy?,b,c\n', "line 4 (entry 2): it has more or fewer cells"),
        ("prompt,id\nWhy?\n", "line 2 (entry 1): it has more or fewer cells"),
        ('prompt\n"Why?\n', "not valid CSV in line 2"),
        ("prompt,languages\nWhy?,Klingon\n", "languages must be among Chinese"),
        ("prompt\n", "no list of prompts"),
    ],
)
def test_a_table_with_a_mistake_is_refused(refusal, table, hint):
    assert hint in refusal("csv", table)


# ---- references


def with_reference(reference):
    entry = {"id": "q1", "dimension": "reasoning", "title": {"zh": "一", "en": "One"}, "prompt": "Why?"}
    return json.dumps([entry | {"reference": reference}])


def test_a_reference_is_read(load):
    reference = {
        "code": {"function": "f", "results": {"[1, 2]": 4}},
        "languages": ["Japanese"],
        "text": "So.",
        "must": [],
    }
    (prompt,) = load("json", with_reference(reference))
    assert prompt.reference == Reference((), (), ("Japanese",), CodeReference("f", (("[1, 2]", 4),)), "So.")


def test_any_code_may_be_asked_for(load):
    (prompt,) = load("json", with_reference({"code": {}}))
    assert prompt.reference == Reference(code=CodeReference())


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ({}, "one or more of the keys"),
        ("56", "one or more of the keys"),
        ({"musst": ["x"]}, "one or more of the keys"),
        ({"must": "x"}, "must needs a list"),
        ({"must": [[]]}, "must needs a list"),
        ({"must": ["x", 7]}, "must needs a list"),
        ({"must_not": [[]]}, "must_not needs a list"),
        ({"must_not": [["x", 7]]}, "must_not needs a list"),
        ({"must_not": "x"}, "must_not needs a list"),
        ({"languages": ["Klingon"]}, "languages must be among"),
        ({"code": "def"}, "code must be an object"),
        ({"code": {"name": "f"}}, "code must be an object"),
        ({"code": {"results": {"[1]": "4"}}}, "results must map inputs to numbers"),
        ({"code": {"results": [4]}}, "results must map inputs to numbers"),
        ({"text": 7}, "text must be a text"),
    ],
    ids=str,
)
def test_a_reference_with_a_mistake_is_named(refusal, reference, hint):
    message = refusal("json", with_reference(reference))
    assert "line 1 (entry 1)" in message and hint in message


# ---- sets that went through other tools

FOREIGN_LINES = {
    "Arena-Hard": {"question_id": "ab", "category": "arena-hard-v0.1", "cluster": "x", "turns": [{"content": "hi"}]},
    "Arena-Hard 2": {"uid": "ab", "category": "hard_prompt", "subcategory": "coding", "prompt": "hi"},
    "Arena-Hard 2 with turns": {"uid": "ab", "turns": [{"role": "user", "content": "hi"}]},
    "NaN for what is missing": {"id": "ab", "prompt": "hi", "category": float("nan"), "reference": float("nan")},
}


@pytest.mark.parametrize("name", FOREIGN_LINES)
def test_a_line_of_another_bench_is_read(load, name):
    (prompt,) = load("jsonl", lines(FOREIGN_LINES[name]))
    assert (prompt.id, prompt.text, prompt.more) == ("ab", "hi", ())


@pytest.mark.parametrize("key", ["question_id", "id", "uid"])
@pytest.mark.parametrize(("given", "name"), [(81, "81"), (81.0, "81"), (81.5, "81.5"), (0, "0"), (0.0, "0")])
def test_a_number_as_id_is_its_text(load, key, given, name):
    content = {"turns": ["hi"]} if key == "question_id" else {"prompt": "hi"}
    (prompt,) = load("jsonl", lines({key: given, **content}))
    assert prompt.id == name


@pytest.mark.parametrize(
    ("ids", "name"), [({"id": 0, "uid": 5}, "0"), ({"id": "", "uid": 0}, "0"), ({"id": None, "uid": ""}, "p1")]
)
def test_the_first_id_that_is_not_empty_counts(load, ids, name):
    (prompt,) = load("jsonl", lines({**ids, "prompt": "hi"}))
    assert prompt.id == name


TABLES = {
    "blank rows": "id,prompt\na,hi\n,\n\n , \nb,ho\n",
    "blank cells at the end": "id,prompt,,\na,hi,,\nb,ho,,,,\n",
    "semicolons": "id;prompt\na;hi\nb;ho\n",
    "tabs": "id\tprompt\na\thi\nb\tho\n",
    "names with capitals and spaces": "ID, Prompt \na,hi\nb,ho\n",
    "a mark at the beginning": "\ufeffid,prompt\r\na,hi\r\nb,ho\r\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_a_spreadsheet_has_saved_is_read(load, name):
    assert [(prompt.id, prompt.text) for prompt in load("csv", TABLES[name])] == [("a", "hi"), ("b", "ho")]


def test_a_table_in_utf_16_is_read(tmp_path):
    path = tmp_path / "prompts.csv"
    path.write_bytes("id\tprompt\r\na\t你好\r\n".encode("utf-16"))
    assert [prompt.text for prompt in load_prompts(path)] == ["你好"]


def test_a_long_cell_is_read_as_a_long_line_is(load):
    text = "x" * 140_000
    (cell,), (line,) = load("csv", f"prompt\n{text}\n"), load("jsonl", lines({"prompt": text}))
    assert cell.text == line.text == text
