"""`datasets` on the preferences, the exact CSV, the Parquet file and the whole folder, as TRL and others load them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest
from datasets import Dataset, Features, Value, load_dataset
from datasets.exceptions import DatasetGenerationError
from export_votes import LATE_FROM, LATE_ROWS, TEXTS, counted_votes, preferred_votes, write_late_exports

from arena.types import Message, Vote, Winner
from arena.votes import COLUMNS
from arena.votes.rows import NUMERIC

WHOLE, FLAGS = {"turn", "tokens_a", "tokens_b", "schema"}, {"anony", "any_right", "leaked", "may_publish"}


def load(kind: str, path: Path, cache: Path, **options: Any) -> Dataset:
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache), **options)


def turns(*messages: Message) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def better_and_worse(vote: Vote) -> tuple[str, str]:
    a, b = vote.battle.a.answer.text, vote.battle.b.answer.text
    return (a, b) if vote.winner is Winner.MODEL_A else (b, a)


def preference(vote: Vote) -> dict[str, Any]:
    better, worse = better_and_worse(vote)
    return {
        "prompt": turns(*vote.battle.a.messages),
        "chosen": turns(Message("assistant", better)),
        "rejected": turns(Message("assistant", worse)),
        "votes_for": 1,
        "votes_against": 0,
    }


def test_preferences_are_conversations_as_trl_takes_them(out: Path, tmp_path: Path) -> None:
    data = load("json", out / "preferences.jsonl", tmp_path)
    conversation = [{"role": Value("string"), "content": Value("string")}]
    texts = {name: conversation for name in ("prompt", "chosen", "rejected")}
    assert data.features == Features({**texts, "votes_for": Value("int64"), "votes_against": Value("int64")})
    rows = list(data)
    assert rows == [preference(vote) for vote in preferred_votes()] and len(rows) == 12
    assert [turn["role"] for turn in rows[1]["prompt"]] == ["system", "user", "assistant", "user"]
    leaked = counted_votes()[2].battle
    kept = set(TEXTS) - {leaked.a.answer.text, leaked.b.answer.text}
    assert {row[name][0]["content"] for row in rows for name in ("chosen", "rejected")} == kept


def test_llama_factory_reads_the_same_pairs(out: Path, tmp_path: Path) -> None:
    """By its dataset_info.json, with what its converter of the sharegpt format asks of a row."""
    info = json.loads((out / "dataset_info.json").read_text(encoding="utf-8"))["preferences"]
    assert info["formatting"] == "sharegpt" and info["ranking"] is True
    columns = info["columns"]
    data = load("json", out / info["file_name"], tmp_path)
    for row, vote in zip(data, preferred_votes(), strict=True):
        messages = row[columns["messages"]]
        if messages[0]["from"] == "system":
            assert messages.pop(0)["value"] == "Be kind.\r"
        assert [turn["from"] for turn in messages] == ["human", "gpt"] * (len(messages) // 2) + ["human"]
        assert messages[-1]["value"] == vote.battle.prompt
        answers = [row[columns[name]] for name in ("chosen", "rejected")]
        assert [answer["from"] for answer in answers] == ["gpt", "gpt"]
        assert tuple(answer["value"] for answer in answers) == better_and_worse(vote)


def test_the_csv_is_exact_with_every_column_as_text(out: Path, tmp_path: Path) -> None:
    exact = pandas.read_csv(out / "votes.csv", dtype=str, keep_default_na=False)
    text = Features({name: Value("string") for name in exact.columns})
    data = load("csv", out / "votes.csv", tmp_path, features=text, keep_default_na=False)
    assert data.to_pandas().to_dict("list") == exact.to_dict("list") and data.num_rows == 19


def test_the_csv_loads_without_any_option(out: Path, tmp_path: Path) -> None:
    data = load("csv", out / "votes.csv", tmp_path)
    assert data.shape == (19, len(COLUMNS))
    assert data["winner"].count("model_a") == 9 and data["tokens_a"][:] == list(range(19))
    assert data.features["anony"] == data.features["leaked"] == Value("bool")


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_late_exports(tmp_path_factory.mktemp("late"))


def test_guessing_from_the_first_rows_of_the_csv_fails(late: Path, tmp_path: Path) -> None:
    """Why there is a Parquet file. Should a later `datasets` not fail, say so in docs/csv.md."""
    with pytest.raises(DatasetGenerationError):
        load("csv", late / "votes.csv", tmp_path)


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_comes_late_has_its_type_from_the_first_row(late: Path, tmp_path: Path, is_folder: bool) -> None:
    if is_folder:
        data = load_dataset(str(late), split="train", cache_dir=str(tmp_path))
    else:
        data = load("parquet", late / "votes.parquet", tmp_path)
    assert data.num_rows == LATE_ROWS
    kinds = {
        "int64": WHOLE,
        "float64": NUMERIC - WHOLE,
        "bool": FLAGS,
        "string": set(COLUMNS) - NUMERIC - WHOLE - FLAGS,
    }
    assert data.features == Features({name: Value(kind) for kind, names in kinds.items() for name in names})
    assert list(data.features) == list(COLUMNS)
    early, first, last = data[LATE_FROM - 1], data[LATE_FROM], data[LATE_ROWS - 1]
    names = ("comment", "room", "repeat_of", "tokens_a", "any_right")
    assert [early[name] for name in names] == [None] * 5
    assert [first[name] for name in names] == [f"NA, {LATE_FROM}", "B7", f"battle-{LATE_FROM - 1}", LATE_FROM, True]
    assert last["any_right"] is False and last["winner"] == "model_a"


def test_many_votes_on_one_pair_are_one_preference(late: Path, tmp_path: Path) -> None:
    pairs = load("json", late / "preferences.jsonl", tmp_path)
    assert pairs.num_rows == 50 and set(pairs["votes_for"]) == {LATE_FROM // 50} and set(pairs["votes_against"]) == {0}
