"""Confidence sequences for the mean of the raters' scores: intervals that hold no matter how often one looks.

Follows Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (2024). For each candidate
mean a gambler bets on the scores, starting with a capital of 1. If the candidate is the true mean, the capital is not
expected to grow, and by Ville's inequality it ever reaches 1 / alpha with a probability of at most alpha. The interval
holds the candidates against which the capital has not got that far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHA = 0.05
BETS = 16
"""The capital is split over this many fixed bets, evenly spaced between betting nothing and betting everything."""
_BISECTIONS = 24


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both from 0 to 1."""

    low: float
    high: float


WHOLE = Interval(0.0, 1.0)


def mean_interval(scores: Floats, alpha: float = ALPHA) -> Interval:
    """The interval for the mean of scores from 0 to 1, one per rater. It always contains their average.

    Assumes only that every next rater has the same expected score. The bets are fixed in advance and share the capital
    evenly, so the order of the scores does not matter.
    """
    if not len(scores):
        return WHOLE
    values, counts = np.unique(scores, return_counts=True)
    return Interval(_lower_bound(values, counts, alpha), 1 - _lower_bound(1 - values, counts, alpha))


def rejects_from_above(values: Floats, counts: NDArray[np.int64], mean: float, alpha: float) -> NDArray[np.bool_]:
    """Whether scores show that the true mean is above `mean`: `counts`, over the last axis, of each of the `values`."""
    growth = np.log1p(np.outer(values / mean - 1, bets()))
    # Half of the capital is bet on means below and half on means above, so each half has to reach 2 / alpha.
    return np.asarray(log_mean_exp(counts.astype(float) @ growth) >= math.log(2 / alpha))


def bets() -> Floats:
    """The fixed bets, as shares of the largest bet that cannot lose all of the capital."""
    return (np.arange(BETS) + 0.5) / BETS


def log_mean_exp(logs: Floats) -> Floats:
    """log(mean(exp(logs))) over the last axis, without overflow."""
    top = logs.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(logs - top).mean(axis=-1)))


def _lower_bound(values: Floats, counts: NDArray[np.int64], alpha: float) -> float:
    """The largest mean that is rejected from above, found by bisection: the capital shrinks as the mean grows."""
    low, high = 0.0, float(values @ counts) / float(counts.sum())
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle <= 0 or middle in (low, high):
            break
        low, high = (middle, high) if rejects_from_above(values, counts, middle, alpha) else (low, middle)
    return low
