"""The exact export and the spreadsheet copy."""

import csv
import threading
import time

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_samples import NASTY_TEXTS, log_path, make_vote, rich_vote

from arena.errors import InputError
from arena.types import Winner
from arena.votes import COLUMNS, VoteLog
from arena.votes.export import CUT_MARK, EXCEL_CELL, _excel_cell, export_csv, export_excel
from arena.votes.rows import NUMERIC
from arena.votes.store import ReadReport, read_votes

BOM = b"\xef\xbb\xbf"
PREFIXES = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n=",
    "＝",
    "＋",
    "－",
    "＠",
    " =",
    "\r=",
    "\t @",
    "\u3000＝",
    "\ufeff=",
    "\u200b-",
]
BOTH = pytest.mark.parametrize("export", [export_csv, export_excel])


def rows(path):
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def table(path):
    header, *cells = rows(path)
    assert tuple(header) == COLUMNS
    return [dict(zip(header, row, strict=True)) for row in cells]


def fill(folder, *votes):
    with VoteLog(log_path(folder)) as log:
        for vote in votes:
            log.append(vote)
    return log.part


@BOTH
def test_no_votes_give_a_header(tmp_path, export):
    for folder in (tmp_path, tmp_path / "none"):
        target = tmp_path / "out.csv"
        assert export(folder, target) == ReadReport()
        assert target.read_bytes() == BOM + ",".join(COLUMNS).encode() + b"\r\n"


def test_the_export_has_every_cell_of_the_log(tmp_path):
    votes = [make_vote(n, answer=text, comment=text) for n, text in enumerate([*NASTY_TEXTS, "长" * 300_000])]
    part = fill(tmp_path, rich_vote("text"), *votes)
    report = export_csv(tmp_path, tmp_path / "out.csv")
    assert report == ReadReport(rows=len(votes) + 1)
    assert (tmp_path / "out.csv").read_bytes() == part.read_bytes()
    (tmp_path / "again").mkdir()
    (tmp_path / "out.csv").rename(tmp_path / "again" / "votes.csv")
    assert list(read_votes(tmp_path / "again")) == list(read_votes(tmp_path))


@BOTH
def test_all_parts_become_one_file_without_duplicates(tmp_path, export):
    old = log_path(tmp_path)
    old.write_text("question_id,winner,model_a,model_b,judge,mood\nb0,tie,q,g,j,glad\nb00,Tie,q,g,j,sad\n", "utf-8")
    with VoteLog(old) as second, VoteLog(old) as third:
        second.append(make_vote(1))
        second.append(make_vote(2))
        third.append(make_vote(1, id="again", winner=Winner.TIE))
        third.append(make_vote(3))
    report = export(tmp_path, tmp_path / "out.csv", withdrawn={"vote-2"})
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(BOM) and data.count(BOM) == 1 and data.count(b"question_id") == 1
    assert data.count(b"\n") == data.count(b"\r\n") == 4
    cells = table(tmp_path / "out.csv")
    assert [row["question_id"] for row in cells] == ["b0", "battle-1", "battle-3"]
    assert {name for name, cell in cells[0].items() if cell} == {"question_id", "winner", "model_a", "model_b", "judge"}
    assert (report.rows, report.duplicates, report.withdrawn) == (3, 1, 1)
    assert [(bad.part, bad.line) for bad in report.unreadable] == [("votes.csv", 3)]


@BOTH
def test_a_snapshot_taken_while_votes_are_appended_parses(tmp_path, export):
    answer = 'some "long",\r\nanswer ' * 1_500
    stop = threading.Event()

    def vote():
        with VoteLog(log_path(tmp_path)) as log:
            number = 0
            while not stop.is_set():
                log.append(make_vote(number, answer=answer))
                number += 1

    voting = threading.Thread(target=vote)
    voting.start()
    counts = []
    began = time.monotonic()
    try:
        while time.monotonic() - began < 0.5 or not counts[-1]:
            export(tmp_path, tmp_path / "out.csv")
            cells = table(tmp_path / "out.csv")
            counts.append(len(cells))
            assert [row["vote_id"] for row in cells] == [f"vote-{n}" for n in range(len(cells))]
    finally:
        stop.set()
        voting.join()
    assert counts == sorted(counts) and counts[-1] > 0


