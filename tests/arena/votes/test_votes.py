"""The vote log: rows, round trips, parts. What happens when things break is in test_votes_crash.py."""

import csv
import json
import threading
from dataclasses import replace

import pandas
import pytest
from filelock import Timeout
from hypothesis import given, settings
from hypothesis import strategies as st
from vote_samples import NASTY_TEXTS, log_path, make_side, make_vote, read_votes, rich_vote, withdraw

from arena.errors import InputError, VoteRefused
from arena.generation_config import GenerationConfig
from arena.text import clean
from arena.types import Message, SideName, Vote, Winner
from arena.votes import COLUMNS, VoteLog
from arena.votes.reader import BadRow
from arena.votes.records import csv_line
from arena.votes.rows import UnreadableRow, to_row, to_vote
from arena.votes.store import ReadReport, VoteStore

HEADER = (
    "question_id,model_a,model_b,winner,judge,turn,anony,language,tstamp,vote_id,prompt_id,dimension,prompt,"
    "response_a,response_b,conversation_a,conversation_b,precision_a,precision_b,revision_a,revision_b,finish_a,"
    "finish_b,tokens_a,tokens_b,first_token_a,first_token_b,seconds_a,seconds_b,criteria,any_right,comment,leaked,"
    "source,room,repeat_of,settings,dwell_s,thinking_a,thinking_b,pair_probability,joules_a,joules_b,may_publish,schema"
)


@pytest.fixture
def log(tmp_path):
    with VoteLog(log_path(tmp_path)) as log:
        yield log


def stored_rows(part):
    csv.field_size_limit(2**31 - 1)
    with part.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_part(part, *lines, bom=True):
    part.write_bytes((b"\xef\xbb\xbf" if bom else b"") + "\r\n".join([*lines, ""]).encode())


# ---- one row


def test_every_column_of_a_rich_vote(log):
    vote = rich_vote("text")
    log.append(vote)
    (row,) = stored_rows(log.part)
    conversation = json.loads(row.pop("conversation_a")), json.loads(row.pop("conversation_b"))
    assert conversation[0] == [
        {"role": "system", "content": "Be kind. text"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "text"},
        {"role": "user", "content": "text"},
        {"role": "assistant", "content": "text"},
    ]
    assert conversation[1][-1] == {"role": "assistant", "content": "text!"}
    assert json.loads(row.pop("settings")) == {"a": vote.battle.a.config.as_dict(), "b": vote.battle.b.config.as_dict()}
    assert json.loads(row.pop("criteria")) == {"correct": "a", "clear": "tie"}
    assert row == {
        "question_id": "battle-9",
        "model_a": "qwen-7b-chat",
        "model_b": "chatglm3-6b",
        "winner": "tie (bothbad)",
        "judge": "5f2c",
        "turn": "2",
        "anony": "True",
        "language": "Chinese",
        "tstamp": "1764043689.1234567",
        "vote_id": "vote-9",
        "prompt_id": "p-03",
        "dimension": "multilingual",
        "prompt": "text",
        "response_a": "text",
        "response_b": "text!",
        "precision_a": "int4",
        "precision_b": "int4",
        "revision_a": "sha-qwen-7b-chat",
        "revision_b": "sha-chatglm3-6b",
        "finish_a": "stop",
        "finish_b": "length",
        "tokens_a": "120",
        "tokens_b": "7",
        "first_token_a": "0.5",
        "first_token_b": "0.3333333333333333",
        "seconds_a": "12.25",
        "seconds_b": "1e-05",
        "any_right": "False",
        "comment": "text",
        "leaked": "True",
        "source": "recorded",
        "room": "B7",
        "repeat_of": "battle-1",
        "dwell_s": "3.5",
        "thinking_a": "",
        "thinking_b": "",
        "pair_probability": "0.25",
        "joules_a": "310.5",
        "joules_b": "",
        "may_publish": "True",
        "schema": "4",
    }


def test_unknown_is_empty(log):
    log.append(make_vote())
    (row,) = stored_rows(log.part)
    known = {"question_id", "model_a", "model_b", "winner", "judge", "turn", "anony", "tstamp", "vote_id", "prompt"}
    known |= {name for name in COLUMNS if name.startswith(("response", "conversation", "precision", "revision"))}
    known |= {"finish_a", "finish_b", "source", "settings", "schema"}
    assert {name for name, cell in row.items() if cell} == known
    assert row["anony"] == "False"


