"""Cleaning text that is stored: what would break UTF-8, CSV readers or terminals is replaced."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.text import clean

any_text = st.text(st.characters(codec=None, categories=None))
HALVES = st.text(st.sampled_from("ab\ud83d\ude00\ud800\udfff"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("tab\t line\n return\r\n", "tab\t line\n return\r\n"),
        ("x\x00y", "x␀y"),
        ("\x1a \x1b[31m \x07", "␚ ␛[31m ␇"),
        ("\x08\x0b\x0c\x0e\x1f", "␈␋␌␎␟"),
        ("\x7f", "␡"),
        ("\ud83d", "\ufffd"),
        ("好\ud800", "好\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d\ud83d\ude00\ude00", "\ufffd😀\ufffd"),
        ("\ufeff é e\u0301 ＝ \x85 \u2028 👩‍🔬", "\ufeff é e\u0301 ＝ \x85 \u2028 👩‍🔬"),
    ],
)
def test_clean(text, expected):
    assert clean(text) == expected


@settings(deadline=None)
@given(any_text | HALVES)
def test_cleaned_text_is_utf8_without_controls_and_cleaning_it_again_changes_nothing(text):
    cleaned = clean(text)
    cleaned.encode()
    assert not any((char < " " and char not in "\t\n\r") or char == "\x7f" for char in cleaned)
    assert clean(cleaned) == cleaned


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_ordinary_text_is_unchanged(text):
    assert clean(text) == text


@settings(deadline=None)
@given(HALVES)
def test_only_lone_surrogates_are_replaced(text):
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert clean(text) == expected
