"""The data folder's own log after another program has saved it: all of it is read, new votes go where they are safe."""

import csv

import pytest
from foreign_files import VOTES, rows_of, text_of
from vote_samples import make_vote, read_votes

from arena.errors import VoteRefused
from arena.exports.export import export_table
from arena.votes import COLUMNS, VoteLog
from arena.votes.log import votes_tail
from arena.votes.reader import BadRow
from arena.votes.records import HEAD
from arena.votes.store import ReadReport, VoteStore

NEW = make_vote(9)


def save(folder, text, encoding="utf-8"):
    """What the other program leaves; the bytes."""
    path = folder / "votes.csv"
    path.write_bytes(text.encode(encoding))
    return path.read_bytes()


def vote_once_more(folder):
    """The app is up again and a vote is cast; the part it went to, and all votes that readers then find."""
    with VoteLog(folder / "votes.csv") as log:
        log.append(NEW)
        assert list(read_votes(log.folder)) == list(read_votes(folder))
        name = log.part.name
    store = VoteStore(folder)
    votes = [stored.vote for stored in store.stored(store.refresh().table)]
    assert votes == list(read_votes(folder))
    return name, votes


def flags_in_capitals(rows):
    return [[cell.upper() if cell in ("True", "False") else cell for cell in row] for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_part_in_the_logs_format_is_appended_to(tmp_path, encoding, line_end, quoting):
    before = save(tmp_path, text_of(flags_in_capitals(rows_of()), line_end=line_end, quoting=quoting), encoding)
    assert vote_once_more(tmp_path) == ("votes.csv", [*VOTES, NEW])
    assert (tmp_path / "votes.csv").read_bytes().startswith(before)


@pytest.mark.parametrize(
    ("delimiter", "line_end", "encoding"),
    [
        (",", "\r\n", "gbk"),
        (";", "\r\n", "utf-8-sig"),
        (";", "\r\n", "gb18030"),
        ("\t", "\r\n", "utf-16"),
        ("\t", "\n", "utf-16-le"),
        (",", "\r", "utf-8"),
    ],
)
@pytest.mark.parametrize("end", [None, -1])
def test_a_part_in_another_format_is_read_and_not_written(tmp_path, delimiter, line_end, encoding, end):
    text = text_of(rows_of(), delimiter, line_end)
    before = save(tmp_path, text.rstrip("\r\n") if end else text, encoding)
    assert vote_once_more(tmp_path) == ("votes-2.csv", [*VOTES, NEW])
    assert (tmp_path / "votes.csv").read_bytes() == before
    assert not list(tmp_path.glob("*.torn-*"))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [[*row, "", ""] for row in rows],
        lambda rows: [*[["", *row] for row in rows], [""] * (len(COLUMNS) + 1)],
        lambda rows: [[*reversed(row)] for row in rows],
        lambda rows: [[name.title() for name in rows[0]], *rows[1:]],
    ],
)
def test_a_part_with_other_columns_is_read_and_not_written(tmp_path, change):
    before = save(tmp_path, text_of(change(rows_of())), "utf-8-sig")
    assert vote_once_more(tmp_path) == ("votes-2.csv", [*VOTES, NEW])
    assert (tmp_path / "votes.csv").read_bytes() == before


def test_a_last_row_gets_its_line_end_and_is_not_moved_aside(tmp_path):
    before = save(tmp_path, text_of(rows_of(), line_end="\n").rstrip("\n"))
    assert list(read_votes(tmp_path)) == list(VOTES)
    assert vote_once_more(tmp_path) == ("votes.csv", [*VOTES, NEW])
    assert (tmp_path / "votes.csv").read_bytes().startswith(before + b"\r\n")
    assert not list(tmp_path.glob("*.torn-*"))


def test_a_torn_row_is_moved_aside_in_foreign_parts_too(tmp_path):
    save(tmp_path, text_of(rows_of(), line_end="\n") + 'b9,qwen,glm,"tie')
    assert read_votes(tmp_path).report == ReadReport(3, unfinished=1)
    assert vote_once_more(tmp_path) == ("votes.csv", [*VOTES, NEW])
    (aside,) = tmp_path.glob("*.torn-*")
    assert aside.read_bytes() == b'b9,qwen,glm,"tie'


def test_a_part_that_is_no_table_does_not_hide_other_parts(tmp_path):
    before = save(tmp_path, "PK\x03\x04\0\0 a workbook\nsaved under this name\n", "latin-1")
    assert vote_once_more(tmp_path) == ("votes-2.csv", [NEW])
    assert (tmp_path / "votes.csv").read_bytes() == before
    assert [(bad.part, bad.line) for bad in VoteStore(tmp_path).refresh().report.unreadable] == [("votes.csv", 2)]


@pytest.mark.parametrize("change", [list, reversed])
def test_new_votes_do_not_go_below_a_second_header(tmp_path, change):
    pasted = [list(change(row)) for row in rows_of(VOTES[1:])]
    before = save(tmp_path, text_of(rows_of(VOTES[:1])) + "\ufeff" + text_of(pasted), "utf-8-sig")
    assert list(read_votes(tmp_path)) == list(VOTES)
    assert vote_once_more(tmp_path) == ("votes-2.csv", [*VOTES, NEW])
    assert (tmp_path / "votes.csv").read_bytes() == before


def is_foreign(part):
    with part.open("rb") as file:
        return votes_tail(file).kind == "foreign"