def test_file_starts_with_one_bom_and_the_header_and_uses_crlf(log):
    for number in range(3):
        log.append(make_vote(number, comment="注释"))
    data = log.part.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n")
    assert ",".join(COLUMNS) == HEADER
    assert data.count(b"\xef\xbb\xbf") == 1
    assert data.count(b"\r\n") == data.count(b"\n") == 4
    assert "注释".encode() in data


@pytest.mark.parametrize("winner", list(Winner))
def test_winner_is_stored_as_the_loaders_spell_it(log, winner):
    log.append(make_vote(winner=winner))
    assert stored_rows(log.part)[0]["winner"] == winner.value
    assert next(read_votes(log.folder)).winner is winner


@pytest.mark.parametrize(
    "wrong",
    [
        replace(make_vote(), battle=replace(make_vote().battle, id="")),
        replace(make_vote(), battle=replace(make_vote().battle, b=make_side("", "x"))),
        replace(make_vote(), winner="modelA"),
    ],
)
def test_a_vote_that_could_not_be_read_back_is_not_written(log, wrong):
    with pytest.raises(ValueError):
        log.append(wrong)
    assert not log.part.exists()


# ---- there and back


@pytest.mark.parametrize("text", [*NASTY_TEXTS, "长" * 300_000, 'q"\n' * 100_000], ids=lambda text: repr(text[:12]))
def test_text_comes_back_exactly(log, text):
    votes = [make_vote(1), rich_vote(text), make_vote(2)]
    for vote in votes:
        log.append(vote)
    assert list(read_votes(log.folder)) == votes


def test_what_cannot_be_stored_is_made_visible(log):
    log.append(rich_vote("x\x00y \x1a \x1b[31m \ud83d 好\ud800 \ud83d\ude00"))
    log.append(make_vote())
    data = log.part.read_bytes()
    assert b"\x00" not in data and b"\x1a" not in data and b"\\u0000" not in data
    vote, other = read_votes(log.folder)
    assert vote == rich_vote("x␀y ␚ ␛[31m \ufffd 好\ufffd 😀")
    assert other == make_vote()


def test_numbers_that_are_none_are_unknown(log):
    log.append(make_vote(dwell=float("nan"), time=float("inf")))
    vote = next(read_votes(log.folder))
    assert vote.dwell is None and vote.time == 0


texts = st.text(st.characters(codec=None, categories=None), max_size=40)
names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=10)
seconds = st.none() | st.floats(0, 1e6)
configs = st.builds(GenerationConfig, temperature=st.floats(0, 5), seed=st.none() | st.integers(0, 2**32 - 2))


@st.composite
def any_vote(draw):
    vote = rich_vote(draw(texts))
    usage = replace(
        vote.battle.a.answer.usage,
        new_tokens=draw(st.none() | st.integers(0, 10**9)),
        seconds=draw(seconds),
        joules=draw(seconds),
    )
    answer = replace(vote.battle.a.answer, text=draw(texts), usage=usage)
    messages = (Message("system", draw(texts)), Message("user", draw(texts)))
    side = replace(vote.battle.a, messages=messages, answer=answer, config=draw(configs))
    battle = replace(vote.battle, id=draw(names), a=side, turn=draw(st.integers(1, 999)), blind=draw(st.booleans()))
    flags = st.sampled_from([None, True, False])
    return replace(
        vote,
        battle=battle,
        winner=draw(st.sampled_from(Winner)),
        time=draw(st.floats(1, 1e11)),
        comment=draw(texts),
        criteria=draw(st.dictionaries(names, names, max_size=3)),
        any_right=draw(flags),
        leaked=draw(flags),
        may_publish=draw(flags),
        dwell=draw(seconds),
    )


def cleaned(vote: Vote) -> Vote:
    def side(side):
        messages = tuple(Message(message.role, clean(message.content)) for message in side.messages)
        return replace(side, messages=messages, answer=replace(side.answer, text=clean(side.answer.text)))

    battle = replace(vote.battle, prompt=clean(vote.battle.prompt), a=side(vote.battle.a), b=side(vote.battle.b))
    return replace(vote, battle=battle, comment=clean(vote.comment))


def test_a_prompt_that_was_not_all_read_again_says_so_in_the_row():
    vote = make_vote()
    kept = replace(vote.battle.a.answer.usage, cached_tokens=512)
    battle = vote.battle.with_answer(SideName.A, replace(vote.battle.a.answer, usage=kept))
    row = to_row(replace(vote, battle=battle))
    settings = json.loads(row["settings"])
    assert settings["a"] == {**vote.battle.a.config.as_dict(), "cached_tokens": 512}
    assert settings["b"] == vote.battle.b.config.as_dict()
    again = to_vote(row)
    assert (again.battle.a.answer.usage.cached_tokens, again.battle.b.answer.usage.cached_tokens) == (512, None)
    assert again.battle.a.config == vote.battle.a.config


