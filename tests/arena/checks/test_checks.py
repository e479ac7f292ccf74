"""What an answer says against what is known of a good one."""

import json
from collections import Counter
from pathlib import Path
from textwrap import indent

import pytest

from arena.checks import check_answer, describe
from arena.checks.code import check_code, claimed_results
from arena.checks.wording import languages_in, says
from arena.prompts import CodeReference, Reference, load_prompts
from arena.prompts.prompt import parse_reference

ROOT = Path(__file__).parents[3]
ANSWERS = ROOT / "../shared/seed/answers.jsonl"


# ---- facts


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("白白喜欢明明", "白白喜欢明明"),
        ("其实是“白白”喜欢 **明明**。", "白白喜欢明明"),
        ("成立于１９０７年", "1907"),
        ("It is CANBERRA.", "canberra"),
        ("about 20\nminutes", "20 minutes"),
        ("约20分钟", "20 分钟"),
        ("不是悉尼，而是堪培拉", "堪培拉"),
        ("It is not Sydney but Canberra.", "Canberra"),
        ("It is 56.", "56"),
        ("56,因为", "56"),
        ("(a+b)*", "(a+b)"),
        ("not Canberra? It is Canberra.", "Canberra"),
    ],
)
def test_a_wording_is_found_despite_quotes_case_and_width(text, wording):
    assert says(text, wording)


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("明明喜欢白白", "白白喜欢明明"),
        ("而不是白白喜欢明明。", "白白喜欢明明"),
        ("并非“白白喜欢明明”", "白白喜欢明明"),
        ("not Sydney", "Sydney"),
        ("It isn't the Sydney you know", "Sydney"),
        ("rather than Sydney", "Sydney"),
        ("It wasn’t 'Sydney'.", "Sydney"),
        ("156", "56"),
        ("56.5", "56"),
        ("1,56", "56"),
        ("560", "56"),
        ("concatenate", "cat"),
        ("20minutes", "20 minutes"),
        ("", "x"),
        ("x", " "),
    ],
)
def test_a_wording_is_not_found(text, wording):
    assert not says(text, wording)


# ---- languages

SENTENCES = {
    "English": "Technology changes life, innovation leads the future.",
    "German": "Technologie verändert das Leben, Innovation führt die Zukunft voran.",
    "French": "La technologie change la vie et l'innovation guide l'avenir.",
    "Spanish": "La tecnología cambia la vida y la innovación lidera el futuro.",
    "Italian": "La tecnologia cambia la vita e l'innovazione guida il futuro.",
    "Portuguese": "A tecnologia muda a vida e a inovação lidera o futuro.",
    "Dutch": "Technologie verandert het leven en innovatie leidt de toekomst.",
    "Japanese": "科学技術は生活を変え、革新は未来を導く。",
    "Korean": "기술은 삶을 바꾸고 혁신은 미래를 이끈다.",
    "Russian": "Технологии меняют жизнь, инновации ведут в будущее.",
    "Arabic": "التكنولوجيا تغير الحياة والابتكار يقود المستقبل.",
    "Chinese": "科技改变生活,创新引领未来。",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_in_its_language_alone(language):
    assert languages_in(SENTENCES[language]) == {language}


def test_a_list_of_translations_has_them_all():
    text = "\n".join(f"{number}. **{name}**: {said}" for number, (name, said) in enumerate(SENTENCES.items()))
    assert languages_in(text) == set(SENTENCES)
    assert languages_in(" ".join(SENTENCES.values())) == set(SENTENCES)


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("", set()),
        ("德文: OK", set()),
        ("42 + 3", set()),
        ('"Technology wakes up life." (德文)', {"English"}),
        ("Deutsch: Guten Morgen", set()),
    ],
)
def test_a_name_or_a_heading_does_not_count_as_a_sentence(text, languages):
    assert languages_in(text) == languages


# ---- code

SQUARES = "def f(numbers):\n    return sum(n * n for n in numbers if n % 2 == 0)\n"
RESULTS = CodeReference("", (("[1, 2, 3, 4]", 20), ("[1,2,3,4,5,6]", 56)))


