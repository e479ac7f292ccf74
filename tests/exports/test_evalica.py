"""evalica on pairs.csv: its functions and its command line. The numbers stand in tests/helpers/export_votes.py."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import evalica
import pandas
import pytest
from export_votes import GLM, QWEN, SMALL, counted_votes, elo

OUTCOMES = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}


@pytest.fixture
def pairs(out: Path) -> tuple[list[str], list[str], list[evalica.Winner]]:
    table = pandas.read_csv(out / "pairs.csv")
    assert table.columns.tolist() == ["left", "right", "winner"] and len(table) == 18
    return table.left.tolist(), table.right.tolist(), [OUTCOMES[winner] for winner in table.winner]


def test_wins_and_ties_of_each_pair_are_right(pairs) -> None:
    lefts, rights, winners = pairs
    xs, ys, index = evalica.indexing(lefts, rights)
    result = evalica.matrices(xs, ys, winners, index)
    wins = pandas.DataFrame(result.win_matrix, index, index)
    assert {(row, column): wins.loc[row, column] for row in index for column in index if wins.loc[row, column]} == {
        (QWEN, GLM): 6,
        (GLM, QWEN): 2,
        (GLM, SMALL): 4,
        (SMALL, GLM): 2,
    }
    ties = pandas.DataFrame(result.tie_matrix, index, index)
    assert ties.loc[QWEN, GLM] == ties.loc[GLM, SMALL] == 2 and ties.loc[QWEN, SMALL] == 0


def test_points_and_ratings_are_right(pairs) -> None:
    assert evalica.counting(*pairs).scores.to_dict() == {QWEN: 7, GLM: 8, SMALL: 3}
    strength = evalica.bradley_terry(*pairs, tolerance=1e-12, limit=10_000).scores
    assert strength[QWEN] / strength[GLM] == pytest.approx(7 / 3, rel=1e-6)
    assert strength[GLM] / strength[SMALL] == pytest.approx(5 / 3, rel=1e-6)
    assert evalica.elo(*pairs).scores.to_dict() == pytest.approx(elo(counted_votes()))


def test_its_command_line_takes_the_file(out: Path) -> None:
    command = [sys.executable, "-m", "evalica", "-i", str(out / "pairs.csv"), "pairwise", "counting"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [(row["item"], float(row["score"])) for row in rows] == [(GLM, 8), (QWEN, 7), (SMALL, 3)]
