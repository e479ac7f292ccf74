"""The exact CSV and the workbook for spreadsheets."""

import csv
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vote_samples import NASTY_TEXTS, log_path, make_vote, read_votes, rich_vote, withdraw
from workbooks import one_line_end, workbook_rows

from arena.errors import InputError
from arena.exports.export import export_table
from arena.exports.tables import CUT_MARK, EXCEL_CELL, TIME_COLUMN, _quoted
from arena.types import Winner
from arena.votes import COLUMNS, VoteLog
from arena.votes.records import csv_line
from arena.votes.rows import NUMERIC
from arena.votes.store import ReadReport, VoteStore

BOM = b"\xef\xbb\xbf"
BOTH = pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])


def rows(path):
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def table(path):
    """The rows of either export, every cell as text."""
    if path.suffix == ".xlsx":
        return [{name: str(cell) for name, cell in row.items() if name != TIME_COLUMN} for row in workbook_rows(path)]
    header, *cells = rows(path)
    assert tuple(header) == COLUMNS
    return [dict(zip(header, row, strict=True)) for row in cells]


def fill(folder, *votes):
    with VoteLog(log_path(folder)) as log:
        for vote in votes:
            log.append(vote)
    return log.part


@BOTH
def test_no_votes_give_a_header(tmp_path, name):
    for folder in (tmp_path, tmp_path / "none"):
        target = tmp_path / name
        assert export_table(VoteStore(folder), target) == ReadReport()
        assert table(target) == []
    assert name == "out.xlsx" or target.read_bytes() == BOM + ",".join(COLUMNS).encode() + b"\r\n"


def test_the_export_has_every_cell_of_the_log(tmp_path):
    votes = [make_vote(n, answer=text, comment=text) for n, text in enumerate([*NASTY_TEXTS, "长" * 300_000])]
    part = fill(tmp_path, rich_vote("text"), *votes)
    report = export_table(VoteStore(tmp_path), tmp_path / "out.csv")
    assert report == ReadReport(rows=len(votes) + 1)
    assert (tmp_path / "out.csv").read_bytes() == part.read_bytes()
    (tmp_path / "again").mkdir()
    (tmp_path / "out.csv").rename(tmp_path / "again" / "votes.csv")
    assert list(read_votes(tmp_path / "again")) == list(read_votes(tmp_path))


@given(st.lists(st.text(st.sampled_from('",;\r\n\t a长\u2028\ufeff')), min_size=2))
def test_cells_are_written_as_the_csv_module_does(cells):
    assert ",".join(map(_quoted, cells)) + "\r\n" == csv_line(cells)


@BOTH
def test_all_parts_become_one_file_without_duplicates(tmp_path, name):
    old = log_path(tmp_path)
    old.write_text("question_id,winner,model_a,model_b,judge,mood\nb0,tie,q,g,j,glad\nb00,Tie,q,g,j,sad\n", "utf-8")
    with VoteLog(old) as second, VoteLog(old) as third:
        second.append(make_vote(1))
        second.append(make_vote(2))
        third.append(make_vote(1, id="again", winner=Winner.TIE))
        third.append(make_vote(3))
    withdraw(tmp_path, "vote-2")
    report = export_table(VoteStore(tmp_path), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    if name == "out.csv":
        assert data.startswith(BOM) and data.count(BOM) == 1 and data.count(b"question_id") == 1
        assert data.count(b"\n") == data.count(b"\r\n") == 4
    cells = table(tmp_path / name)
    assert [row["question_id"] for row in cells] == ["b0", "battle-1", "battle-3"]
    assert {name for name, cell in cells[0].items() if cell} == {"question_id", "winner", "model_a", "model_b", "judge"}
    assert (report.rows, report.duplicates, report.withdrawn) == (3, 1, 1)
    assert [(bad.part, bad.line) for bad in report.unreadable] == [("votes.csv", 3)]


@BOTH
def test_a_snapshot_taken_while_votes_are_appended_parses(tmp_path, name):
    answer = 'some "long",\r\nanswer ' * 1_500
    stop, may_vote = threading.Event(), threading.Semaphore(0)

    def vote():
        with VoteLog(log_path(tmp_path)) as log:
            number = 0
            while may_vote.acquire() and not stop.is_set():
                log.append(make_vote(number, answer=answer))
                number += 1

    voting = threading.Thread(target=vote)
    voting.start()
    counts = []
    try:
        while len(set(counts)) < 5 and voting.is_alive():
            may_vote.release(8)  # during this export; without a limit the tables grow by thousands of rows
            export_table(VoteStore(tmp_path), tmp_path / name)
            cells = table(tmp_path / name)
            counts.append(len(cells))
            assert [row["vote_id"] for row in cells] == [f"vote-{n}" for n in range(len(cells))]
    finally:
        stop.set()
        may_vote.release()
        voting.join()
    assert counts == sorted(counts) and len(set(counts)) == 5


@BOTH
def test_a_target_that_cannot_be_written_is_one_clear_error(tmp_path, name):
    fill(tmp_path, make_vote())
    target = tmp_path / "none" / name
    with pytest.raises(InputError) as caught:
        export_table(VoteStore(tmp_path), target)
    assert caught.value.code == "export_unwritable" and target.name in str(caught.value)


@BOTH
def test_a_failed_export_leaves_the_old_one_and_no_draft(tmp_path, monkeypatch, name):
    fill(tmp_path, make_vote())
    target = tmp_path / name
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        export_table(VoteStore(tmp_path), target)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"votes.csv", ".votes.csv.lock", target.name}