@pytest.mark.parametrize(
    "text",
    [
        f"Here:\n```python\n{SQUARES}```\nIt sums.",
        f"```\n{SQUARES}```",
        f"```Python3 title\n{SQUARES}```",
        "1. So\n\n" + indent(f"```py\n{SQUARES}```", "   "),
        SQUARES,
        f"这是代码:\n\n{SQUARES}\n这个函数返回偶数的平方和。",
        f"```bash\npip install x\n```\n\n```python\n{SQUARES}```\n```\n20 is (the result\n```",
    ],
)
def test_code_is_found_fenced_or_not(text):
    actual = check_code(text)
    assert actual.parses and actual.functions == ("f",) and not actual.syntax_error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("I cannot write code.", ""),
        ("```cpp\nint f();\n```", ""),
        ("```python\ndef f(:\n```", "invalid syntax (line 1)"),
        ("def f(x)\n    return x", "expected ':' (line 1)"),
        (f"```python\n{SQUARES}```\n```python\nf([1, 2)\n```", "does not match opening parenthesis"),
        ("```python\n" + "-" * 30_000 + "1\n```", "nested too deeply"),
        ("```python\n" + "(" * 30_000, "too many nested parentheses"),
        ("```python\na\0b\n```", "invalid character"),
    ],
    ids=range(8),
)
def test_code_that_is_not_there_or_does_not_parse(text, error):
    actual = check_code(text)
    assert not actual.parses and error in actual.syntax_error and bool(error) == bool(actual.syntax_error)


def test_no_code_is_run(tmp_path):
    target = tmp_path / "ran"
    check_code(f"```python\nopen({str(target)!r}, 'w')\ndef f(): pass\n```")
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("numbers = [1, 2, 3, 4]\nprint(f(numbers))  # Output: 21 (2^2 + 4^2 = 20)", [21]),
        ("如果你调用`f([1, 2, 3, 4])`,你会得到结果`20`,因为2的平方是4", [20]),
        (">>> f([1,2,3,4])\n20", [20]),
        ("f([1, 2, 3, 4]) -> 20.0", [20]),
        ("print(f([1, 2, 3, 4])) # 20", []),
        ("f([1, 2, 3, 4])\n# 20\n", [20]),
        ("f([1, 2, 3, 4]) returns 2**2 + 4**2 = 20", [20]),
        ("对于 [1, 2, 3, 4], 结果是 4 + 16 = 20", [20]),
        ("例如 [1, 2, 3, 4]：2^2 = 4，4^2 = 16，所以返回 20。", [20]),
        ("for [1, 2, 3, 4], 2*2 = 4 and 4*4 = 16, so it returns 20; an empty list returns 0", [20]),
        ("f([1, 2, 3, 4, 5, 6])  # 2**2 = 4, 4**2 = 16, 6**2 = 36, total 56", [56]),
        ("[1, 2, 3, 4]: 2^2 + 4^2 = 4 + 16 = 20。没有偶数时返回 0", [20]),
        ("[1, 2, 3, 4, 5, 6]: 4 + 16 = 20, 20 + 36 = 56, so it returns 56", [56]),
        ("[1, 2, 3, 4, 5, 6]\n# total = 0 + 4 = 4\n# total = 4 + 16 = 20\n# total = 20 + 36 = 56", [56]),
        ("[1, 2, 3, 4, 5, 6]: 4 + 16 = 20, 20 + 36 = 55", [55]),
        ("[1, 2, 3, 4] 中 2 的平方等于 4，4 的平方等于 16，总和等于 20", [20]),
        ("[1, 2, 3, 4] 会得到 20，因为 2 的平方等于 4，4 的平方等于 16", [20]),
        ("[1, 2, 3, 4] 会得到 21，因为 2 的平方等于 4，结果是 21", [21]),
        ("[1, 2, 3, 4] -> 2, 4 -> 4, 16 -> 20", [20]),
        ("[1, 2, 3, 4] → 2、4 → 4、16 → 20", [20]),
        ("[1, 2, 3, 4]: filtering yields 2 and 4, squaring gives 4 and 16, the total is 20", [20]),
        ("[1, 2, 3, 4]: 2 squared gives 4, 4 squared gives 16, and the sum is 20", [20]),
        ("[1, 2, 3, 4]: the sum of 4, 16 is 20", []),
        ("[1, 2, 3, 4] returns 2 squared plus 4 squared", []),
        ("[1, 2, 3, 4] 应该返回 2 的平方加 4 的平方,结果为:20。", [20]),
        ("f([1, 2, 3, 4]) returns 20; f([1, 2, 3, 4, 5, 6]) returns 55", [20, 55]),
        ("f([1, 2, 3, 4]) and f([1, 2, 3, 4, 5, 6]) returns 56", [56]),
        ("for [1, 2, 3, 4, 5] it returns 55", []),
        ("for [1, 2, 3, 4] it sums the squares of 2 and 4", []),
        ("[0, [1, 2, 3, 4]] is 7", []),
    ],
)
def test_a_claimed_result_is_found(text, claimed):
    assert [result for item in RESULTS.results for result in claimed_results(text, *item)] == claimed


