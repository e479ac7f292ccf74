"""Ratings of three models and more: Bradley-Terry and Elo, both by evalica. Knows no vote and no rater.

A tie, and that both were bad, is half a win each way, as in FastChat and arena-rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from arena.statistics.counts import PairCount

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.statistics.sequential import Floats

PRIOR = 0.5
"""Wins that are added each way to a pair that met, where the votes alone give no finite ratings."""
CENTRE, SCALE = 1000.0, 400.0
RESAMPLES = 200
FEWEST_RATERS, FEWEST_VOTES = 5, 10
"""Below either an interval by resampling raters says nothing."""
ELO_VOTES = 20_000
"""Of more votes the last are taken: what came before them has no influence any more that could be seen."""
MOST_GROUPS = 2000
"""Of more raters each group votes as one when they are resampled: groups of them are independent as well."""
_SEED = 20261128


@dataclass(frozen=True)
class Rating:
    """A model's strength in Elo's unit, 1000 on average: 400 more is ten times the odds. `low` and `high` are the 95 %
    interval by resampling raters, None where there are too few."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ratings:
    """Ratings by model; none (`by_model` is empty) where the models fall into groups that never met.

    `prior` is PRIOR where votes alone would have given no finite rating, else 0.
    """

    by_model: Mapping[str, Rating]
    prior: float = 0.0


def rate(pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]] = ()) -> Ratings:
    """Bradley-Terry ratings of all models in the pairs.

    `outcomes_by_rater` has for each pair, in their order, an array (raters, 3) of first wins, second wins, and ties of
    either kind.
    """
    models = sorted({model for pair in pairs for model in (pair.first, pair.second)})
    wins = _wins(models, pairs)
    met = wins + wins.T > 0
    if not models or not _is_connected(met):
        return Ratings({})
    prior = 0.0 if _is_connected(wins > 0, strongly=True) else PRIOR
    values = _fit(models, wins + prior * met)
    ratings = {model: Rating(float(value)) for model, value in zip(models, values, strict=True)}
    if len(outcomes_by_rater) and _is_enough(pairs, outcomes_by_rater):
        ratings = _with_intervals(models, pairs, outcomes_by_rater, ratings, prior)
    return Ratings(ratings, prior)


def _wins(models: Sequence[str], pairs: Sequence[PairCount]) -> Floats:
    """How often the model of the row won against that of the column."""
    import numpy as np

    wins = np.zeros((len(models), len(models)))
    for pair in pairs:
        first, second, half = models.index(pair.first), models.index(pair.second), (pair.ties + pair.both_bad) / 2
        wins[first, second] += pair.first_wins + half
        wins[second, first] += pair.second_wins + half
    return wins


def _is_connected(edges: NDArray[np.bool_], strongly: bool = False) -> bool:
    """Whether each model can be reached from each other one; `strongly` along the edges' direction."""
    import numpy as np
    from scipy.sparse.csgraph import connected_components

    if (edges | np.eye(len(edges), dtype=bool)).all():
        return True
    kind = "strong" if strongly else "weak"
    return int(connected_components(edges, directed=True, connection=kind, return_labels=False)) == 1


def _fit(models: Sequence[str], wins: Floats) -> Floats:
    """The ratings for these wins, in the models' order."""
    import evalica
    import numpy as np

    if len(models) == 1:
        return np.array([CENTRE])
    first, second = np.nonzero(wins)
    found = evalica.bradley_terry(
        first.tolist(),
        second.tolist(),
        [evalica.Winner.X] * len(first),
        weights=wins[first, second].tolist(),
        tolerance=1e-9,
        limit=100_000,
    )
    by_number = found.scores.to_dict()
    strengths = SCALE * np.log10([by_number[number] for number in range(len(models))])
    return np.asarray(strengths - strengths.mean() + CENTRE)


def _is_enough(pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]]) -> bool:
    votes = sum(pair.votes for pair in pairs)
    return len(outcomes_by_rater[0]) >= FEWEST_RATERS and votes >= FEWEST_VOTES


def _with_intervals(
    models: Sequence[str],
    pairs: Sequence[PairCount],
    outcomes_by_rater: Sequence[NDArray[np.int64]],
    ratings: Mapping[str, Rating],
    prior: float,
) -> dict[str, Rating]:
    import numpy as np

    cells = np.concatenate(outcomes_by_rater, axis=1)
    drawn = _resampled(cells)
    found = np.empty((RESAMPLES, len(models)))
    met = _wins(models, pairs) + _wins(models, pairs).T > 0
    for number, counts in enumerate(drawn.reshape(RESAMPLES, len(pairs), 3)):
        wins = _wins(models, [_recounted(pair, cell) for pair, cell in zip(pairs, counts, strict=True)])
        # A draw may lack what made the votes enough.
        added = prior or (0.0 if _is_connected(wins > 0, strongly=True) else PRIOR)
        found[number] = _fit(models, wins + added * met)
    lows, highs = np.quantile(found, [0.025, 0.975], axis=0)
    return {
        model: replace(rating, low=min(float(low), rating.value), high=max(float(high), rating.value))
        for (model, rating), low, high in zip(ratings.items(), lows, highs, strict=True)
    }


def _recounted(pair: PairCount, cell: Floats) -> PairCount:
    return PairCount(pair.first, pair.second, int(cell[0]), int(cell[1]), int(cell[2]))


def _resampled(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums of the raters' rows in each of RESAMPLES draws of as many raters, with a fixed seed."""
    import numpy as np

    # In an order of their own, so that it does not matter in which one they came.
    rows = cells[np.lexsort(cells.T)]
    if len(rows) > MOST_GROUPS:
        group = np.random.default_rng(_SEED).permutation(len(rows)) % MOST_GROUPS
        rows = np.stack([np.bincount(group, column, MOST_GROUPS) for column in rows.T], axis=1).astype(np.int64)
    generator = np.random.default_rng(_SEED)
    times = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=RESAMPLES)
    return np.asarray(times @ rows)


def elo(firsts: Sequence[str], seconds: Sequence[str], points: Sequence[float]) -> Mapping[str, float]:
    """Online Elo ratings (evalica's, K = 4, from 1000) of votes in the order in which they were given.

    `points` are the first model's: 1, 0, or 0.5 for a tie. They depend on that order, as Elo ratings do.
    """
    import evalica

    winner = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    if not firsts:
        return {}
    found = evalica.elo(list(firsts), list(seconds), [winner[float(point)] for point in points]).scores
    return {str(model): float(value) for model, value in found.items()}
