"""The language of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.text import SAMPLE, language_of

CODE = '''def squares(numbers):
    """返回列表中所有偶数的平方和，如果列表为空则返回零。"""
    return sum(number * number for number in numbers if number % 2 == 0)
'''


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("简要介绍同济大学", "Chinese"),
        ("他知道我知道你知道他不知道吗?", "Chinese"),
        ("𠮷𡈽", "Chinese"),
        ("What is the capital of Australia?", "English"),
        ("Où est la gare ?", "English"),
        ("東京はどこですか。", "Japanese"),
        ("コーヒー", "Japanese"),
        ("あーーーーーーーーーーー", "Japanese"),
        ("서울은 어디에 있습니까?", "Korean"),
        ("漢字와 한글", "Korean"),
        ("Где вокзал?", "Russian"),
        ("أين المحطة؟", "Arabic"),
    ],
)
def test_the_language_is_known_by_its_script(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("请用 Python 写一个函数", "Chinese"),
        ("请将这句话翻译成英文: 'Good morning, where is the train station?'", "Chinese"),
        ("What does the single character 的 mean in a sentence like that?", "English"),
        ("「こんにちは」は中文で何ですか", "Japanese"),
        (CODE, "Chinese"),
        (CODE.replace("返回列表中所有偶数的平方和，如果列表为空则返回零。", "返回"), "English"),
    ],
    ids=["Chinese, a name", "Chinese, a quotation", "English, a character", "Japanese", "code", "code, short comment"],
)
def test_a_tenth_of_the_letters_decides_the_language_of_a_mixed_text(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", " \n", "1 + 1 = 2", "３．１４", "🙂👩‍🔬", "？！…", "\ufffd"])
def test_without_letters_the_language_is_unknown(text):
    assert language_of(text) == "unknown"


def test_digits_signs_and_emoji_do_not_count():
    assert language_of("12345 + 67890 = ? 🙂🙂🙂 好") == "Chinese"


def test_only_the_beginning_of_a_long_text_counts():
    assert language_of("x" * SAMPLE + "好" * 100 * SAMPLE) == "English"


@given(st.text())
def test_every_text_gets_one_of_the_language_names(text):
    names = {"Chinese", "English", "Japanese", "Korean", "Russian", "Arabic", "unknown"}
    assert language_of(text) in names
