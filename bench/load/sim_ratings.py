"""Simulated votes on several models of known strength, to see how often the ratings' intervals hold it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from arena.statistics import PairCount
from arena.statistics.ratings import rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Cells = NDArray[np.int64]

RATERS = (5, 6, 8, 10, 20, 50)
TIES = 0.1
_MANY = 10**7


@dataclass(frozen=True)
class Setting:
    """`models` models, from `gap` log-odds below the middle to as many above, and `votes` votes per rater.

    `spread` is the standard deviation between raters of what they think of two models, in log-odds. If `uneven`, some
    raters cast many times the votes of others.
    """

    models: int
    votes: int
    gap: float = 0.0
    spread: float = 0.0
    uneven: bool = False

    @property
    def names(self) -> list[str]:
        """The models from worst to best."""
        return [f"m{number}" for number in range(self.models)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All pairs of two models."""
        return list(combinations(self.names, 2))

    def chances(self, tastes: Floats) -> Floats:
        """How likely the first model of each pair wins over the second, ties apart: an array (..., pairs)."""
        strengths = np.linspace(-self.gap, self.gap, self.models) + tastes
        first, second = np.array(list(combinations(range(self.models), 2))).T
        return np.asarray(expit(strengths[..., first] - strengths[..., second]))


def sim_outcomes(generator: np.random.Generator, setting: Setting, raters: int) -> Cells:
    """First wins, second wins and ties: an array (pairs, raters, 3)."""
    tastes = generator.normal(0, setting.spread / np.sqrt(2), (raters, setting.models))
    sizes = np.full(raters, setting.votes)
    if setting.uneven:
        sizes = np.maximum(2, np.round(setting.votes * generator.lognormal(0, 1, raters))).astype(int)
    pairs = len(setting.pairs)
    votes = generator.multinomial(sizes, np.full(pairs, 1 / pairs))
    ties = generator.binomial(votes, TIES)
    wins = generator.binomial(votes - ties, setting.chances(tastes))
    return np.stack([wins, votes - ties - wins, ties], axis=2).transpose(1, 0, 2)


def true_ratings(setting: Setting) -> dict[str, float]:
    """The ratings that votes of endlessly many raters tend to."""
    tastes = np.random.default_rng(0).normal(0, setting.spread / np.sqrt(2), (20_000, setting.models))
    chances = setting.chances(tastes).mean(axis=0)
    wins, ties = np.round(_MANY * (1 - TIES) * chances), round(_MANY * TIES)
    losses = _MANY - ties - wins
    counts = [
        PairCount(*pair, int(w), int(lost), ties) for pair, w, lost in zip(setting.pairs, wins, losses, strict=True)
    ]
    return {model: rating.value for model, rating in rate(counts).by_model.items()}


@dataclass(frozen=True)
class RatingCoverage:
    """How many of the ratings' intervals held the truth, and how wide they were on average (nan where there are none).

    `without` is the part of the simulations whose ratings had no intervals.
    """

    setting: Setting
    raters: int
    covered: float
    width: float
    without: float


SETTINGS = tuple(
    Setting(models, votes, gap, spread)
    for models, votes in ((3, 8), (3, 20), (4, 12), (6, 8), (6, 20))
    for gap in (0.0, 1.0)
    for spread in (0.0, 0.5, 1.0)
)


def rating_table(
    runs: int = 500, raters: Sequence[int] = RATERS, settings: Sequence[Setting] = SETTINGS, seed: int = 1
) -> Iterator[RatingCoverage]:
    """A row for each setting and number of raters."""
    for setting in settings:
        truth = true_ratings(setting)
        for number in raters:
            yield _coverage(setting, number, truth, runs, np.random.default_rng(seed))


def _coverage(
    setting: Setting, raters: int, truth: dict[str, float], runs: int, generator: np.random.Generator
) -> RatingCoverage:
    held, widths, without = [], [], 0
    for _ in range(runs):
        cells = sim_outcomes(generator, setting, raters)
        counts = [
            PairCount(*pair, *map(int, cell)) for pair, cell in zip(setting.pairs, cells.sum(axis=1), strict=True)
        ]
        intervals = [(model, one.low, one.high) for model, one in rate(counts, list(cells)).by_model.items()]
        known = [(truth[model], low, high) for model, low, high in intervals if low is not None and high is not None]
        held += [low <= true <= high for true, low, high in known]
        widths += [high - low for _, low, high in known]
        without += not known
    return RatingCoverage(
        setting, raters, float(np.mean(held or np.nan)), float(np.mean(widths or np.nan)), without / runs
    )