@BOTH
def test_a_target_that_cannot_be_written_is_one_clear_error(tmp_path, export):
    fill(tmp_path, make_vote())
    with pytest.raises(InputError) as caught:
        export(tmp_path, tmp_path / "none" / "out.csv")
    assert caught.value.code == "export_unwritable" and "out.csv" in str(caught.value)


def test_a_failed_export_leaves_the_old_one_and_no_draft(tmp_path, monkeypatch):
    fill(tmp_path, make_vote())
    target = tmp_path / "out.csv"
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        export_csv(tmp_path, target)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"votes.csv", ".votes.csv.lock", "out.csv"}


@BOTH
@pytest.mark.parametrize("name", ["votes.csv", "votes-2.csv"])
def test_the_log_is_not_overwritten(tmp_path, export, name):
    part = fill(tmp_path, make_vote())
    before = part.read_bytes()
    with pytest.raises(InputError) as caught:
        export(tmp_path, tmp_path / "." / name)
    assert caught.value.code == "export_into_log"
    assert part.read_bytes() == before and not (tmp_path / "votes-2.csv").exists()


# ---- the spreadsheet copy


@pytest.mark.parametrize("prefix", PREFIXES)
def test_text_cells_are_guarded_against_formulas_and_the_log_is_not(tmp_path, prefix):
    text = f"{prefix}1+2"
    vote = rich_vote(text)
    fill(tmp_path, vote)
    export_excel(tmp_path, tmp_path / "out.csv")
    (row,) = table(tmp_path / "out.csv")
    for name in ("prompt", "response_a", "response_b", "comment"):
        assert row[name].startswith("'" + prefix)
    (stored,) = read_votes(tmp_path)
    assert stored == vote


def test_harmless_cells_and_numbers_are_the_same_in_the_spreadsheet(tmp_path):
    fill(tmp_path, rich_vote("a=b, 'c' - d"), make_vote(2, dwell=-0.5))
    export_csv(tmp_path, tmp_path / "out.csv")
    export_excel(tmp_path, tmp_path / "excel.csv")
    assert table(tmp_path / "excel.csv") == table(tmp_path / "out.csv")
    assert table(tmp_path / "excel.csv")[1]["dwell_s"] == "-0.5"
    numbers = pandas.read_csv(tmp_path / "excel.csv")[sorted(NUMERIC)]
    assert all(pandas.api.types.is_numeric_dtype(kind) for kind in numbers.dtypes)


def units(text):
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("text", ["x" * 300_000, "长" * 40_000, "😀" * 20_000, "y" + "😀" * 20_000, "=" + "z" * 32_766])
def test_long_cells_are_cut_with_a_mark(tmp_path, text):
    fill(tmp_path, make_vote(answer=text))
    export_excel(tmp_path, tmp_path / "out.csv")
    (row,) = table(tmp_path / "out.csv")
    assert max(map(units, row.values())) <= EXCEL_CELL
    cell = row["response_a"].removeprefix("'")
    assert cell.endswith(CUT_MARK) and text.startswith(cell.removesuffix(CUT_MARK))
    assert units(row["response_a"]) >= EXCEL_CELL - 1


@pytest.mark.parametrize("text", ["x" * EXCEL_CELL, "=" + "x" * (EXCEL_CELL - 2), "😀" * (EXCEL_CELL // 2)])
def test_the_longest_cell_that_fits_is_not_cut(text):
    assert _excel_cell(text).removeprefix("'") == text


@settings(deadline=None)
@given(st.text(st.sampled_from("=+-@＝＋－＠\t\r\n \u3000\ufeff\x85a1'\""), max_size=6))
def test_no_guarded_cell_begins_like_a_formula(text):
    cell = _excel_cell(text)
    assert cell.lstrip(" \t\r\n\u3000\ufeff\x85")[:1] not in set("=+-@＝＋－＠")
    assert cell[:1] not in set("\t\r\n")
    assert cell in (text, "'" + text)
