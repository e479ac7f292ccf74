"""Files of votes that other programs have saved: encodings, delimiters, line ends, headers, empty rows and columns."""

import csv
from dataclasses import replace

import pytest
from foreign_files import CHINESE, VOTES, assert_read, changed, rows_of, text_of
from vote_samples import NASTY_TEXTS, make_vote

from arena.votes import COLUMNS
from arena.votes.imported.dialect import Form, form_of
from arena.votes.imported.sources import ImportedFiles
from arena.votes.reader import BadRow
from arena.votes.records import HEAD
from arena.votes.store import VoteStore

TRADITIONAL = "這句話有歧義，可以是背負，也可以是瞞著。答案是對的"
ACCENTS = "Die größere Straße, naïveté – déjà vu, süß"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "saved.csv"


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
def test_encodings_delimiters_and_line_ends(path, encoding, delimiter, line_end):
    path.write_bytes(text_of(rows_of(), delimiter, line_end).encode(encoding))
    assert_read(path)


@pytest.mark.parametrize(
    ("text", "encoding", "line_end"),
    [
        (TRADITIONAL, "cp950", "\r\n"),
        (TRADITIONAL, "gb18030", "\r\n"),
        ("好", "gbk", "\n"),
        (ACCENTS, "cp1252", "\r\n"),
        ("größer", "cp1252", "\r\n"),
        (ACCENTS, "mac_roman", "\r"),
        ("it’s “fine”…", "cp1252", "\r\n"),
        ("朱镕基说：喆", "gb18030", "\r\n"),
    ],
)
def test_encodings_of_other_countries(path, text, encoding, line_end):
    votes = [make_vote(number, answer=text, comment=text) for number in range(3)]
    path.write_bytes(text_of(rows_of(votes), ";", line_end).encode(encoding))
    assert_read(path, votes)


def test_text_beyond_ascii_may_begin_late(path, monkeypatch):
    monkeypatch.setattr("arena.votes.imported.dialect._SAMPLE", 2000)
    votes = [*(make_vote(number) for number in range(9)), make_vote(9, comment="不错")]
    path.write_bytes(text_of(rows_of(votes)).encode("gbk"))
    assert_read(path, votes)


def test_a_sample_may_end_within_a_character(path, monkeypatch):
    data = text_of(rows_of()).encode()
    path.write_bytes(data)
    for size in range(data.index("这".encode()), data.index("这".encode()) + 9):
        monkeypatch.setattr("arena.votes.imported.dialect._SAMPLE", size)
        assert_read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_one_damaged_row_stays_one_bad_row(path, encoding):
    header, *lines = text_of(rows_of([make_vote(number, comment="好的，不错") for number in range(4)])).splitlines(True)
    data = [line.encode(encoding) for line in (header, *lines)]
    data[2] = data[2].replace("好的".encode(encoding), b"caf\xff ")
    path.write_bytes(b"".join(data))
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert report.rows == 3
    assert [(bad.line, bad.reason[:8]) for bad in report.unreadable] == [(3, "not CSV:")]


def test_one_row_with_accents_among_plain_ones_is_one_bad_row(path):
    votes = [make_vote(1), make_vote(2, comment="café"), make_vote(3)]
    path.write_bytes(text_of(rows_of(votes), line_end="\n").encode("latin-1"))
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert (report.rows, [bad.line for bad in report.unreadable]) == (2, [3])


def test_a_log_with_a_bom_is_read_as_utf_8(path):
    rows = text_of(rows_of([make_vote(1), make_vote(2, comment="café")])[1:])
    path.write_bytes(HEAD + rows.encode("latin-1"))
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert (report.rows, [bad.line for bad in report.unreadable]) == (1, [3])


@pytest.mark.parametrize("text", NASTY_TEXTS)
@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8", ","), ("utf-16", "\t"), ("gb18030", ";")])
def test_text_stays_what_it_is(path, text, encoding, delimiter):
    votes = [replace(make_vote(number, answer=text), comment=text) for number in range(2)]
    path.write_bytes(text_of(rows_of(votes), delimiter).encode(encoding))
    assert_read(path, votes)


