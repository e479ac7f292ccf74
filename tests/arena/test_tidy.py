"""Cells as other programs write them: flags, numbers, times, damaged texts; one by one, in columns, and in files."""

import csv
import json
from dataclasses import replace

import pytest
from foreign_files import VOTES, assert_read, changed, exported, rows_of, text_of
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_samples import make_vote, rich_vote

from arena.votes import COLUMNS
from arena.votes.brought import BroughtFiles
from arena.votes.columns import InDoubt, add_columns
from arena.votes.reading import BadRow
from arena.votes.rows import NUMERIC, UnreadableRow, to_row, to_vote
from arena.votes.store import ReadReport, store_of_files
from arena.votes.table import TableBuilder
from arena.votes.tidy import tidied, tidied_columns

NOON = 1_764_000_000.0  # 2025-11-24 16:00:00 UTC
DATE_REFUSED = "tstamp '24/11/2025' is neither Unix seconds nor a date like 2025-11-24 16:00:00"
FLAGS = {
    "True": ["TRUE", "true", " True ", "tRuE", "1", "1.0", "WAHR", "wahr", "VRAI", "VERDADERO", "TRUE\u00a0"],
    "False": ["FALSE", "false", "False\t", "0", "0.0", "FALSCH", "FAUX", "FALSO"],
    "": ["", "  "],
}


def cell(name, text):
    """What becomes of a cell, by itself and in a column of its kind."""
    tidy = tidied({name: text})[name]
    assert tidied_columns({name: ["", text, text]})[name] == ["", tidy, tidy] or tidy == text
    return tidy


@pytest.mark.parametrize("name", ["anony", "any_right", "leaked"])
def test_flags(name):
    for flag, words in FLAGS.items():
        for word in words:
            assert cell(name, word) == flag


@pytest.mark.parametrize("word", ["yes", "no", "T", "F", "-1", "2", "真", "TRUE?", "1.5", "=TRUE()"])
def test_a_flag_that_may_mean_anything_is_refused(word):
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
def test_what_is_no_whole_number_for_sure_is_refused(text):
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
def test_a_date_that_may_be_another_is_refused(text):
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
    add_columns({column: [cell] for column, cell in row.items()}, 1, 0, builder)
    assert builder.table()["time"].tolist() == [vote.time]
    # What the log would write for the vote is what stands there.
    assert row[name] in (to_row(vote)[name], "")


@pytest.mark.parametrize("vote", VOTES)
def test_what_the_log_writes_stays(vote):
    row = to_row(vote)
    assert tidied(row) == row
    columns = {name: (cell, cell) for name, cell in row.items()}
    assert all(cells is columns[name] for name, cells in tidied_columns(columns).items())


def test_a_column_that_needs_more_than_tidying_is_in_doubt():
    with pytest.raises(InDoubt):
        add_columns({name: ["yes"] for name in COLUMNS}, 1, 0, TableBuilder())


# ---- whole files


def excel(rows):
    """As Excel saves it: flags in capitals, times and long numbers rounded."""
    flags = [rows[0].index(name) for name in ("anony", "any_right", "leaked")]
    time = rows[0].index("tstamp")
    told = [[cell.upper() if place in flags else cell for place, cell in enumerate(row)] for row in rows[1:]]
    return [rows[0], *([*row[:time], f"{float(row[time]):.2E}", *row[time + 1 :]] for row in told)]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_file_that_excel_has_saved(tmp_path, delimiter):
    path = tmp_path / "excel.csv"
    path.write_text(text_of(excel(rows_of()), delimiter), "utf-8-sig", newline="")
    assert_read(path, [replace(vote, time=1_760_000_000.0) for vote in VOTES])


def test_a_file_that_pandas_has_saved(tmp_path):
    import pandas as pd

    path = tmp_path / "pandas.csv"
    path.write_text(text_of(rows_of()), "utf-8-sig", newline="")
    pd.read_csv(path).to_csv(path)
    assert ",120.0," in path.read_text("utf-8")
    assert_read(path)


