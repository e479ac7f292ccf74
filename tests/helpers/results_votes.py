"""Votes whose results are known, and the expected results."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
from vote_samples import vote_between

from arena.results.figures import Figures, as_json
from arena.types import Vote, Winner

A, B, TIE, BAD = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD


def outcomes(*winners: Winner, a: str = "good", b: str = "bad", **changes: Any) -> list[Vote]:
    """A vote for each, by raters of their own."""
    return [vote_between(number, a, b, winner, "q1", **changes) for number, winner in enumerate(winners)]


def mixed_log(seed: int, size: int = 60) -> list[Vote]:
    """Votes between three models by twelve raters, with ties."""
    draw = random.Random(seed)
    votes = []
    for number in range(size):
        a, b = draw.sample(["x", "y", "z"], 2)
        winner, prompt = draw.choice([A, A, B, TIE, BAD]), f"q{draw.randrange(4)}"
        votes.append(vote_between(number, a, b, winner, prompt, judge=f"judge-{draw.randrange(12)}"))
    return votes


def rater_votes(judge: int, winners: list[Winner], since: float = 1.7e9, **changes: Any) -> list[Vote]:
    """One rater's votes, a second apart, each on a prompt of its own."""
    return [
        vote_between(1000 * judge + n, "x", "y", winner, f"q{n}", judge=f"j{judge}", time=since + n, **changes)
        for n, winner in enumerate(winners)
    ]


def class_scores(generator: Any, spread: float, mean: float = 0.0, raters: int = 200, votes: int = 8) -> Any:
    """One score a rater, whose taste in log-odds is drawn from a normal distribution."""
    tastes = 1 / (1 + np.exp(-generator.normal(mean, spread, raters)))
    return generator.binomial(votes, tastes) / votes


def numbers_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    return [value] if isinstance(value, float) else []


def assert_sound(result: Figures) -> dict[str, Any]:
    """Every number is finite, every interval is ordered, and all of it can be written as JSON."""
    output = as_json(result)
    assert all(map(math.isfinite, numbers_in(json.loads(json.dumps(output, allow_nan=False)))))
    for model in output["models"]:
        low, high = model["interval"] or (0, 1)
        assert low <= (0.5 if model["win_rate"] is None else model["win_rate"]) <= high
        assert 1 <= model["best_rank"] <= model["worst_rank"] <= len(output["models"])
        if model["rating_interval"]:
            assert model["rating_interval"][0] <= model["rating"] <= model["rating_interval"][1]
    return output
