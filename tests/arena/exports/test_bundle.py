"""The zip of all forms, and `export` on the command line."""

import csv
import hashlib
import io
import json
import re
import zipfile
from dataclasses import replace

import pandas
import pytest
from arro3.io import read_parquet
from typer.testing import CliRunner
from vote_samples import log_path, make_vote, rich_vote, vote_between
from workbooks import one_line_end

from app import cli
from arena.errors import InputError
from arena.events import CROWDED, EventLog
from arena.exports.export import export_bundle
from arena.judging.withdrawals import Withdrawals
from arena.types import Message, ModelSpec, SideName, Winner
from arena.votes import VoteLog
from arena.votes.store import VoteStore

NASTY = 'a "q", b;\r\n=1+2\u2028<|im_end|> 中文 👩\u200d🔬'
TRAINING = {"preferences.jsonl", "llama_factory.jsonl", "dataset_info.json"}
FILES = {"votes.csv", "votes.parquet", "votes.xlsx", "clean_battle.json", "pairs.csv", "LICENCES.txt", *TRAINING}


@pytest.fixture
def folder(tmp_path):
    """One vote of each kind, one by another rater on the same battle, a second vote, and a repeat."""
    kinds = [make_vote(number, winner=winner) for number, winner in enumerate(Winner, start=1)]
    more = [
        make_vote(1, id="vote-5", judge="judge-other", winner=Winner.MODEL_B),
        make_vote(1, id="vote-6", winner=Winner.TIE),
        make_vote(7, repeat_of="battle-2", winner=Winner.MODEL_A),
        replace(rich_vote(NASTY), repeat_of=""),
    ]
    with VoteLog(log_path(tmp_path / "data")) as log:
        for vote in (*kinds, *more):
            log.append(vote)
    return tmp_path / "data"


@pytest.fixture
def bundle(folder, tmp_path):
    known = [ModelSpec("qwen", "Qwen", "", "", "", "", licence="Tongyi Qianwen", licence_url="https://x/y")]
    report = export_bundle(VoteStore(folder), tmp_path / "votes.zip", known)
    assert (report.rows, report.duplicates) == (7, 1)
    return zipfile.ZipFile(tmp_path / "votes.zip")


def text_of(bundle, name):
    return bundle.read(name).decode("utf-8")


def test_it_holds_every_form_and_says_what_each_is(bundle):
    assert set(bundle.namelist()) == {*FILES, "README.md", "SHA256SUMS"}
    readme = text_of(bundle, "README.md")
    assert all(f"`{name}`" in readme for name in FILES)
    counts = {"votes.csv": 7, "votes.parquet": 7, "votes.xlsx": 7, "clean_battle.json": 6, "preferences.jsonl": 0}
    assert all(f"- `{name}` ({count}): " in readme for name, count in counts.items())
    assert "forbids using its output to" in readme and "许可证禁止" in readme


def test_the_checksums_are_those_of_the_files(bundle):
    sums = dict(reversed(line.split("  ")) for line in text_of(bundle, "SHA256SUMS").splitlines())
    assert sums == {name: hashlib.sha256(bundle.read(name)).hexdigest() for name in {*FILES, "README.md"}}


def test_the_log_is_read_once(folder, tmp_path, monkeypatch):
    opened = []

    class Counted(VoteStore):
        def stored(self, table):
            opened.append(table)
            return super().stored(table)

    export_bundle(Counted(folder), tmp_path / "votes.zip")
    assert len(opened) == 1


def test_every_table_holds_the_same_votes(bundle):
    exact = pandas.read_csv(io.BytesIO(bundle.read("votes.csv")), dtype=str, keep_default_na=False)
    book = pandas.read_excel(io.BytesIO(bundle.read("votes.xlsx")), dtype=str, keep_default_na=False)
    parquet = read_parquet(io.BytesIO(bundle.read("votes.parquet"))).read_all()
    assert list(exact.vote_id) == list(book.vote_id) == parquet.column("vote_id").to_pylist()
    assert (
        NASTY in set(exact.comment)
        and one_line_end(NASTY) in set(book.comment)
        and NASTY in parquet.column("comment").to_pylist()
    )


def test_progress_goes_through_all_steps_to_their_ends(folder, tmp_path):
    output = []
    export_bundle(VoteStore(folder), tmp_path / "votes.zip", progress=lambda *step: output.append(step))
    ends = {step: (done, total) for step, done, total in output}
    assert list(ends) == ["reading", "votes", "parquet", "zip"] and all(
        done == total > 0 for done, total in ends.values()
    )


def test_the_licences_of_the_models_stand_there(bundle):
    lines = text_of(bundle, "LICENCES.txt").splitlines()
    assert "qwen: Tongyi Qianwen https://x/y" in lines and "glm: not known / 未知" in lines


