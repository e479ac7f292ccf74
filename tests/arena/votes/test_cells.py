"""Cells as other programs write them: flags, numbers, times; one by one and in columns."""

import pytest
from foreign_files import VOTES
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_samples import make_vote

from arena.votes import COLUMNS
from arena.votes.imported.cells import tidied, tidied_columns
from arena.votes.rows import FLAGS, NUMERIC, UnreadableRow, to_row, to_vote
from arena.votes.table import TableBuilder, add_columns

NOON = 1_764_000_000.0  # 2025-11-24 16:00:00 UTC
WORDS = {
    "True": ["TRUE", "true", " True ", "tRuE", "1", "1.0", "WAHR", "wahr", "VRAI", "VERDADERO", "TRUE\u00a0"],
    "False": ["FALSE", "false", "False\t", "0", "0.0", "FALSCH", "FAUX", "FALSO"],
    "": ["", "  "],
}


def cell(name, text):
    """What becomes of a cell, by itself and in a column of its kind."""
    tidy = tidied({name: text})[name]
    assert tidied_columns({name: ["", text, text]})[name] == ["", tidy, tidy] or tidy == text
    return tidy


@pytest.mark.parametrize("name", sorted(FLAGS))
def test_flags(name):
    for flag, words in WORDS.items():
        for word in words:
            assert cell(name, word) == flag


@pytest.mark.parametrize("word", ["yes", "no", "T", "F", "-1", "2", "真", "TRUE?", "1.5", "=TRUE()"])
def test_an_ambiguous_flag_is_refused(word):
    with pytest.raises(UnreadableRow, match="anony"):
        to_vote(tidied(to_row(make_vote()) | {"anony": word}))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("84", "84"),
        ("84.0", "84"),
        ("84,0", "84"),
        ("8.4E+01", "84"),
        ("8,4e1", "84"),
        (" 84 ", "84"),
        ("1,234", "1234"),
        ("1 234", "1234"),
        ("1\u00a0234", "1234"),
        ("1\u202f234", "1234"),
        ("1’234", "1234"),
        ("1,234,000", "1234000"),
        ("1.234.567", "1234567"),
        ("1,234.0", "1234"),
        ("1.234,0", "1234"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("name", ["turn", "tokens_a", "tokens_b", "schema"])
def test_whole_numbers(name, text, number):
    assert cell(name, text) == number


@pytest.mark.parametrize("text", ["84.5", "84,5", "84,000", "1,23", "12,34,567", "1e300", "nan", "inf", "####", "1e16"])
def test_an_ambiguous_whole_number_is_refused(text):
    with pytest.raises(UnreadableRow, match="tokens_a"):
        to_vote(tidied(to_row(make_vote()) | {"tokens_a": text}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.25", 12.25),
        ("12,25", 12.25),
        ("1,234", 1.234),
        ("1.225E+01", 12.25),
        ("1,225E+01", 12.25),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("12", 12.0),
        (" .5", 0.5),
        ("-0,5", -0.5),
        ("1e-05", 1e-05),
        ("1 234,5", None),
    ],
)
@pytest.mark.parametrize("name", ["first_token_a", "seconds_b", "dwell_s"])
def test_numbers(name, text, value):
    assert cell(name, text) == (text if value is None else repr(value))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1764000000", NOON),
        ("1764000000,0", NOON),
        ("1.764E+09", NOON),
        ("1,764E+09", NOON),
        ("1.76E+09", 1_760_000_000.0),
        ("1,764,000,000", NOON),
        ("1.764.000.000", NOON),
        ("1 764 000 000", NOON),
        ("1764000000000", NOON),
        ("1.764E+12", NOON),
        ("1764000000250.0", NOON + 0.25),
        ("1764000000250000", NOON + 0.25),
        ("1764000000000000000", NOON),
        ("2025-11-24 16:00:00", NOON),
        ("2025-11-24 16:00", NOON),
        ("2025-11-24T16:00:00Z", NOON),
        ("2025-11-24T16:00:00.250000+00:00", NOON + 0.25),
        ("2025-11-25 00:00:00+08:00", NOON),
        ("2025-11-24 11:00:00 -0500", NOON),
        ("2025-11-24 16:00:00 UTC", NOON),
        ("2025/11/24 16:00", NOON),
        ("2025.11.24 16:00:00,250", NOON + 0.25),
        ("2025/3/4 5:06", 1_741_064_760.0),
        ("2025-11-24", NOON - 16 * 3600),
    ],
)
def test_times(text, time):
    assert cell("tstamp", text) == repr(time)


@pytest.mark.parametrize(
    "text",
    [
        "24/11/2025 16:00",
        "11/24/2025 16:00",
        "24.11.2025",
        "2025/11/24 4:00 PM",
        "2025-13-01",
        "2025-11-24 25:00",
        "2025-11/24",
        "2025-11-24 16:00 CET",
        "yesterday",
        "00:00.0",
        "nan",
        "inf",
    ],
)
def test_an_ambiguous_date_is_refused(text):
    with pytest.raises(UnreadableRow, match="tstamp"):
        to_vote(tidied(to_row(make_vote()) | {"tstamp": text}))


@settings(deadline=None)
@given(st.sampled_from(sorted(NUMERIC)), st.text("0123456789.,eE+- :/TZ", max_size=16))
def test_whatever_is_tidied_once_stays_and_is_read_alike(name, text):
    row = tidied(to_row(make_vote()) | {name: text})
    assert tidied(row) == row
    try:
        vote = to_vote(row)
    except UnreadableRow:
        return
    builder = TableBuilder()
    add_columns({column: [cell] for column, cell in row.items()}, 0, builder)
    assert builder.table()["time"].tolist() == [vote.time]
    if (name, row[name]) not in {("turn", "0"), ("turn", ""), ("tstamp", "")}:  # unknown, as 1 and 0.0 are
        assert row[name] == to_row(vote)[name]


@pytest.mark.parametrize("vote", VOTES)
def test_what_the_log_writes_stays(vote):
    row = to_row(vote)
    assert tidied(row) == row
    columns = {name: [cell, cell] for name, cell in row.items()}
    assert tidied_columns(columns) == columns


def test_unreadable_cells_are_refused_for_the_whole_block():
    with pytest.raises(UnreadableRow):
        add_columns({name: ["yes"] for name in COLUMNS}, 0, TableBuilder())