def test_settings_that_a_server_refused_are_in_the_row_and_are_no_settings_of_the_results(log):
    vote = make_vote()
    battle = vote.battle.with_answer(SideName.A, replace(vote.battle.a.answer, refused=("temperature",)))
    row = to_row(replace(vote, battle=battle))
    assert json.loads(row["settings"])["a"]["refused"] == ["temperature"]
    again = to_vote(row).battle
    assert (again.a.answer.refused, again.b.answer.refused) == (("temperature",), ())
    log.append(replace(vote, battle=battle))
    table = VoteStore(log.folder).refresh().table
    a, b = (table.names["settings"][table[f"settings_{side}"][0]] for side in "ab")
    assert "temperature refused" in a.split("\n") and "refused" not in b


def test_the_thinking_that_a_rater_saw_and_its_limit_are_in_the_row():
    vote = make_vote()
    side = vote.battle.a
    answer = replace(side.answer, reasoning="Hm,\x00 so", usage=replace(side.answer.usage, thinking_tokens=3))
    battle = vote.battle.with_side(SideName.A, replace(side, config=GenerationConfig(thinking=64), answer=answer))
    row = to_row(replace(vote, battle=battle))
    assert (row["thinking_a"], row["thinking_b"]) == (clean("Hm,\x00 so"), "")
    settings = json.loads(row["settings"])["a"]
    assert (settings["thinking"], settings["thinking_tokens"]) == (64, 3)
    again = to_vote(row).battle.a
    assert (again.answer.reasoning, again.answer.usage.thinking_tokens) == (clean("Hm,\x00 so"), 3)
    assert again.config == GenerationConfig(thinking=64)
    assert to_row(replace(vote, battle=replace(battle, blind=True)))["thinking_a"] == ""


# The columns that each version did not have yet.
IN_4 = ("may_publish",)
IN_3 = ("pair_probability", "joules_a", "joules_b", *IN_4)
ADDED = {1: ("thinking_a", "thinking_b", *IN_3), 2: IN_3, 3: IN_4}


@pytest.mark.parametrize(("version", "absent"), ADDED.items())
def test_the_log_of_an_earlier_version_is_read_and_never_rewritten(tmp_path, version, absent):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1))
        old = log.part
    (row,) = stored_rows(old)
    cells = {name: cell for name, cell in row.items() if name not in absent} | {"schema": str(version)}
    write_part(old, *(csv_line(line).removesuffix("\r\n") for line in (list(cells), list(cells.values()))))
    before = old.read_bytes()
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(2))
        assert log.part.name == "votes-2.csv"
        assert [vote.id for vote in read_votes(log.folder)] == [make_vote(1).id, make_vote(2).id]
    assert old.read_bytes() == before


@settings(max_examples=60, deadline=None)
@given(any_vote())
def test_any_vote_comes_back(vote):
    row = to_row(vote)
    assert tuple(row) == COLUMNS
    assert to_vote(row) == cleaned(vote)


@settings(max_examples=25, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5))
def test_any_text_survives_the_file_and_pandas(tmp_path_factory, comments):
    folder = tmp_path_factory.mktemp("log")
    with VoteLog(log_path(folder)) as log:
        for number, comment in enumerate(comments):
            log.append(make_vote(number, answer=comment + "x", comment=comment))
        expected = [clean(comment) for comment in comments]
        assert [vote.comment for vote in read_votes(log.folder)] == expected
        assert list(read_pandas(log.part, "c")["comment"]) == expected


def read_pandas(part, engine):
    return pandas.read_csv(part, dtype=str, keep_default_na=False, engine=engine)


@pytest.mark.parametrize("engine", ["c", "python"])
def test_pandas_reads_the_same_cells(log, engine):
    for number, text in enumerate([*NASTY_TEXTS, "长" * 50_000]):
        log.append(replace(rich_vote(text), id=f"v{number}", judge=f"j{number}"))
    table = read_pandas(log.part, engine)
    assert tuple(table.columns) == COLUMNS
    assert table.to_dict("records") == stored_rows(log.part)


# ---- reading