def test_good_and_bad_rows_of_one_file(tmp_path):
    path = tmp_path / "votes.csv"
    rows = [*excel(rows_of()), *changed(rows_of(VOTES[1:2]), tstamp="24/11/2025")[1:], *rows_of([make_vote(7)])[1:]]
    path.write_text(text_of(rows), "utf-8-sig", newline="")
    votes = [*(replace(vote, time=1_760_000_000.0) for vote in VOTES), make_vote(7)]
    bad = BadRow(str(path), text_of(rows[:4]).count("\n") + 1, DATE_REFUSED)
    assert_read(path, votes, unreadable=(bad,))


# ---- texts that were cut


def cut_row(*names, at=100):
    row = to_row(rich_vote("long text " * 50))
    return row | {name: row[name][:at] for name in names}


@pytest.mark.parametrize("names", [["conversation_a"], ["conversation_b", "settings"]])
def test_a_vote_counts_without_a_conversation_that_was_cut(tmp_path, names):
    path = tmp_path / "cut.csv"
    row = cut_row(*names)
    path.write_text(text_of([list(COLUMNS), list(row.values()), *rows_of(VOTES[1:])[1:]]), "utf-8-sig", newline="")
    left = row | dict.fromkeys(names, "")
    damaged = (BadRow(str(path), 2, f"no JSON in {', '.join(names)}"),)
    assert_read(path, [to_vote(left), *VOTES[1:]], [list(left.values()), *rows_of(VOTES[1:])[1:]], damaged=damaged)


def test_the_copy_for_spreadsheets_is_read_again(tmp_path):
    from arena.votes.export import export_excel

    votes = [rich_vote("长" * 40_000), *VOTES[1:]]
    (tmp_path / "votes.csv").write_text(text_of(rows_of(votes)), "utf-8-sig", newline="")
    export_excel(tmp_path, tmp_path / "excel.csv")
    found = store_of_files([tmp_path / "excel.csv"]).refresh()
    assert (found.report.rows, [row.line for row in found.report.damaged]) == (3, [2])


@pytest.mark.parametrize(
    "cells",
    [
        {"criteria": '{"clear": "a'},
        {"conversation_a": "{}"},
        {"conversation_a": '[{"role": "wizard", "content": "x"}]'},
        {"settings": '{"a": {"temperature": 9}}'},
        {"settings": "{", "winner": "left"},
        {"settings": "{", "model_b": "qwen-7b-chat"},
    ],
)
def test_a_row_that_is_wrong_and_not_cut_is_refused(tmp_path, cells):
    path = tmp_path / "wrong.csv"
    path.write_text(text_of(changed(rows_of(VOTES[:1]), **cells)), "utf-8-sig", newline="")
    report = store_of_files([path]).refresh().report
    assert (report.rows, len(report.unreadable), report.damaged) == (0, 1, ())


def test_damage_is_told_by_exports_and_kept_in_the_index(tmp_path, monkeypatch):
    from arena.votes import index, store

    monkeypatch.setattr(store, "_WORTH_KEEPING", 1)
    path = tmp_path / "votes.csv"
    path.write_text(text_of([list(COLUMNS), list(cut_row("settings").values())]), "utf-8-sig", newline="")
    damaged = (BadRow("votes.csv", 2, "no JSON in settings"),)
    for _ in range(2):
        assert store.store_of(tmp_path).refresh().report == ReadReport(1, damaged=damaged)
    assert (tmp_path / index.FILE_NAME).exists()
    rows, report = exported(BroughtFiles([path]).parts, tmp_path)
    assert (rows[0]["settings"], report.damaged) == ("", damaged)
    assert json.loads(rows[0]["conversation_a"])


def test_cells_are_quoted_where_they_hold_commas(tmp_path):
    path = tmp_path / "all.csv"
    rows = changed(rows_of(VOTES[:1]), seconds_a="12,25", tokens_a="1,200", dwell_s="3,5")
    path.write_text(text_of(rows, quoting=csv.QUOTE_ALL), "utf-8", newline="")
    store = store_of_files([path])
    (stored,) = store.stored(store.refresh().table)
    usage = stored.vote.battle.a.answer.usage
    assert (usage.seconds, usage.new_tokens, stored.vote.dwell) == (12.25, 1200, 3.5)
