"""pandas on the exact CSV, on the Parquet file and on the workbook."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest
from export_votes import LONG, TEXTS, stored_votes

from arena.exports.tables import CUT_MARK, TIME_COLUMN
from arena.types import SideName
from arena.votes import COLUMNS
from arena.votes.rows import NUMERIC

VOTES = stored_votes()
TEXT_COLUMNS = ["prompt", "response_a", "response_b", "comment"]
EXCEL_CELL = 32_767
"""Excel's own limit."""


def exact(path: Path) -> pandas.DataFrame:
    """As README.md says it."""
    return pandas.read_csv(path, dtype=str, keep_default_na=False)


def texts() -> dict[str, list[str]]:
    battles = [vote.battle for vote in VOTES]
    return {
        "prompt": [battle.prompt for battle in battles],
        "response_a": [battle.a.answer.text for battle in battles],
        "response_b": [battle.b.answer.text for battle in battles],
        "comment": [vote.comment for vote in VOTES],
    }


def for_spreadsheets(text: str) -> str:
    cut = text[: EXCEL_CELL - len(CUT_MARK)] + CUT_MARK if text == LONG else text
    return cut.replace("\r\n", "\n").replace("\r", "\n")


def test_every_text_of_the_csv_is_exact(out: Path) -> None:
    table = exact(out / "votes.csv")
    assert {name: table[name].tolist() for name in TEXT_COLUMNS} == texts()
    assert set(table.response_a) | set(table.response_b) == set(TEXTS)
    assert len(LONG.encode()) == 300_000
    assert table.winner.tolist() == [vote.winner.value for vote in VOTES]
    assert table.vote_id.tolist() == [vote.id for vote in VOTES]
    assert table.repeat_of.tolist() == [""] * 18 + ["battle-0"]
    assert table.leaked.tolist() == ["True" if number == 2 else "False" for number in range(19)]


def test_conversations_are_json_that_ends_with_the_answer(out: Path) -> None:
    table = exact(out / "votes.csv")
    for name in SideName:
        result = [json.loads(cell) for cell in table[f"conversation_{name}"]]
        output = [vote.battle.side(name) for vote in VOTES]
        assert [[turn["content"] for turn in turns] for turns in result] == [
            [message.content for message in side.messages] + [side.answer.text] for side in output
        ]
        assert [turn["role"] for turn in result[1]] == ["system", "user", "assistant", "user", "assistant"]


READERS = {"votes.csv": pandas.read_csv, "votes.parquet": pandas.read_parquet, "votes.xlsx": pandas.read_excel}


@pytest.mark.parametrize("name", READERS)
def test_without_any_option_there_are_all_rows_columns_and_numbers(out: Path, name: str) -> None:
    table = READERS[name](out / name)
    table = table.drop(columns=TIME_COLUMN, errors="ignore")
    assert tuple(table.columns) == COLUMNS and len(table) == 19
    assert table.winner.value_counts().to_dict() == {"model_a": 9, "model_b": 6, "tie": 3, "tie (bothbad)": 1}
    assert table.tokens_a.tolist() == list(range(19)) and table.turn.dtype == int
    assert (table.anony.astype(str) == "True").sum() == 18
    assert table.tstamp.iloc[0] == 1_764_000_000.25
    assert table.dwell_s.sum() == sum(0.5 + number for number in range(19))


def test_the_workbook_cuts_and_changes_nothing_else(out: Path) -> None:
    table = pandas.read_excel(out / "votes.xlsx", dtype=str, keep_default_na=False)
    wanted = {name: [for_spreadsheets(text) for text in column] for name, column in texts().items()}
    assert {name: table[name].tolist() for name in TEXT_COLUMNS} == wanted
    others = [name for name in COLUMNS if name not in (*TEXT_COLUMNS, "conversation_a", "conversation_b", *NUMERIC)]
    assert table[others].equals(exact(out / "votes.csv")[others])
    assert max(len(cell.encode("utf-16-le")) // 2 for name in table for cell in table[name]) == EXCEL_CELL


def test_numbers_of_the_workbook_are_numbers_and_the_time_a_date(out: Path) -> None:
    table, output = pandas.read_excel(out / "votes.xlsx"), pandas.read_csv(out / "votes.csv")
    for name in NUMERIC:
        assert pandas.api.types.is_numeric_dtype(table[name].dtype)
        assert table[name].fillna(-1).tolist() == output[name].fillna(-1).tolist()
    seconds = (table[TIME_COLUMN] - pandas.Timestamp("1970-01-01")).dt.total_seconds()
    assert seconds.tolist() == pytest.approx(output.tstamp.tolist(), abs=0.001)


def test_the_parquet_file_is_the_csv_with_types(out: Path) -> None:
    table, output = pandas.read_parquet(out / "votes.parquet"), exact(out / "votes.csv")
    for name in TEXT_COLUMNS:
        assert table[name].tolist() == [text or None for text in output[name]]
    assert table.any_right.tolist() == [cell == "True" for cell in output.any_right]
    assert table.repeat_of.isna().sum() == 18 and table.repeat_of.iloc[18] == "battle-0"
    kinds = {name: table[name].dtype.kind for name in ("turn", "schema", "tokens_a", "tstamp", "dwell_s", "anony")}
    assert kinds == {"turn": "i", "schema": "i", "tokens_a": "i", "tstamp": "f", "dwell_s": "f", "anony": "b"}