def test_a_report_counts_the_rows(log):
    for number in range(3):
        log.append(make_vote(number))
    reading = read_votes(log.folder)
    assert reading.report == ReadReport(rows=3)
    assert [vote.id for vote in reading] == ["vote-0", "vote-1", "vote-2"]


def test_no_folder_no_file_empty_file_and_bare_header_give_no_votes(tmp_path):
    assert list(read_votes(tmp_path / "none")) == []
    assert list(read_votes(tmp_path)) == []
    log_path(tmp_path).touch()
    assert list(read_votes(tmp_path)) == []
    write_part(log_path(tmp_path), HEADER)
    assert list(read_votes(tmp_path)) == []


def test_a_second_vote_of_one_judge_on_one_battle_is_left_out(tmp_path):
    first, second = VoteLog(log_path(tmp_path)), VoteLog(log_path(tmp_path))
    vote = make_vote()
    first.append(vote)
    first.append(replace(vote, id="again", winner=Winner.TIE))
    second.append(replace(vote, id="from another process", winner=Winner.MODEL_B))
    second.append(replace(vote, id="other judge", judge="other"))
    second.append(replace(make_vote(2), judge=vote.judge))
    reading = read_votes(tmp_path)
    assert [voted.id for voted in reading] == ["vote-1", "other judge", "vote-2"]
    assert reading.report == ReadReport(rows=3, duplicates=2)


def test_rows_without_a_judge_are_not_taken_for_one_person(log):
    log.append(make_vote(judge=""))
    log.append(make_vote(judge="", id="other"))
    assert len(list(read_votes(log.folder))) == 2


def test_a_withdrawn_vote_makes_room_for_the_next(log):
    log.append(make_vote())
    log.append(make_vote(id="better"))
    withdraw(log.folder, "vote-1")
    reading = read_votes(log.folder)
    assert [vote.id for vote in reading] == ["better"]
    assert reading.report == ReadReport(rows=1, withdrawn=1)
    assert len(stored_rows(log.part)) == 2


def test_bad_rows_are_counted_with_part_line_and_reason(tmp_path):
    good = "b1,qwen,glm,model_a,j1"
    lines = [
        "question_id,model_a,model_b,winner,judge",
        good,
        "b2,qwen,glm,modelA,j1",
        "b3,qwen,glm,,j1",
        ",qwen,glm,tie,j1",
        "b5,qwen,,tie,j1",
        "b6,qwen,glm,tie",
        'b7,"two\r\nlines',
        'of text",glm,left,j1',
        'b8,qwen,glm,tie,"j"1',
        "",
        "b9,qwen,glm,tie (bothbad),j1",
    ]
    write_part(log_path(tmp_path), *lines)
    with log_path(tmp_path).open("ab") as file:
        file.write(b"b10,qw\xff\xfeen,glm,tie,j1\r\nb11,qwen,glm,tie,j1\r\n")
    reading = read_votes(tmp_path)
    assert [vote.battle.id for vote in reading] == ["b1", "b9", "b11"]
    assert [(bad.part, bad.line) for bad in reading.report.unreadable] == [
        ("votes.csv", line) for line in (3, 4, 5, 6, 7, 8, 11, 14)
    ]
    assert reading.report.unreadable[0] == BadRow("votes.csv", 3, "unknown winner 'modelA'")
    assert [bad.reason for bad in reading.report.unreadable[1:6]] == [
        "winner is missing",
        "question_id is missing",
        "model_b is missing",
        "4 cells, not 5",
        "unknown winner 'left'",
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("winner", "Tie"),
        ("winner", "tie (both bad)"),
        ("anony", "TRUE"),
        ("any_right", "yes"),
        ("finish_a", "done"),
        ("source", "dream"),
        ("turn", "one"),
        ("tstamp", "yesterday"),
        ("tstamp", "nan"),
        ("dwell_s", "=1+1"),
        ("tokens_b", "1.5"),
        ("criteria", "[]"),
        ("criteria", '{"clear": 1}'),
        ("settings", "{"),
        ("settings", '{"a": {"heat": 1}}'),
        ("settings", '{"a": {"temperature": 99}}'),
        ("settings", '{"a": [[]]}'),
        ("settings", '{"a": {"cached_tokens": -1}}'),
        ("settings", '{"a": {"cached_tokens": "7"}}'),
        ("conversation_a", "{}"),
        ("conversation_a", "[" * 100_000),
        ("conversation_b", '[{"role": "user"}]'),
        ("conversation_b", '[{"role": "boss", "content": "x"}]'),
    ],
)
def test_no_cell_is_guessed(column, cell):
    with pytest.raises(UnreadableRow, match=column):
        to_vote(to_row(rich_vote()) | {column: cell})


