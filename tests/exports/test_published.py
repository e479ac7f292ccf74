"""A published dataset, read by `datasets` and pandas as it is; arena-rank is in test_arena_rank.py."""

from __future__ import annotations

from pathlib import Path

import pandas
from datasets import load_dataset
from export_votes import stored_votes

from arena.votes import COLUMNS

VOTES = stored_votes()


def test_datasets_reads_the_folder_as_one_table_of_votes(exported: Path, tmp_path: Path) -> None:
    data = load_dataset(str(exported / "published"), split="train", cache_dir=str(tmp_path))
    assert list(data.features) == list(COLUMNS) and data.num_rows == len(VOTES)
    assert data["winner"][:] == [vote.winner.value for vote in VOTES]
    assert data["response_a"][:] == [vote.battle.a.answer.text for vote in VOTES]
    assert set(data["may_publish"]) == {True}


def test_pandas_reads_both_files_and_they_are_alike(exported: Path) -> None:
    table = pandas.read_csv(exported / "published" / "votes.csv", dtype=str, keep_default_na=False)
    assert table.response_b.tolist() == [vote.battle.b.answer.text for vote in VOTES]
    parquet = pandas.read_parquet(exported / "published" / "votes.parquet")
    for name in ("question_id", "judge", "prompt", "comment"):
        assert parquet[name].fillna("").tolist() == table[name].tolist()
    assert set(parquet.tstamp % 86_400) == {0}
    # The repeated battle is still the one that it repeats.
    assert table.repeat_of.iloc[-1] == table.question_id.iloc[0] != "battle-0"
