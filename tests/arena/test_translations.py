"""Strings in two languages: one function finds and fills them."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from served_app import ROOT

from arena.translations import Texts, listed, percent, read_table

TABLES = [*(ROOT / "arena").rglob("texts.toml"), *(ROOT / "ui").rglob("*[!h].toml")]
# Counts of models, and of the settings and revisions that differ, are never one.
PLURAL = re.compile(
    r"\b1 (?:(?!on )[a-z]+ )?"
    "(?:answers|battles|characters|checks|judgements|others|pairs|points|prompts|raters|rows|ties|tokens|votes)"
)
TEXTS = Texts(
    {
        "votes": ("{votes} 票", "{votes} blind votes"),
        "quotation": ("“{words}”", "“{words}”"),
        "length": ("{n} token", "{n} tokens"),
    }
)


def test_a_string_is_filled_in_the_requested_language():
    assert TEXTS.text("zh", "votes", votes=2) == "2 票"
    assert TEXTS.text("en", "votes", votes=2) == "2 blind votes"


def test_a_count_of_one_has_no_plural_in_english_outside_filled_in_text():
    assert TEXTS.text("en", "votes", votes=1) == "1 blind vote"
    assert [TEXTS.text("en", "length", n=n) for n in (1, 11)] == ["1 token", "11 tokens"]
    assert TEXTS.text("en", "quotation", words="1 votes") == "“1 votes”"


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_string_has_a_plural_after_one(path: Path) -> None:
    texts = Texts(read_table(path))
    for key, (_, english) in texts.table.items():
        said = texts.text("en", key, **{field: 1 for _, field, _, _ in Formatter().parse(english) if field})
        assert not PLURAL.search(said), said


def test_an_unknown_key_or_language_and_a_missing_field_raise():
    with pytest.raises(KeyError):
        TEXTS.text("en", "nothing")
    with pytest.raises(KeyError):
        TEXTS.text("en", "votes")
    with pytest.raises(ValueError):
        TEXTS.text("fr", "votes", votes=1)


def test_a_key_in_two_tables_raises():
    with pytest.raises(ValueError, match="votes"):
        Texts(TEXTS.table, {"votes": ("票", "votes")})


def test_lists_use_the_separator_of_the_language_and_percentages_drop_empty_decimals():
    assert (listed("zh", "ab"), listed("en", "ab")) == ("a、b", "a, b")
    assert (percent(0.75), percent(0.714)) == ("75", "71.4")


def test_only_one_half_reads_50():
    assert (percent(0.5), percent(0.5003), percent(0.4996), percent(0.501)) == ("50", "50.03", "49.96", "50.1")
