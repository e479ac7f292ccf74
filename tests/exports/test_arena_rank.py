"""arena-rank on votes.csv and pairs.csv. The numbers that are expected stand in tests/helpers/export_votes.py."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas
import pytest
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.utils.data_utils import PairDataset
from export_votes import GLM, QWEN, SMALL, counted_votes, points_apart, stored_votes
from vote_samples import vote_between

from arena.results.compute import compute
from arena.types import Winner
from arena.votes import VoteLog
from arena.votes.store import VoteStore

POINTS = {Winner.MODEL_A: 1.0, Winner.MODEL_B: 0.0, Winner.TIE: 0.5, Winner.BOTH_BAD: 0.5}


def votes_in(path: Path) -> PairDataset:
    return PairDataset.from_pandas(pandas.read_csv(path))


def pairs_in(path: Path) -> PairDataset:
    outcomes = {"left": 1.0, "right": 0.0, "tie": 0.5}
    table = pandas.read_csv(path)
    return PairDataset.from_pandas(table, competitor_cols=["left", "right"], outcome_map=outcomes.__getitem__)


def counts(data: PairDataset) -> dict[tuple[str, str, float], int]:
    """How often the first model got these points against the second."""
    seen = zip(data.pairs.tolist(), data.outcomes.tolist(), data.counts.tolist(), strict=True)
    return {(data.competitors[a], data.competitors[b], points): count for (a, b), points, count in seen}


def ranked(data: PairDataset) -> dict[str, dict[str, float]]:
    ranks: Any = BradleyTerry(n_competitors=len(data.competitors)).compute_ratings_and_cis(data)
    names = ("ratings", "rating_lower", "rating_upper")
    return {name: dict(zip(ranks["competitors"], ranks[name].tolist(), strict=True)) for name in names}


# votes.csv has the vote on a repeated battle as well: one more loss of qwen. What is published is all that it has.
@pytest.mark.parametrize(
    ("source", "read", "votes", "losses"),
    [
        ("out/votes.csv", votes_in, stored_votes(), 4),
        ("out/pairs.csv", pairs_in, counted_votes(), 3),
        ("published/votes.csv", votes_in, stored_votes(), 4),
    ],
)
def test_arena_rank_sees_and_rates_every_vote(
    exported: Path, source: str, read: Callable[[Path], PairDataset], votes: list[Any], losses: int
) -> None:
    data = read(exported / source)
    assert counts(data) == Counter((v.battle.a.model.id, v.battle.b.model.id, POINTS[v.winner]) for v in votes)
    result = ranked(data)
    ratings, lower, upper = result["ratings"], result["rating_lower"], result["rating_upper"]
    assert ratings[QWEN] - ratings[GLM] == pytest.approx(points_apart(7, losses), abs=0.1)
    assert ratings[GLM] - ratings[SMALL] == pytest.approx(points_apart(5, 3), abs=0.1)
    assert all(lower[model] < ratings[model] < upper[model] for model in (QWEN, GLM, SMALL))


def test_our_ratings_are_arena_ranks(tmp_path: Path) -> None:
    draw, strength = random.Random(7), {"w": 0.0, "x": 0.4, "y": 0.8, "z": 1.5}
    with VoteLog(tmp_path / "votes.csv") as log:
        for number in range(400):
            a, b = draw.sample(sorted(strength), 2)
            a_wins = draw.random() < 1 / (1 + math.exp(strength[b] - strength[a]))
            winner = draw.choice([*[Winner.MODEL_A if a_wins else Winner.MODEL_B] * 6, Winner.TIE, Winner.BOTH_BAD])
            log.append(vote_between(number, a, b, winner, "q"))
    theirs = ranked(votes_in(tmp_path / "votes.csv"))
    ours = {model.model: model for model in compute(VoteStore(tmp_path).refresh()).models}
    for item, other in combinations(strength, 2):
        apart = theirs["ratings"][item] - theirs["ratings"][other]
        assert ours[item].rating.value - ours[other].rating.value == pytest.approx(apart, abs=0.1)
    for model, results in ours.items():
        # Theirs takes each vote as independent, ours each rater.
        width = theirs["rating_upper"][model] - theirs["rating_lower"][model]
        assert results.rating.high - results.rating.low == pytest.approx(width, rel=0.3)
