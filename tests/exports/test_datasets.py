"""`datasets` on the preferences and on the exact CSV, as TRL and others load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
from datasets import Dataset, Features, Value, load_dataset
from export_votes import TEXTS, preferred_votes

from arena.types import Message, Vote, Winner


def load(kind: str, path: Path, cache: Path, **options: Any) -> Dataset:
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache), **options)


def turns(*messages: Message) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def preference(vote: Vote) -> dict[str, list[dict[str, str]]]:
    a, b = vote.battle.a, vote.battle.b
    better, worse = (a, b) if vote.winner is Winner.MODEL_A else (b, a)
    return {
        "prompt": turns(*a.messages),
        "chosen": turns(Message("assistant", better.answer.text)),
        "rejected": turns(Message("assistant", worse.answer.text)),
    }


def test_preferences_are_conversations_as_trl_takes_them(out: Path, tmp_path: Path) -> None:
    data = load("json", out / "preferences.jsonl", tmp_path)
    conversation = [{"role": Value("string"), "content": Value("string")}]
    assert data.features == Features({name: conversation for name in ("prompt", "chosen", "rejected")})
    rows = list(data)
    assert rows == [preference(vote) for vote in preferred_votes()] and len(rows) == 13
    assert [turn["role"] for turn in rows[1]["prompt"]] == ["system", "user", "assistant", "user"]
    assert {row[name][0]["content"] for row in rows for name in ("chosen", "rejected")} == set(TEXTS)


def test_the_csv_is_exact_with_every_column_as_text(out: Path, tmp_path: Path) -> None:
    exact = pandas.read_csv(out / "votes.csv", dtype=str, keep_default_na=False)
    text = Features({name: Value("string") for name in exact.columns})
    data = load("csv", out / "votes.csv", tmp_path, features=text, keep_default_na=False)
    assert data.to_pandas().to_dict("list") == exact.to_dict("list") and data.num_rows == 19


def test_the_csv_loads_without_any_option(out: Path, tmp_path: Path) -> None:
    data = load("csv", out / "votes.csv", tmp_path)
    assert data.shape == (19, 39)
    assert data["winner"].count("model_a") == 9 and data["tokens_a"][:] == list(range(19))
    assert data.features["anony"] == data.features["leaked"] == Value("bool")