# ---- all of a reference


def test_each_part_of_a_reference_is_one_check():
    reference = Reference(
        (("x", "y"), ("z",)), (("w", "v"),), ("English",), CodeReference("g", (("[2]", 4),)), "read me"
    )
    checks = check_answer(reference, f"It is y and w.\n```python\n{SQUARES}f([2])  # returns 5\n```")
    assert [(check.kind, check.expected, check.actual, check.passed) for check in checks] == [
        ("says", "x", "y", True),
        ("says", "z", "", False),
        ("does not say", "w", "w", False),
        ("language", "English", "English", True),
        ("parses", "Python", "", True),
        ("function", "g", "f", False),
        ("result", "[2] → 4", "5", False),
    ]


@pytest.mark.parametrize(
    ("output", "text", "outcomes"),
    [
        ({"must": [["x", "y", "z"]]}, "y", [("says", "y", True)]),
        ({"must": [["x", "y"]]}, "x and y", [("says", "x", True)]),
        ({"must": [["x", "y"], ["x", "y"], "x", "x"]}, "y", [("says", "y", True), ("says", "", False)]),
        ({"must_not": [["x", "y", "z"]]}, "q", [("does not say", "", True)]),
        ({"must_not": [["x", "y", "z"]]}, "z, then y", [("does not say", "y", False)]),
        ({"must_not": ["x", "y"]}, "y", [("does not say", "", True), ("does not say", "y", False)]),
        ({"must_not": ["x", "x"]}, "x", [("does not say", "x", False)]),
        ({"must_not": [["x", "y"]]}, "not x, never y", [("does not say", "", True)]),
        ({"languages": ["English", "English"]}, SENTENCES["English"], [("language", "English", True)]),
    ],
)
def test_a_fact_is_one_check_however_many_wordings_it_has(output, text, outcomes):
    checks = check_answer(parse_reference(output), text)
    assert [(check.kind, check.actual, check.passed) for check in checks] == outcomes


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("f([1, 2, 3, 4]) returns 20. 所以 [1,2,3,4] 返回 20", ("20", True)),
        ("f([1, 2, 3, 4]) returns 20, or [1,2,3,4] 返回 30", ("30", False)),
        ("f([1, 2, 3, 4]) returns 30, or [1,2,3,4] 返回 20", ("30", False)),
    ],
)
def test_a_result_that_is_stated_twice_is_one_check(text, outcome):
    reference = parse_reference({"code": {"results": {"[1, 2, 3, 4]": 20, "[1,2,3,4]": 20}}})
    results = [check for check in check_answer(reference, f"```python\n{SQUARES}```\n{text}") if check.kind == "result"]
    assert [(check.actual, check.passed) for check in results] == [outcome]


def test_a_line_quotes_the_wording_that_was_found():
    said, claimed = check_answer(Reference((("20 minutes", "20分钟"),), (("x", "y"),)), "20分钟 y")
    assert describe("en", said) == "says “20分钟”" and describe("zh", claimed) == "误称“y”"


def test_a_reference_text_makes_no_check():
    assert check_answer(Reference(text="So it is."), "anything") == ()


@pytest.mark.skipif(not ANSWERS.exists(), reason="the reference run is not beside this copy of the project")
def test_the_two_misses_of_the_reference_run_are_caught():
    references = {prompt.id: prompt.reference for prompt in load_prompts(ROOT / "prompts.json")}
    failed, counts = set(), Counter()
    for line in ANSWERS.read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        if reference := references[answer["prompt_id"]]:
            for check in check_answer(reference, answer["response"]):
                counts[answer["model"], check.passed] += 1
                if not check.passed:
                    failed.add((answer["prompt_id"], answer["model"], check.kind, check.actual))
    assert ("q7-python", "ChatGLM3-6B", "result", "55") in failed
    assert ("q4-mingming", "ChatGLM3-6B", "does not say", "明明在喜欢白白") in failed
    # The translations that are missing, and no model says what Qwen's answer to q4 does not say either.
    assert {(prompt, model) for prompt, model, _, _ in failed} == {
        ("q4-mingming", "ChatGLM3-6B"),
        ("q4-mingming", "Qwen-7B-Chat"),
        ("q7-python", "ChatGLM3-6B"),
        ("q8-translate", "ChatGLM3-6B"),
    }
    assert counts == {
        ("Qwen-7B-Chat", True): 9,
        ("Qwen-7B-Chat", False): 1,
        ("ChatGLM3-6B", True): 5,
        ("ChatGLM3-6B", False): 5,
    }