HEADER = ",".join(COLUMNS)
WORDS = [
    "group by question_id",
    "question_id",
    f"{HEADER}\r\n",
    f'"\ufeff{HEADER}\n"',
    "question_id,model_a,model_b,winner,x",
]


@pytest.mark.parametrize("block", [1, 1000, 1 << 20])
@pytest.mark.parametrize("words", WORDS)
def test_a_vote_with_the_words_of_the_header_is_a_vote(tmp_path, monkeypatch, words, block):
    monkeypatch.setattr("arena.votes.log._BLOCK", block)
    votes = []
    for number in range(3):
        votes.append(make_vote(number, answer=words, comment=words))
        with VoteLog(tmp_path / "votes.csv") as log:
            log.append(votes[-1])
    assert [path.name for path in tmp_path.glob("*.csv")] == ["votes.csv"]
    assert list(read_votes(tmp_path)) == votes


@pytest.mark.parametrize("tail", ["torn,half", 'b9,qwen,glm,tie,"what is question_id?'])
def test_below_a_vote_with_the_words_of_the_header_a_torn_row_is_repaired(tmp_path, tail):
    """At run time too: a failed append that could not be undone must not stop all later votes."""
    vote = make_vote(1, comment=WORDS[0])
    with VoteLog(tmp_path / "votes.csv") as log:
        log.append(vote)
        with log.part.open("a", encoding="utf-8") as file:
            file.write(tail)
        log.append(NEW)
        assert log.part.name == "votes.csv" and list(read_votes(tmp_path)) == [vote, NEW]


@pytest.mark.parametrize("row", ["", "torn", "b9,qwen,glm,tie"])
def test_a_header_pasted_behind_an_unfinished_row_is_seen(tmp_path, row):
    for start in (text_of(rows_of(VOTES[:1])) + row, text_of(rows_of(VOTES[:1]))[:-2]):
        for end in ("", text_of(rows_of(VOTES))[len(HEADER) + 2 :]):
            save(tmp_path, f"{start}{HEADER}\r\n{end}", "utf-8-sig")
            assert is_foreign(tmp_path / "votes.csv")
            save(tmp_path, f"{start}{HEADER}", "utf-8-sig")
            assert is_foreign(tmp_path / "votes.csv")


@pytest.mark.parametrize("block", [1, 3, 50, 1000])
def test_a_second_header_is_seen_wherever_blocks_end(tmp_path, monkeypatch, block):
    monkeypatch.setattr("arena.votes.log._BLOCK", block)
    save(tmp_path, text_of(rows_of(VOTES[:1])), "utf-8-sig")
    assert not is_foreign(tmp_path / "votes.csv")
    save(tmp_path, text_of(rows_of(VOTES[:1])) * 2, "utf-8-sig")
    assert is_foreign(tmp_path / "votes.csv")


def test_a_part_saved_by_another_program_while_open_refuses_votes(tmp_path):
    with VoteLog(tmp_path / "votes.csv") as log:
        for vote in VOTES:
            log.append(vote)
        store = VoteStore(tmp_path)
        assert store.refresh().report.rows == 3
        before = save(tmp_path, text_of(rows_of(), ";"), "gbk")
        with pytest.raises(VoteRefused):
            log.append(NEW)
        assert log.part.read_bytes() == before
        assert [stored.vote for stored in store.stored(store.refresh().table)] == list(VOTES)


def test_a_foreign_part_is_copied_again_after_a_change(tmp_path):
    store = VoteStore(tmp_path)
    for number in (1, 2, 3):
        save(tmp_path, text_of(rows_of(VOTES[:number]), ";"), "utf-16")
        assert [stored.vote for stored in store.stored(store.refresh().table)] == list(VOTES[:number])
        assert store.refresh() is store.refresh()


@pytest.mark.parametrize("change", ["a part between", "a part less"])
def test_rows_of_an_earlier_reading_stay_the_same_votes(tmp_path, change):
    """While one thread reads the votes in a table, another one may have to read everything again."""
    for number, name in ((1, "votes.csv"), (2, "votes-3.csv"), (3, "votes-4.csv")):
        (tmp_path / name).write_text(text_of(rows_of([make_vote(number)])), encoding="utf-8-sig", newline="")
    store = VoteStore(tmp_path)
    table = store.refresh().table
    if change == "a part less":
        table = table.where(table["block"] != 1)
        (tmp_path / "votes-3.csv").unlink()
    else:
        (tmp_path / "votes-2.csv").write_text(text_of(rows_of([NEW])), encoding="utf-8-sig", newline="")
    ids = ["vote-1", "vote-3"] if change == "a part less" else ["vote-1", "vote-2", "vote-3"]
    assert store.refresh().table is not table
    assert [stored.vote.id for stored in store.stored(table)] == ids


def test_bad_rows_of_a_foreign_part_name_the_part(tmp_path):
    save(tmp_path, text_of(rows_of(VOTES[1:]), ";") + "bad\r\n", "utf-16")
    bad = (BadRow("votes.csv", 4, f"1 cells, not {len(COLUMNS)}"),)
    assert read_votes(tmp_path).report == ReadReport(2, unreadable=bad)
    assert export_table(VoteStore(tmp_path), tmp_path / "out.csv") == ReadReport(2, unreadable=bad)


def test_a_part_that_is_cut_to_its_header_has_no_votes(tmp_path):
    save(tmp_path, text_of(rows_of(), ";"), "utf-16")
    assert VoteStore(tmp_path).refresh().report.rows == 3
    (tmp_path / "votes.csv").write_bytes(HEAD)
    assert VoteStore(tmp_path).refresh().report.rows == 0