def test_a_variant_has_the_licence_of_its_model(tmp_path):
    with VoteLog(log_path(tmp_path / "data")) as log:
        log.append(vote_between(1, "A=qwen@int4?top_k=1", "B=glm", Winner.TIE))
    known = [ModelSpec("qwen", "Qwen", "", "", "", "", licence="Tongyi Qianwen", licence_url="https://x/y")]
    export_bundle(VoteStore(tmp_path / "data"), tmp_path / "votes.zip", known)
    lines = text_of(zipfile.ZipFile(tmp_path / "votes.zip"), "LICENCES.txt").splitlines()
    assert lines == ["A=qwen@int4?top_k=1: Tongyi Qianwen https://x/y", "B=glm: not known / 未知"]


def test_fastchats_battles_are_what_its_scripts_read(bundle):
    battles = pandas.read_json(io.StringIO(text_of(bundle, "clean_battle.json"))).sort_values(by=["tstamp"])
    assert len(battles) == 6 and "battle-7" not in set(battles.question_id)
    assert set(battles.winner) == {str(winner) for winner in Winner}
    assert battles.anony.dtype == bool
    rich = battles[battles.model_a == "qwen-7b-chat"].iloc[0]
    assert rich.conversation_a[-1] == {"role": "assistant", "content": NASTY}
    assert rich.conversation_a[0]["role"] == "system" and rich.conversation_b[-1]["content"] == NASTY + "!"


def test_the_readme_says_how_many_pairs_there_are_and_what_was_left_out(tmp_path):
    kept = [preferring(1), preferring(2, judge="other"), preferring(3, Winner.MODEL_B, judge="third")]
    drawn = [preferring(4, prompt="Who?"), preferring(5, Winner.MODEL_B, prompt="Who?")]
    left_out = [
        *(preferring(number, leaked=True) for number in (10, 11, 12)),
        *(preferring(number, Winner.TIE) for number in (20, 21, 22, 23)),
        *(make_vote(number) for number in range(30, 35)),  # not blind
        preferring(40, answers=("same", "same")),
    ]
    with VoteLog(log_path(tmp_path)) as log:
        for vote in (*kept, *drawn, *left_out):
            log.append(vote)
    export_bundle(VoteStore(tmp_path), tmp_path / "out.zip")
    bundle = zipfile.ZipFile(tmp_path / "out.zip")
    (row,) = map(json.loads, text_of(bundle, "preferences.jsonl").splitlines())
    assert (row["chosen"][0]["content"], row["votes_for"], row["votes_against"]) == ("better", 2, 1)
    lines = text_of(bundle, "README.md").splitlines()
    output = {
        line.split(" / ")[0].removeprefix("- "): int(line.rsplit(": ")[-1]) for line in lines if line[-1:].isdigit()
    }
    counted = {"Pairs": 1, "Votes that they rest on": 3, "names shown": 5, "equal answers": 1}
    assert output.items() >= counted.items() and sum(output.values()) == 1 + len([*kept, *drawn, *left_out])
    assert [output[name] for name in output if name.startswith(("leaked", "ties", "disagreement"))] == [3, 4, 2]


def test_the_preferences_are_those_of_raters_who_count(tmp_path):
    honest = [preferring(number, judge=f"honest {number}") for number in range(2)]
    army = [preferring(10 + number, Winner.MODEL_B, judge=f"soldier {number}") for number in range(3)]
    with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
        for vote in (*honest, *army):
            log.append(vote)
        for vote in army:
            events.append(CROWDED, judge=vote.judge, crowd="crowd-1")

    def preferred():
        export_bundle(VoteStore(tmp_path), tmp_path / "out.zip")
        with zipfile.ZipFile(tmp_path / "out.zip") as bundle:
            (row,) = map(json.loads, text_of(bundle, "preferences.jsonl").splitlines())
            readme = text_of(bundle, "README.md")
        (count,) = re.findall(r"by raters who do not count in the results .*: (\d+)", readme)
        return row["chosen"][0]["content"], row["votes_for"], row["votes_against"], int(count)

    assert preferred() == ("better", 2, 0, 3)
    with EventLog(tmp_path) as events:
        Withdrawals(VoteStore(tmp_path), events, str, lambda address: None).include("crowd-1", True)
    assert preferred() == ("worse", 3, 2, 0)


def test_votes_that_come_after_it_was_decided_who_counts_are_in_no_file(tmp_path):
    def arrive(step, done, total):
        if step == "reading" and done == total and not (tmp_path / "events.jsonl").exists():
            with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
                for number in range(10, 13):
                    log.append(preferring(number, Winner.MODEL_B, judge=f"soldier {number}"))
                    events.append(CROWDED, judge=f"soldier {number}", crowd="crowd-1")

    with VoteLog(log_path(tmp_path)) as log:
        log.append(preferring(1, judge="honest"))
    assert export_bundle(VoteStore(tmp_path), tmp_path / "out.zip", progress=arrive).rows == 1
    with zipfile.ZipFile(tmp_path / "out.zip") as bundle:
        (row,) = map(json.loads, text_of(bundle, "preferences.jsonl").splitlines())
        assert len(bundle.read("votes.csv").splitlines()) == 2
    assert (row["chosen"][0]["content"], row["votes_for"], row["votes_against"]) == ("better", 1, 0)
    assert export_bundle(VoteStore(tmp_path), tmp_path / "out.zip").rows == 4


