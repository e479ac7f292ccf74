"""Whole files that Excel and pandas have saved, and votes of which a text was cut."""

import csv
import json
from dataclasses import replace

import pytest
from foreign_files import VOTES, assert_read, changed, exported, rows_of, text_of
from vote_samples import make_vote, rich_vote

from arena.votes import COLUMNS
from arena.votes.imported.sources import ImportedFiles
from arena.votes.reader import BadRow
from arena.votes.rows import FLAGS, to_row, to_vote
from arena.votes.store import ReadReport, VoteStore

DATE_REFUSED = "tstamp '24/11/2025' is neither Unix seconds nor a date like 2025-11-24 16:00:00"


def excel(rows):
    """As Excel saves it: flags in capitals, times and long numbers rounded."""
    flags = [rows[0].index(name) for name in FLAGS]
    time = rows[0].index("tstamp")
    output = [[cell.upper() if place in flags else cell for place, cell in enumerate(row)] for row in rows[1:]]
    return [rows[0], *([*row[:time], f"{float(row[time]):.2E}", *row[time + 1 :]] for row in output)]


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


def test_an_answer_that_a_spreadsheet_cut_still_counts(tmp_path):
    """Excel keeps 32,767 characters of a cell: the conversation ends in the middle."""
    votes = [rich_vote("长" * 40_000), *VOTES[1:]]
    rows = rows_of(votes)
    cut = [rows[0], *([cell[:32_767] for cell in row] for row in rows[1:])]
    (tmp_path / "excel.csv").write_text(text_of(cut), "utf-8-sig", newline="")
    result = VoteStore(ImportedFiles([tmp_path / "excel.csv"])).refresh()
    assert (result.report.rows, [row.line for row in result.report.damaged]) == (3, [2])


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
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert (report.rows, len(report.unreadable), report.damaged) == (0, 1, ())


def test_damage_is_told_by_exports(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(text_of([list(COLUMNS), list(cut_row("settings").values())]), "utf-8-sig", newline="")
    damaged = (BadRow("votes.csv", 2, "no JSON in settings"),)
    assert VoteStore(tmp_path).refresh().report == ReadReport(1, damaged=damaged)
    rows, report = exported(VoteStore(ImportedFiles([path])), tmp_path)
    assert (rows[0]["settings"], [row.line for row in report.damaged]) == ("", [2])
    assert json.loads(rows[0]["conversation_a"])


def test_cells_are_quoted_where_they_hold_commas(tmp_path):
    path = tmp_path / "all.csv"
    rows = changed(rows_of(VOTES[:1]), seconds_a="12,25", tokens_a="1,200", dwell_s="3,5")
    path.write_text(text_of(rows, quoting=csv.QUOTE_ALL), "utf-8", newline="")
    store = VoteStore(ImportedFiles([path]))
    (stored,) = store.stored(store.refresh().table)
    usage = stored.vote.battle.a.answer.usage
    assert (usage.seconds, usage.new_tokens, stored.vote.dwell) == (12.25, 1200, 3.5)