def test_a_return_in_a_cell_without_quotes_is_text(path):
    # As pandas writes it.
    votes = [make_vote(1, comment="one\rtwo"), make_vote(2)]
    data = text_of(rows_of(votes), line_end="\n")
    path.write_text(data.replace('"one\rtwo"', "one\rtwo"), encoding="utf-8", newline="")
    assert_read(path, votes)


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("bom", ["", "\ufeff", "\ufeff\ufeff"])
def test_quotes_around_everything_and_marks_in_front(path, quoting, bom):
    path.write_text(bom + text_of(rows_of(), quoting=quoting, line_end="\n"), encoding="utf-8", newline="")
    assert_read(path)


@pytest.mark.parametrize("hint", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r\n', "\ufeffsep=;\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_names_the_delimiter(path, hint, encoding):
    path.write_bytes((hint + text_of(rows_of(), ";")).encode(encoding))
    assert_read(path)


def test_a_named_delimiter_is_used(path):
    text = "sep=,\r\n" + text_of(rows_of())
    path.write_text(text, encoding="utf-8", newline="")
    assert_read(path)
    path.write_text(text + "bad row\r\n", encoding="utf-8", newline="")
    assert_read(path, unreadable=(BadRow(str(path), text.count("\n") + 1, f"1 cells, not {len(COLUMNS)}"),))


@pytest.mark.parametrize("data", ["utf-8-sig", "utf-8", "gbk"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_last_row_without_its_line_end_counts(path, data, delimiter):
    path.write_bytes(text_of(rows_of(), delimiter).rstrip("\r\n").encode(data))
    assert_read(path)


def test_a_truncated_last_row_does_not_count(path):
    for end in ("\r\nb9,qwen,glm", '\r\nb9,qwen,glm,tie,"j', "\r\n" + ",".join(rows_of()[2][:-1]) + ","):
        path.write_text(text_of(rows_of()).rstrip("\r\n") + end, encoding="utf-8-sig", newline="")
        assert_read(path, unfinished=1)


def test_a_last_cell_may_be_empty_where_another_program_ends_the_rows(path):
    path.write_text("question_id,model_a,model_b,winner,comment\nb1,x,y,tie,", encoding="utf-8")
    assert VoteStore(ImportedFiles([path])).refresh().report.rows == 1


@pytest.mark.parametrize("more", [1, 3])
def test_empty_rows_and_columns_around_the_table(path, more):
    rows = [[*row, *[""] * more] for row in rows_of()]
    empty = [""] * len(rows[0])
    path.write_text(text_of([empty, *rows[:2], empty, *rows[2:], empty, empty]) + "\r\n", "utf-8", newline="")
    assert_read(path)


def test_rows_may_have_more_empty_cells_than_the_header(path):
    rows = rows_of()
    path.write_text(text_of([rows[0], *([*row, "", ""] for row in rows[1:])]), "utf-8", newline="")
    assert_read(path)
    text = text_of(rows)
    path.write_text(text + text_of([[*rows[1], "", "x"]]), "utf-8", newline="")
    assert_read(
        path, unreadable=(BadRow(str(path), text.count("\n") + 1, f"{len(COLUMNS) + 2} cells, not {len(COLUMNS)}"),)
    )


def test_columns_in_another_order_and_unknown_ones(path):
    rows = [[*reversed(row), f"mood {number}"] for number, row in enumerate(rows_of())]
    numbered = [[str(number) if number else "", *row] for number, row in enumerate(rows)]
    path.write_text(text_of(numbered, line_end="\n"), "utf-8", newline="")
    assert_read(path)


def test_missing_columns_count_as_empty(path):
    wanted = ("winner", "question_id", "judge", "model_b", "model_a", "tstamp")
    rows = rows_of()
    path.write_text(text_of([[row[rows[0].index(name)] for name in wanted] for row in rows]), "utf-8", newline="")
    store = VoteStore(ImportedFiles([path]))
    result = [stored.vote for stored in store.stored(store.refresh().table)]
    assert [(vote.winner, vote.judge, vote.time, vote.battle.id) for vote in result] == [
        (vote.winner, vote.judge, vote.time, vote.battle.id) for vote in VOTES
    ]
    assert {(vote.comment, vote.battle.blind, vote.battle.a.config) for vote in result} == {("", False, None)}


@pytest.mark.parametrize("change", [str.upper, str.title, " {} ".format, "\u00a0{}".format, "'{}".format])
def test_names_of_columns_in_another_case_and_with_spaces(path, change):
    header, *rows = rows_of()
    path.write_text(text_of([[change(name) for name in header], *rows]), "utf-8", newline="")
    assert_read(path)


def test_a_file_with_a_duplicate_column_is_refused(path):
    rows = [[*row, row[3]] for row in rows_of()]
    path.write_text(text_of(rows), "utf-8", newline="")
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert report.unreadable == (BadRow(str(path), 1, "two columns are called winner"),)


# ---- files put one behind the other


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_concatenated_files_are_read_as_one(path, bom, quoting):
    parts = [bom + text_of(rows_of([vote]), quoting=quoting) for vote in VOTES]
    path.write_text("".join(parts), "utf-8", newline="")
    assert_read(path)


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_file_without_a_last_line_end_may_come_first(path, bom, quoting):
    parts = [bom + text_of(rows_of([vote]), quoting=quoting).removesuffix("\r\n") for vote in VOTES]
    path.write_text("".join(parts), "utf-8", newline="")
    assert_read(path)


def test_a_row_that_is_cut_in_front_of_a_header_is_one_bad_row(path):
    first, second = text_of(rows_of(VOTES[1:2])), text_of(rows_of(VOTES[2:]))
    path.write_text(first + "b9,qwen,glm" + second, "utf-8", newline="")
    assert_read(path, VOTES[1:], unreadable=(BadRow(str(path), 3, f"3 cells, not {len(COLUMNS)}"),))


def test_a_file_with_other_columns_may_follow(path):
    first, second = rows_of(VOTES[:1]), [list(reversed(row)) for row in rows_of(VOTES[1:])]
    path.write_text(text_of(first) + "\ufeff" + text_of(second) + text_of(first), "utf-8", newline="")
    assert_read(path, duplicates=1)


def test_columns_that_are_swapped_behind_do_not_swap_the_models(path):
    path.write_text("question_id,model_a,model_b,winner\nb1,x,y,tie\nmodel_b,winner,question_id,model_a\nx,tie,b2,y\n")
    store = VoteStore(ImportedFiles([path]))
    result = [stored.vote for stored in store.stored(store.refresh().table)]
    assert [(vote.battle.id, vote.battle.a.model.id, vote.battle.b.model.id) for vote in result] == [
        ("b1", "x", "y"),
        ("b2", "y", "x"),
    ]


@pytest.mark.parametrize("block", [1, 700, 1 << 20])
def test_lines_are_counted_over_headers(path, monkeypatch, block):
    monkeypatch.setattr("arena.votes.reader.BLOCK", block)
    data = text_of(rows_of(VOTES[1:2])) + "bad\r\n"
    path.write_text(data + data + "worse\r\n", "utf-8-sig", newline="")
    report = VoteStore(ImportedFiles([path])).refresh().report
    assert [bad.line for bad in report.unreadable] == [3, 6, 7]


def test_a_prompt_about_the_columns_is_no_header(path):
    text = "question_id,model_a,model_b,winner\nquestion_id"
    votes = [replace(make_vote(1, comment=text)), make_vote(2)]
    path.write_text(text_of(changed(rows_of(votes), room="question_id")), "utf-8-sig", newline="")
    assert_read(path, [replace(vote, room="question_id") for vote in votes])


# ---- what is not the form of votes


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", "question_id,model_a\n", "x" * 200_000, CHINESE])
def test_other_texts_have_no_form(text):
    assert form_of(text.encode()) is None


def test_the_log_has_the_plain_form():
    assert form_of(HEAD) == Form() == form_of(HEAD + text_of(rows_of()[1:]).encode())
