"""Agreement between raters: Krippendorff's alpha, by evalica."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RESAMPLES = 500
MOST_PER_UNIT = 50
"""A sample of this size is used of more judgements on one unit, since the time grows with their square."""
MOST_UNITS = 5000
FEWEST = 10
_SEED = 20261128


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's nominal alpha: 1 is full agreement, 0 is chance level.

    `low` and `high` are its 95% bootstrap interval, None with too few judgements. `units` have two judgements or more.
    """

    alpha: float
    low: float | None
    high: float | None
    units: int
    judgements: int


def agreement(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> Agreement | None:
    """The agreement of judgements on units, both coded from 0.

    None if no unit was judged twice, or if all judgements are equal, when chance would agree as well.
    """
    import evalica

    twice = np.bincount(units)[units] > 1 if len(units) else slice(None)
    columns = _by_unit(units[twice], outcomes[twice])
    values = np.concatenate(columns) if columns else np.empty(0)
    if len(np.unique(values)) < 2:
        return None
    table = np.full((max(map(len, columns)), len(columns)), np.nan)
    for index, column in enumerate(columns):
        table[: len(column), index] = column
    result = evalica.alpha_bootstrap(pd.DataFrame(table), n_resamples=RESAMPLES, random_state=_SEED)
    if len(values) < FEWEST:
        return Agreement(result.alpha, None, None, len(columns), len(values))
    ends = min(result.low, result.alpha), max(result.high, result.alpha)
    return Agreement(result.alpha, *ends, len(columns), len(values))


def _by_unit(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The outcomes of each unit, at most MOST_PER_UNIT of at most MOST_UNITS, whatever the order of the votes."""
    if not len(units):
        return []
    order = np.lexsort((outcomes, units))
    groups = np.split(outcomes[order], np.flatnonzero(np.diff(units[order])) + 1)
    groups.sort(key=lambda group: (len(group), group.tobytes()))
    generator = np.random.default_rng(_SEED)
    if len(groups) > MOST_UNITS:
        groups = [groups[number] for number in generator.choice(len(groups), MOST_UNITS, replace=False)]
    return [
        group if len(group) <= MOST_PER_UNIT else generator.choice(group, MOST_PER_UNIT, replace=False)
        for group in groups
    ]
