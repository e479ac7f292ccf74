"""Ratings of three models and more: Bradley-Terry and Elo, both by evalica.

A tie, and that both were bad, is half a win each way, as in FastChat and arena-rank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from arena.statistics.counts import PairCount

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PRIOR = 0.5
"""Wins that are added each way to a pair that met, where the votes alone give no finite ratings."""
CENTRE, SCALE = 1000.0, 400.0
FEWEST_RATERS, FEWEST_VOTES, FEWEST_EFFECTIVE = 5, 10, 2.0
"""Below any of these there are no intervals. The last counts a rater by their part of the votes."""
ELO_VOTES = 20_000
"""Of more votes the last are taken: what came before them has no influence any more that could be seen."""
_NOTHING = 1e-6


@dataclass(frozen=True)
class Rating:
    """A model's strength in Elo's unit: 400 more is ten times the odds.

    The mean of all models is 1000, so a rating and its 95% interval say how far a model is from that mean; a change to
    one model moves all. Overlapping intervals do not show whether two models differ. `low` and `high` are
    None where an interval would not cover as often as it says.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ratings:
    """Ratings by model; none (`by_model` is empty) where the models fall into groups that never met.

    `prior` is PRIOR where votes alone would have given no finite rating, else 0. With a prior there are no intervals:
    votes do not tell how far away a model is that never lost.
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
    ratings: Mapping[str, Rating] = {model: Rating(float(value)) for model, value in zip(models, values, strict=True)}
    votes = sum(pair.votes for pair in pairs)
    enough = len(outcomes_by_rater) and len(outcomes_by_rater[0]) >= FEWEST_RATERS and votes >= FEWEST_VOTES
    if enough and not prior:
        ratings = _with_intervals(models, pairs, outcomes_by_rater, ratings)
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


def _with_intervals(
    models: Sequence[str],
    pairs: Sequence[PairCount],
    outcomes_by_rater: Sequence[NDArray[np.int64]],
    ratings: Mapping[str, Rating],
) -> Mapping[str, Rating]:
    """The ratings with intervals from the cluster sandwich: how far each rater alone pulls them."""
    import numpy as np
    from scipy.special import expit
    from scipy.stats import t

    unit = SCALE / math.log(10)
    values = np.array([ratings[model].value for model in models])
    chances, wins = expit((values[:, None] - values) / unit), _wins(models, pairs)
    weights = (wins + wins.T) * chances * (1 - chances)
    # The 1 stands for the fixed mean: votes tell no more than how far models are apart.
    information = np.diag(weights.sum(axis=1)) - weights + 1
    pulls = unit * np.linalg.solve(information, _surplus(models, pairs, outcomes_by_rater, chances).T)
    raters, effective = pulls.shape[1], _effective_raters(outcomes_by_rater)
    errors = np.sqrt((pulls**2).sum(axis=1) * raters / (raters - 1))
    if effective < FEWEST_EFFECTIVE or errors.max() < _NOTHING:
        return ratings
    reach = t.ppf(0.975, effective - 1) * errors
    ends = zip(models, (values - reach).tolist(), (values + reach).tolist(), strict=True)
    return {model: replace(ratings[model], low=low, high=high) for model, low, high in ends}


def _surplus(
    models: Sequence[str], pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]], chances: Floats
) -> Floats:
    """The points each rater gave each model beyond those the ratings lead one to expect: an array (raters, models)."""
    import numpy as np

    surplus = np.zeros((len(outcomes_by_rater[0]), len(models)))
    for pair, outcomes in zip(pairs, outcomes_by_rater, strict=True):
        first, second = models.index(pair.first), models.index(pair.second)
        points = outcomes @ (np.array([1.0, 0.0, 0.5]) - chances[first, second])
        surplus[:, first] += points
        surplus[:, second] -= points
    # In an order of their own, so that sums do not depend on the order of raters.
    return np.asarray(surplus[np.lexsort(surplus.T)])


def _effective_raters(outcomes_by_rater: Sequence[NDArray[np.int64]]) -> float:
    """Kish's effective number: how many raters with equal numbers of votes would be worth as much."""
    import numpy as np

    votes = np.sum([outcomes.sum(axis=1) for outcomes in outcomes_by_rater], axis=0).astype(float)
    return float(votes.sum() ** 2 / (votes**2).sum())


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