# ---- parts


def test_each_log_has_a_part_of_its_own_and_all_are_read_in_order(tmp_path):
    logs = [VoteLog(log_path(tmp_path)) for _ in range(11)]
    assert [log.part.name for log in logs[:3]] == ["votes.csv", "votes-2.csv", "votes-3.csv"]
    for number, log in reversed(list(enumerate(logs))):
        log.append(make_vote(number))
    assert [vote.id for vote in read_votes(logs[4].folder)] == [f"vote-{number}" for number in range(11)]


def test_a_closed_log_frees_its_part_and_refuses_votes(tmp_path):
    log = VoteLog(log_path(tmp_path))
    log.append(make_vote())
    # Closing happens in another thread than opening when a server shuts down.
    closing = threading.Thread(target=log.close)
    closing.start()
    closing.join()
    log.close()
    with pytest.raises(VoteRefused):
        log.append(make_vote(2))
    with VoteLog(log_path(tmp_path)) as again:
        assert again.part.name == "votes.csv"
        again.append(make_vote(3))
        assert [vote.id for vote in read_votes(again.folder)] == ["vote-1", "vote-3"]


def test_other_files_are_no_parts(tmp_path, log):
    log.append(make_vote(1))
    other = log.part.read_bytes().replace(b"-1", b"-2")
    for name in ("votes-1.csv", "votes-02.csv", "votes-old.csv", "votes.csv.torn-1", "myvotes.csv", "votes-2.csv.bak"):
        (tmp_path / name).write_bytes(other)
    reading = read_votes(tmp_path)
    assert list(reading) == [make_vote(1)] and reading.report == ReadReport(rows=1)


def test_an_older_part_is_read_by_name_and_never_written(tmp_path):
    old = log_path(tmp_path)
    write_part(old, "winner,model_b,model_a,question_id,mood", "tie,glm,qwen,b0,happy")
    with old.open("ab") as file:
        file.write(b'tie,"torn')
    before = old.read_bytes()
    with VoteLog(old) as log:
        assert log.part.name == "votes-2.csv"
        log.append(make_vote())
        reading = read_votes(log.folder)
        vote, new = reading
    assert old.read_bytes() == before
    assert (vote.battle.id, vote.battle.a.model.id, vote.battle.b.model.id) == ("b0", "qwen", "glm")
    assert (vote.winner, vote.judge, vote.battle.turn, vote.battle.a.messages) == (Winner.TIE, "", 1, ())
    assert vote.battle.a.config is None
    assert new == make_vote()
    assert reading.report == ReadReport(rows=2, unfinished=1)


@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_file_with_or_without_bom_is_appended_to(tmp_path, bom, line_end):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote())
    data = log.part.read_bytes().replace(b"\r\n", line_end)
    log.part.write_bytes(data if bom else data.removeprefix(b"\xef\xbb\xbf"))
    with VoteLog(log_path(tmp_path)) as log:
        assert log.part.name == "votes.csv"
        log.append(make_vote(2))
        assert [vote.id for vote in read_votes(log.folder)] == ["vote-1", "vote-2"]
        assert log.part.read_bytes().count(b"\xef\xbb\xbf") == bom


def test_the_folder_is_made(tmp_path):
    with VoteLog(tmp_path / "new" / "data" / "votes.csv") as log:
        log.append(make_vote())
        assert len(list(read_votes(log.folder))) == 1


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path, below):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError) as caught:
        VoteLog(tmp_path / "file" / below / "votes.csv")
    assert caught.value.code == "data_dir_unwritable"
    assert str(tmp_path / "file") in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.details["folder"].startswith(str(tmp_path / "file"))


def test_a_read_only_folder_is_one_clear_error(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(InputError, match="cannot be written: Permission denied") as caught:
        VoteLog(log_path(tmp_path))
    assert caught.value.code == "data_dir_unwritable"


def test_where_no_lock_can_be_had_the_search_ends(tmp_path, monkeypatch):
    def refuse(lock, **_options):
        raise Timeout(lock.lock_file)

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(InputError, match="could be locked"):
        VoteLog(log_path(tmp_path))


def test_a_folder_in_place_of_the_file_is_one_clear_error(tmp_path):
    log_path(tmp_path).mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        VoteLog(log_path(tmp_path))
