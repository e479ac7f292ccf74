"""The leak filter on a labelled list, on every name of the table, and on texts made to take long.

The list has two halves: the rules were tuned on one, and the other was only measured.
"""

import json
import re
from pathlib import Path

import pytest

from arena.judging import leaks
from arena.judging.leaks import names, names_a_model
from arena.judging.leaks.names import MAKERS
from arena.judging.leaks.patterns import EN, PLACES, QUOTATIONS, ZH

LIST = Path(__file__).parents[2] / "data" / "leaks.jsonl"
LINES = [json.loads(line) for line in LIST.read_text(encoding="utf-8").splitlines()]
MODELS = [name.rstrip("#") for maker in MAKERS for name in (*maker.models, *maker.words)]
FIRMS = [name for maker in MAKERS for name in (*maker.labs, *maker.firms)]


def texts_of(half, leak):
    return [line["text"] for line in LINES if line["half"] == half and line["leak"] == leak]


def is_chinese(text):
    return bool(re.search("[\u4e00-\u9fff]", text))


@pytest.mark.parametrize("half", ["tune", "measure"])
def test_at_most_5_percent_of_leaks_are_missed_and_2_percent_are_false_alarms(half):
    leaks, innocent = texts_of(half, True), texts_of(half, False)
    missed = [text for text in leaks if not names_a_model(text)]
    false_alarms = [text for text in innocent if names_a_model(text)]
    assert len(missed) <= 0.05 * len(leaks), missed
    assert len(false_alarms) <= 0.02 * len(innocent), false_alarms


def test_the_list_is_balanced_and_has_no_duplicates():
    assert len({line["text"] for line in LINES}) == len(LINES)
    for half in ("tune", "measure"):
        leaks, innocent = texts_of(half, True), texts_of(half, False)
        assert min(len(leaks), len(innocent)) >= 150
        for texts in (leaks, innocent):
            assert 0.3 < sum(map(is_chinese, texts)) / len(texts) < 0.7


@pytest.mark.parametrize("name", MODELS)
def test_every_model_in_the_table_is_found_when_it_introduces_itself(name):
    for phrase in (
        "I am {}, a language model.",
        "我是{}，一个语言模型。",
        "Hello! My name is {}.",
        "我叫{}，是一个AI助手。",
    ):
        assert names_a_model(phrase.format(name)), phrase
        assert names_a_model(phrase.format(name.upper())), phrase


@pytest.mark.parametrize("name", FIRMS)
def test_every_maker_in_the_table_is_found_when_a_model_names_it(name):
    for phrase in (
        "I was trained by {}.",
        "我是由{}训练的语言模型。",
        "As an AI developed by {}, I cannot vote.",
        "我的开发者是{}。",
    ):
        assert names_a_model(phrase.format(name)), phrase


@pytest.mark.parametrize("name", MODELS + FIRMS)
def test_talking_about_a_name_in_the_table_is_no_leak(name):
    for phrase in (
        "Many people have heard of {}, and some like it.",
        "I am not {}.",
        'The user asked "are you {}?"',
        "我不是{}。",
        "用户问：“你是{}吗？”",
        "昨天的新闻提到了{}。",
        "如果我是{}，我也会这样做。",
    ):
        assert not names_a_model(phrase.format(name)), phrase


@pytest.mark.parametrize(
    "text",
    [
        "我是｀豆包`。",
        "我\u200b是\u2060豆\ufeff包。",
        "我是**豆**包。",
        "I am _Claude_, an AI.",
        "Ｉ ａｍ Ｃｌａｕｄｅ, ａｎ ＡＩ.",
        "I am D-E-E-P-S-E-E-K.",
        "i AM dEEP sEEK",
        "我是書生浦語，由上海人工智能實驗室開發。",
        "我是訊飛星火，是科大訊飛研發的。",
        "我是 月 之 暗 面 的 Kimi 。",
        "I’m Chat GPT 🙂",
        "> I'm Qwen2.5-7B-Instruct.",
        "# 我是通义千问",
        "<b>I'm Grok</b>, built by xAI",
    ],
)
def test_no_spelling_hides_a_name(text):
    assert names_a_model(text)


def patterns_in(value):
    """All compiled patterns in a value, however deep."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (dict, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from patterns_in(part)


def test_every_repetition_has_an_upper_bound():
    """So that the time of a search grows with the length of the text and no faster."""
    patterns = [
        *patterns_in((ZH, EN, PLACES, QUOTATIONS, *vars(leaks).values(), *vars(names).values())),
        names._names(())[0],
    ]
    assert len(patterns) > 100
    for pattern in patterns:
        bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern.pattern)
        assert not re.search(r"[*+]|\{\d+,\}", bare), pattern.pattern
        assert all(int(most) <= 2000 for most in re.findall(r",(\d+)\}", bare)), pattern.pattern


@pytest.mark.parametrize(
    "unit", ["我是", "i am a model by ", "qwen ", "不是", "if i ", '"qwen" ', "- ", "我由百度的", "a.b."]
)
def test_patterns_search_no_more_than_the_length_of_the_text(unit, monkeypatch):
    seen = []
    monkeypatch.setattr("arena.judging.leaks._matches", lambda text, *patterns: seen.append(len(text)))
    long = unit * (20_000 // len(unit)) + "。DeepSeek is a company."
    assert not names_a_model(long)
    assert seen and max(seen) <= 1.1 * len(long) and len(seen) <= 6