@BOTH
def test_progress_ends_with_all_bytes_and_never_goes_back(tmp_path, name):
    part = fill(tmp_path, *(make_vote(number, answer="长" * (number % 90)) for number in range(500)))
    output = []
    export_table(VoteStore(tmp_path), tmp_path / name, progress=lambda *step: output.append(step))
    size = part.stat().st_size
    done = [at for step, at, _ in output if step == "votes"]
    assert {(step, total) for step, _, total in output} == {("reading", size), ("votes", size)}
    assert done[0] == 0 and done[-1] == size and done == sorted(done) and len(done) > 5
    assert abs(done[len(done) // 2] - size / 2) < size / 5


@pytest.mark.parametrize("name", ["votes.csv", "votes-2.csv"])
def test_the_log_is_not_overwritten(tmp_path, name):
    part = fill(tmp_path, make_vote())
    before = part.read_bytes()
    with pytest.raises(InputError) as caught:
        export_table(VoteStore(tmp_path), tmp_path / "." / name)
    assert caught.value.code == "export_into_log"
    assert part.read_bytes() == before and not (tmp_path / "votes-2.csv").exists()


# ---- the workbook


def test_every_cell_is_that_of_the_csv(tmp_path):
    votes = [make_vote(n, answer=text, comment=text, dwell=-0.5) for n, text in enumerate(NASTY_TEXTS)]
    fill(tmp_path, rich_vote("text"), *votes)
    export_table(VoteStore(tmp_path), tmp_path / "out.csv")
    export_table(VoteStore(tmp_path), tmp_path / "out.xlsx")
    exact, result = table(tmp_path / "out.csv"), workbook_rows(tmp_path / "out.xlsx")
    assert len(exact) == len(result) == len(votes) + 1
    for wanted, row in zip(exact, result, strict=True):
        numbers = {name for name in NUMERIC if wanted[name]}
        assert {name: row[name] for name in numbers} == pytest.approx({name: float(wanted[name]) for name in numbers})
        texts = set(COLUMNS) - numbers
        assert {name: row[name] for name in texts} == {name: one_line_end(wanted[name]) for name in texts}


def test_the_time_can_be_read_beside_the_number(tmp_path):
    unknown = "question_id,winner,model_a,model_b,tstamp\nb0,tie,q,g,\n"
    log_path(tmp_path).write_text(unknown, "utf-8")
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1, time=951_782_400.5))
    export_table(VoteStore(tmp_path), tmp_path / "out.xlsx")
    first, second = workbook_rows(tmp_path / "out.xlsx")
    assert (first["tstamp"], first[TIME_COLUMN]) == ("", "")
    assert (second["tstamp"], str(second[TIME_COLUMN])) == (951_782_400.5, "2000-02-29 00:00:00.500000")
    names = list(first)
    assert names[names.index("tstamp") + 1] == TIME_COLUMN and [n for n in names if n != TIME_COLUMN] == list(COLUMNS)


def units(text):
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("text", ["x" * 300_000, "长" * 40_000, "😀" * 20_000, "y" + "😀" * 20_000, "=" + "z" * 32_767])
def test_long_cells_are_cut_with_a_mark(tmp_path, text):
    fill(tmp_path, make_vote(answer=text))
    export_table(VoteStore(tmp_path), tmp_path / "out.xlsx")
    (row,) = table(tmp_path / "out.xlsx")
    assert max(map(units, row.values())) <= EXCEL_CELL
    cell = row["response_a"]
    assert cell.endswith(CUT_MARK) and text.startswith(cell.removesuffix(CUT_MARK))
    assert units(cell) >= EXCEL_CELL - 1


@pytest.mark.parametrize("text", ["x" * EXCEL_CELL, "=" + "&" * (EXCEL_CELL - 1), "😀" * (EXCEL_CELL // 2)])
def test_the_longest_cell_that_fits_is_not_cut(tmp_path, text):
    fill(tmp_path, make_vote(answer=text))
    export_table(VoteStore(tmp_path), tmp_path / "out.xlsx")
    (row,) = table(tmp_path / "out.xlsx")
    assert row["response_a"] == row["response_b"] == text


def test_a_log_of_another_program_may_hold_any_character(tmp_path):
    log_path(tmp_path).write_text('question_id,winner,model_a,model_b,comment\nb0,tie,q,g,"a\x00\x0b\uffff"\n', "utf-8")
    export_table(VoteStore(tmp_path), tmp_path / "out.xlsx")
    assert [row["comment"] for row in table(tmp_path / "out.xlsx")] == ["a␀␋\ufffd"]
