"""Votes read as columns: the same rows as `read_votes` finds, and what is new alone."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results_rows import assert_same, decoded, row_of, write
from vote_samples import NASTY_TEXTS, make_vote, rich_vote, vote_between

from arena.errors import InputError
from arena.events import WITHDRAWN, EventLog
from arena.types import Winner
from arena.votes import COLUMNS, VoteLog, reader
from arena.votes.imported.sources import ImportedFiles
from arena.votes.records import HEAD
from arena.votes.store import VoteStore

SYSTEM = "system Be kind. text"


def test_every_column_says_what_the_vote_says(tmp_path):
    vote = replace(rich_vote(), repeat_of="")
    write(tmp_path, row_of(vote), row_of(make_vote(2)))
    table = VoteStore(tmp_path).refresh().table
    names = {name: table.names[kind][table[name][0]] for name, kind in reading_names().items()}
    assert names == {
        "judge": "5f2c",
        "model_a": "qwen-7b-chat",
        "model_b": "chatglm3-6b",
        "prompt": "p-03",
        "dimension": "multilingual",
        "language": "Chinese",
        "source": "recorded",
        "room": "B7",
        "precision_a": "int4",
        "precision_b": "int4",
        "revision_a": "sha-qwen-7b-chat",
        "revision_b": "sha-chatglm3-6b",
        "settings_a": f"max_new_tokens 256\ntemperature 0.2\ntop_p 0.9\ntop_k 0\nrepetition_penalty 1\n{SYSTEM}",
        "settings_b": f"max_new_tokens 512\ntemperature 0\ntop_p 0.9\ntop_k 40\nrepetition_penalty 1\n{SYSTEM}",
    }
    numbers = {name: table[name][0].item() for name in ("winner", "blind", "complete", "leaked", "time")}
    assert numbers == {"winner": 3, "blind": True, "complete": False, "leaked": 1, "time": vote.time}
    assert [table[f"{name}_a"][0].item() for name in ("length", "tokens", "first_token", "seconds")] == [
        4,
        120,
        0.5,
        12.25,
    ]
    assert [table["leaked"][1], table["complete"][1], np.isnan(table["tokens_a"][1])] == [-1, True, True]


def reading_names():
    from arena.votes.table import NAMED

    return NAMED


@pytest.mark.parametrize("text", NASTY_TEXTS)
def test_texts_with_quotes_and_line_ends_keep_rows_apart(tmp_path, text):
    votes = [replace(rich_vote(text), id=f"v{number}", judge=f"j{number}", repeat_of="") for number in range(3)]
    with VoteLog(tmp_path / "votes.csv") as log:
        for vote in votes:
            log.append(vote)
    assert_same(tmp_path)


BAD_CELLS = st.sampled_from(
    [
        ("winner", "model_c"),
        ("winner", ""),
        ("model_a", ""),
        ("question_id", ""),
        ("model_a", "glm"),
        ("anony", "yes"),
        ("leaked", "1"),
        ("source", "elsewhere"),
        ("finish_a", "ended"),
        ("turn", "one"),
        ("turn", "1.5"),
        ("tokens_a", "1e3"),
        ("tokens_a", "9" * 400),
        ("seconds_a", "1e300"),
        ("tokens_b", "nan"),
        ("tstamp", "nan"),
        ("seconds_a", "inf"),
        ("seconds_b", "-inf"),
        ("first_token_a", "x"),
        ("dwell_s", "NaN"),
        ("settings", "{"),
        ("settings", "[]"),
        ("settings", '{"a": {"temperature": 9}}'),
        ("settings", '{"a": {"cached_tokens": -1}}'),
        ("criteria", '{"clear": 1}'),
        ("conversation_a", '[{"role": "user"}]'),
        ("conversation_b", '[{"role": "wizard", "content": "x"}]'),
        ("conversation_b", "null"),
        ("tstamp", "24/11/2025"),
        ("conversation_a", '[{"role": "user", "content": "cut'),
        # These are fine.
        ("anony", "TRUE"),
        ("leaked", " false"),
        ("tokens_a", "84.0"),
        ("tstamp", "1764000000000"),
        ("tstamp", "1.76E+09"),
        ("tstamp", "2025-11-24 16:00"),
        ("seconds_b", "2,5"),
        ("turn", " 2 "),
        ("tstamp", "1_000.5"),
        ("seconds_a", ""),
        ("comment", "winner"),
        ("settings", ""),
        ("source", ""),
    ]
)
ROWS = st.lists(st.one_of(st.none(), BAD_CELLS), min_size=1, max_size=8)


@given(ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_reading_blocks_finds_the_same_votes_as_reading_rows(tmp_path, changes):
    rows = [row_of(make_vote(number), **dict([change] if change else [])) for number, change in enumerate(changes)]
    write(tmp_path, *rows)
    assert_same(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        b"too,few\r\n",
        b"\r\n",
        b"\xff\xfe\r\n",
        b'"a"b,c\r\n',
        b"a\rb\r\n",
        b'"torn,',
        b"\n\n",
        b",".join([b"x"] * len(COLUMNS)) + b"\r\n",
    ],
)
def test_a_malformed_row_is_reported_by_line_and_spoils_no_other(tmp_path, line):
    write(tmp_path, row_of(make_vote(1)), line, row_of(make_vote(2)) if line != b'"torn,' else b"")
    assert_same(tmp_path)


@pytest.mark.parametrize("block", [1, 700, 3000, 1 << 20])
def test_lines_are_counted_over_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(reader, "BLOCK", block)
    rows = [row_of(make_vote(number, comment="two\nlines")) for number in range(12)]
    write(tmp_path, *rows[:5], b"bad row\r\n", *rows[5:9], b"another\r\n", *rows[9:])
    assert_same(tmp_path)
    assert [row.line for row in VoteStore(tmp_path).refresh().report.unreadable] == [12, 21]


@pytest.mark.parametrize(
    "content", [b"", HEAD, b"model_a,model_b,winner\r\n", b"\xef\xbb\xbf", b"no,vote,log\r\n1,2,3\r\n"]
)
def test_files_without_a_vote_have_none(tmp_path, content):
    (tmp_path / "votes.csv").write_bytes(content)
    assert_same(tmp_path)
    assert len(VoteStore(tmp_path).refresh().table) == 0


def test_a_folder_without_votes_or_none_at_all_has_none(tmp_path):
    assert len(VoteStore(tmp_path).refresh().table) == len(VoteStore(tmp_path / "missing").refresh().table) == 0


def test_an_older_part_with_fewer_columns_counts(tmp_path):
    columns = ("winner", "model_b", "model_a", "question_id")
    cells = io.StringIO(newline="")
    csv.writer(cells).writerows([columns, ("tie", "y", "x", "b1"), ("model_b", "y", "x", "b2")])
    (tmp_path / "votes.csv").write_text(cells.getvalue(), encoding="utf-8")
    assert decoded(VoteStore(tmp_path).refresh()) == [("x", "y", "", Winner.TIE), ("x", "y", "", Winner.MODEL_B)]


# ---- what is new


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "votes.csv") as log:
        yield log


def test_only_new_rows_are_read(log, monkeypatch):
    votes = VoteStore(log.folder)
    log.append(make_vote(1))
    first = votes.refresh()
    assert votes.refresh() is first
    log.append(make_vote(2, winner=Winner.TIE))
    bytes_read = []
    second = votes.refresh(lambda done, total: bytes_read.append((done, total)))
    assert len(second.table) == 2
    assert bytes_read == [(len(row_of(make_vote(2, winner=Winner.TIE))),) * 2]
    assert decoded(second)[0] == decoded(first)[0]


def test_a_row_that_is_being_written_counts_once_it_is_whole(log):
    votes, row = VoteStore(log.folder), row_of(make_vote(2))
    log.append(make_vote(1))
    for part, count, unfinished in ((row[:40], 1, 1), (row[40:], 2, 0)):
        with log.part.open("ab") as file:
            file.write(part)
        counted = votes.refresh()
        assert (len(counted.table), counted.report.unfinished) == (count, unfinished)


def test_votes_of_other_parts_and_withdrawn_ones_are_followed(log):
    votes = VoteStore(log.folder)
    log.append(make_vote(1))
    assert len(votes.refresh().table) == 1
    with VoteLog(log.folder / "votes.csv") as other, EventLog(log.folder) as events:
        other.append(make_vote(2))
        other.append(make_vote(3))
        assert len(votes.refresh().table) == 3
        events.append("shown", judge="x")
        events.append(WITHDRAWN, durable=True, vote="vote-2")
        counted = votes.refresh()
        assert (len(counted.table), counted.report.withdrawn) == (2, 1)
        assert decoded(counted) == [
            ("qwen", "glm", "judge-1", Winner.MODEL_A),
            ("qwen", "glm", "judge-3", Winner.MODEL_A),
        ]


def test_a_judge_counts_once_per_battle_and_votes_without_judge_all_count(log):
    for winner in (Winner.MODEL_A, Winner.MODEL_B):
        log.append(make_vote(1, winner=winner))
        log.append(make_vote(2, winner=winner, judge=""))
    counted = VoteStore(log.folder).refresh()
    assert [row[-1] for row in decoded(counted)] == [Winner.MODEL_A, Winner.MODEL_A, Winner.MODEL_B]
    assert counted.report.duplicates == 1


def test_a_withdrawn_vote_makes_room_for_another_on_the_same_battle(log):
    log.append(make_vote(1, id="first"))
    log.append(make_vote(1, id="second", winner=Winner.TIE))
    with EventLog(log.folder) as events:
        events.append(WITHDRAWN, durable=True, vote="first")
    assert [row[-1] for row in decoded(VoteStore(log.folder).refresh())] == [Winner.TIE]


def test_what_was_read_before_a_failure_is_not_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK", 700)
    write(tmp_path, *(row_of(make_vote(number, judge="")) for number in range(12)))
    votes = VoteStore(tmp_path)

    def fail(done, total):
        if done > total / 2:
            raise OSError(5, "Input/output error", str(tmp_path / "votes.csv"))

    with pytest.raises(InputError, match=r"votes\.csv cannot be read: Input/output error"):
        votes.refresh(fail)
    bytes_read = []
    counted = votes.refresh(lambda done, total: bytes_read.append(total))
    assert len(counted.table) == 12 and bytes_read[0] < (tmp_path / "votes.csv").stat().st_size / 2
    assert_same(tmp_path)


def test_an_empty_part_does_not_make_the_others_be_read_anew(tmp_path):
    write(tmp_path, row_of(make_vote(1)))
    (tmp_path / "votes-2.csv").touch()
    votes, bytes_read = VoteStore(tmp_path), []
    first = votes.refresh()
    assert votes.refresh(lambda done, total: bytes_read.append(total)) is first and bytes_read == []


def test_a_replaced_file_is_read_again(tmp_path):
    votes = VoteStore(tmp_path)
    write(tmp_path, row_of(make_vote(1)), row_of(make_vote(2)))
    assert len(votes.refresh().table) == 2
    write(tmp_path, *(row_of(make_vote(number)) for number in (7, 8, 9)))
    assert [row[2] for row in decoded(votes.refresh())] == ["judge-7", "judge-8", "judge-9"]
    write(tmp_path, row_of(make_vote(5)))
    assert [row[2] for row in decoded(votes.refresh())] == ["judge-5"]


# ---- files that are named


def test_files_of_several_hosts_count_together_and_name_their_bad_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for host, number in (("one", 1), ("two", 2)):
        (tmp_path / host).mkdir()
        write(tmp_path / host, row_of(make_vote(number)), b"bad\r\n")
    write(tmp_path / "two", row_of(make_vote(3)), name="votes-2.csv")
    with EventLog(tmp_path / "one") as events:
        events.append(WITHDRAWN, durable=True, vote="vote-1")
    from pathlib import Path

    counted = VoteStore(ImportedFiles([Path("*/votes.csv"), Path("two/votes.csv"), Path("two/votes-2.csv")])).refresh()
    assert [row[2] for row in decoded(counted)] == ["judge-2", "judge-3"]
    assert [row.part for row in counted.report.unreadable] == ["one/votes.csv", "two/votes.csv"]
    with pytest.raises(InputError) as caught:
        VoteStore(ImportedFiles([Path("*/other.csv")]))
    assert caught.value.code == "votes_missing"


def test_every_column_of_the_log_is_known_to_the_reader():
    assert set(reading_names()) - {"prompt", "settings_a", "settings_b"} <= {*COLUMNS, "settings"}
    assert vote_between(1, "x", "y", Winner.TIE, "q1").battle.prompt_id == "q1"