def preferring(number, winner=Winner.MODEL_A, prompt="Why?", answers=("better", "worse"), **changes):
    battle = replace(make_vote(number).battle, blind=True, prompt=prompt)
    for side, answer in zip(SideName, answers, strict=True):
        asked = replace(battle.side(side), messages=(Message("user", prompt),))
        battle = replace(battle, **{side.value: asked})
        battle = battle.with_answer(side, replace(asked.answer, text=answer))
    return make_vote(number, battle=battle, winner=winner, **changes)


def test_pairs_say_left_right_or_tie(bundle):
    rows = list(csv.DictReader(io.StringIO(text_of(bundle, "pairs.csv"), newline="")))
    assert [row["winner"] for row in rows][:5] == ["left", "right", "tie", "tie", "right"]
    assert (rows[0]["left"], rows[0]["right"]) == ("qwen", "glm") and len(rows) == 6


def test_no_votes_make_a_whole_zip(tmp_path):
    (tmp_path / "data").mkdir()
    assert export_bundle(VoteStore(tmp_path / "data"), tmp_path / "out.zip").rows == 0
    bundle = zipfile.ZipFile(tmp_path / "out.zip")
    assert json.loads(text_of(bundle, "clean_battle.json")) == [] and text_of(bundle, "preferences.jsonl") == ""


def test_a_target_that_cannot_be_written_leaves_nothing_behind(folder, tmp_path):
    place = tmp_path / "taken"
    (place / "out.zip").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        export_bundle(VoteStore(folder), place / "out.zip")
    assert [path.name for path in place.iterdir()] == ["out.zip"]
    with pytest.raises(InputError, match="cannot be written"):
        export_bundle(VoteStore(folder), tmp_path / "nowhere" / "out.zip")


# ---- the command


def run(*arguments):
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def test_the_command_writes_a_zip_without_what_was_withdrawn(folder, tmp_path):
    with EventLog(folder) as events:
        events.append("withdrawn", vote="vote-2")
    result = run(tmp_path / "out.zip", "--data-dir", folder)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'out.zip'}: 6 votes; left out: second votes 1, withdrawn 1\n"
    table = pandas.read_csv(io.BytesIO(zipfile.ZipFile(tmp_path / "out.zip").read("votes.csv")), dtype=str)
    assert "vote-2" not in set(table.vote_id)


def test_the_command_puts_the_votes_of_several_hosts_together(folder, tmp_path):
    other = tmp_path / "other"
    with VoteLog(other / "votes.csv") as log, EventLog(other) as events:
        for number in (2, 40, 41):
            log.append(make_vote(number))
        events.append("withdrawn", vote="vote-41")
    (other / "votes.csv").rename(other / "votes-100000000010001.csv")  # as it comes out of a backup
    result = run(tmp_path / "out.csv", folder / "votes.csv", f"{other}/votes-*.csv", "--json")
    output = json.loads(result.stdout)
    table = pandas.read_csv(tmp_path / "out.csv", dtype=str)
    assert {"vote-40"} < set(table.vote_id) and "vote-41" not in set(table.vote_id) and output["rows"] == len(table)
    assert output["withdrawn"] == 1 and output["duplicates"] >= 1
    assert run(tmp_path / "none.csv", tmp_path / "gone.csv").exit_code != 0
    assert run(folder / "votes.csv", folder / "votes.csv").exit_code != 0


def test_the_command_writes_one_csv_and_says_so_as_json(folder, tmp_path):
    result = run(tmp_path / "out.csv", "--data-dir", folder, "--json")
    assert json.loads(result.stdout)["rows"] == 7 and len(pandas.read_csv(tmp_path / "out.csv")) == 7


def test_the_command_writes_a_workbook(folder, tmp_path):
    result = run(tmp_path / "out.XLSX", "--data-dir", folder)
    assert result.exit_code == 0 and len(pandas.read_excel(tmp_path / "out.XLSX")) == 7


@pytest.mark.parametrize("name", ["out.zip", "out.csv", "out.xlsx"])
def test_the_command_tells_how_far_it_is(folder, tmp_path, monkeypatch, name):
    monkeypatch.setattr("commands.progress.PLAIN_SECONDS", 0.0)
    lines = run(tmp_path / name, "--data-dir", folder).stderr.splitlines()
    assert lines[0].endswith("reading votes") and lines[-1].startswith("100%")
    steps = list(dict.fromkeys(line.split("  ")[-1] for line in lines))
    further = ["writing votes.parquet", "compressing"] if name.endswith(".zip") else []
    assert steps == ["reading votes", "writing votes", *further]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("out.txt", "data", "must end in .zip, .csv or .xlsx"),
        ("out.zip", "gone", "gone does not exist. Name a vote file"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(folder, tmp_path, name, data, words):
    result = run(tmp_path / name, "--data-dir", tmp_path / data)
    assert result.exit_code == 2 and words in result.stderr and result.stderr.count("\n") == 1
