"""Ratings and ranks of three or more models: Bradley-Terry ratings by evalica, ranks by pairwise verdicts.

A tie of either kind counts as half a win for each model, as in FastChat and arena-rank.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.statistics import PairCount
from arena.statistics.confidence_sequence import Floats

PRIOR = 0.5  # wins added to both models of each compared pair if the votes alone give no finite ratings
CENTRE, SCALE = 1000.0, 400.0
FEWEST_RATERS, FEWEST_VOTES, FEWEST_EFFECTIVE = 5, 10, 2.0
"""Below any of these there are no intervals. The last is Kish's effective number of raters."""
_NOTHING = 1e-6


@dataclass(frozen=True)
class Rating:
    """A model's strength on the Elo scale: 400 more means ten times the odds.

    The mean of all models is 1000, so the rating and its 95% interval are relative to that mean. Overlapping intervals
    do not show whether two models differ. `low` and `high` are None if the interval would not have its coverage.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ratings:
    """Ratings by model; empty if the models fall into groups that were never compared.

    `prior` is PRIOR if votes alone would give no finite rating, else 0. With a prior there are no intervals, since
    votes do not show how far ahead a model is that never lost.
    """

    by_model: Mapping[str, Rating]
    prior: float = 0.0


def rate(pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]] = ()) -> Ratings:
    """Bradley-Terry ratings of all models in the pairs.

    `outcomes_by_rater` holds for each pair an array (raters, 3): first wins, second wins, ties of either kind.
    """
    models = sorted({model for pair in pairs for model in (pair.first, pair.second)})
    wins = _wins(models, pairs)
    met = wins + wins.T > 0
    if not models or not _is_connected(met):
        return Ratings({})
    prior = 0.0 if _is_connected(wins > 0, strongly=True) else PRIOR
    values = _fit(models, wins + prior * met)
    reach = _reach(models, pairs, outcomes_by_rater, values) if outcomes_by_rater and not prior else None
    if reach is None:
        return Ratings({model: Rating(value) for model, value in zip(models, values.tolist(), strict=True)}, prior)
    ends = zip(models, values.tolist(), (values - reach).tolist(), (values + reach).tolist(), strict=True)
    return Ratings({model: Rating(*numbers) for model, *numbers in ends}, prior)


def _wins(models: Sequence[str], pairs: Sequence[PairCount]) -> Floats:
    """An array (models, models): how often the row's model won against the column's."""
    wins = np.zeros((len(models), len(models)))
    for pair in pairs:
        first, second, half = models.index(pair.first), models.index(pair.second), (pair.ties + pair.both_bad) / 2
        wins[first, second] += pair.first_wins + half
        wins[second, first] += pair.second_wins + half
    return wins


def _is_connected(edges: NDArray[np.bool_], strongly: bool = False) -> bool:
    """Whether every model can be reached from every other one; if `strongly`, along the direction of the edges."""
    from scipy.sparse.csgraph import connected_components

    if (edges | np.eye(len(edges), dtype=bool)).all():
        return True
    kind = "strong" if strongly else "weak"
    return int(connected_components(edges, directed=True, connection=kind, return_labels=False)) == 1


def _fit(models: Sequence[str], wins: Floats) -> Floats:
    """The ratings for these wins, in the order of the models."""
    import evalica

    first, second = np.nonzero(wins)
    result = evalica.bradley_terry(
        first.tolist(),
        second.tolist(),
        [evalica.Winner.X] * len(first),
        weights=wins[first, second].tolist(),
        tolerance=1e-9,
        limit=100_000,
    )
    by_number = result.scores.to_dict()
    strengths = SCALE * np.log10([by_number[number] for number in range(len(models))])
    return np.asarray(strengths - strengths.mean() + CENTRE)


def _reach(
    models: Sequence[str], pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]], values: Floats
) -> Floats | None:
    """How far the intervals of the `values` reach, by the cluster-robust (sandwich) estimator, clustered by rater.

    None if there are too few votes.
    """
    from scipy.special import expit
    from scipy.stats import t

    if len(outcomes_by_rater[0]) < FEWEST_RATERS or sum(pair.votes for pair in pairs) < FEWEST_VOTES:
        return None
    unit = SCALE / math.log(10)
    chances, wins = expit((values[:, None] - values) / unit), _wins(models, pairs)
    weights = (wins + wins.T) * chances * (1 - chances)
    # The 1 fixes the mean: votes only show differences between models.
    information = np.diag(weights.sum(axis=1)) - weights + 1
    pulls = unit * np.linalg.solve(information, _surplus(models, pairs, outcomes_by_rater, chances).T)
    # Kish's effective sample size: how many raters with equal numbers of votes would carry the same information.
    votes = np.sum([outcomes.sum(axis=1) for outcomes in outcomes_by_rater], axis=0).astype(float)
    raters, effective = pulls.shape[1], float(votes.sum() ** 2 / (votes**2).sum())
    errors = np.sqrt((pulls**2).sum(axis=1) * raters / (raters - 1))
    if effective < FEWEST_EFFECTIVE or errors.max() < _NOTHING:
        return None
    return np.asarray(t.ppf(0.975, effective - 1) * errors)


def _surplus(
    models: Sequence[str], pairs: Sequence[PairCount], outcomes_by_rater: Sequence[NDArray[np.int64]], chances: Floats
) -> Floats:
    """An array (raters, models): the points each rater gave each model minus those that the ratings predict."""
    surplus = np.zeros((len(outcomes_by_rater[0]), len(models)))
    for pair, outcomes in zip(pairs, outcomes_by_rater, strict=True):
        first, second = models.index(pair.first), models.index(pair.second)
        points = outcomes @ (np.array([1.0, 0.0, 0.5]) - chances[first, second])
        surplus[:, first] += points
        surplus[:, second] -= points
    # Sorted, so that sums do not depend on the order of raters.
    return np.asarray(surplus[np.lexsort(surplus.T)])


def possible_ranks(models: Collection[str], preferred: Iterable[tuple[str, str]]) -> Mapping[str, tuple[int, int]]:
    """The best and the worst possible rank of each model, from 1. `preferred` are pairs (preferred model, other model).

    A model ranks above every model it is preferred to, directly or through others. If the verdicts on all pairs hold
    together (they share alpha), so do all these ranks.
    """
    from scipy.sparse.csgraph import shortest_path

    beats = np.zeros((len(models), len(models)), dtype=bool)
    places = {model: place for place, model in enumerate(models)}
    for better, worse in preferred:
        beats[places[better], places[worse]] = True
    reaches = np.isfinite(shortest_path(beats, unweighted=True)) if len(models) else beats
    above = reaches & ~reaches.T  # in a cycle of preferences no model ranks above another
    best, worst = 1 + above.sum(axis=0), len(models) - above.sum(axis=1)
    return {model: (int(best[place]), int(worst[place])) for model, place in places.items()}
