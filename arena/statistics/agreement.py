"""How far raters who judge the same agree: Krippendorff's alpha, by evalica. Knows no vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 500
MOST_OF_A_UNIT = 50
"""Votes on the same pair of answers beyond these are passed over: the time goes with their square."""
MOST_UNITS = 5000
FEWEST = 10
_SEED = 20261128


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha for names (1 is agreement, 0 what chance gives), with its 95 % interval by resampling, None
    where it says nothing; over `units` with two judgements at least, `judgements` in all."""

    alpha: float
    low: float | None
    high: float | None
    units: int
    judgements: int


def agreement(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> Agreement | None:
    """The agreement of judgements on units, both as numbers from 0. None if nothing was judged twice, and where all
    judgements are alike: then chance alone would agree as well."""
    import evalica
    import numpy as np
    import pandas as pd

    twice = np.bincount(units)[units] > 1 if len(units) else slice(None)
    columns = _by_unit(units[twice], outcomes[twice])
    values = np.concatenate(columns) if columns else np.empty(0)
    if len(np.unique(values)) < 2:
        return None
    table = np.full((max(map(len, columns)), len(columns)), np.nan)
    for place, some in enumerate(columns):
        table[: len(some), place] = some
    found = evalica.alpha_bootstrap(pd.DataFrame(table), n_resamples=RESAMPLES, random_state=_SEED)
    if len(values) < FEWEST:
        return Agreement(found.alpha, None, None, len(columns), len(values))
    ends = min(found.low, found.alpha), max(found.high, found.alpha)
    return Agreement(found.alpha, *ends, len(columns), len(values))


def _by_unit(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The outcomes of each unit in an order that depends on them alone, no more than MOST_OF_A_UNIT of each and no more
    than MOST_UNITS."""
    import numpy as np

    if not len(units):
        return []
    order = np.lexsort((outcomes, units))
    groups = np.split(outcomes[order], np.flatnonzero(np.diff(units[order])) + 1)
    groups.sort(key=lambda some: (len(some), some.tobytes()))
    generator = np.random.default_rng(_SEED)
    if len(groups) > MOST_UNITS:
        groups = [groups[number] for number in generator.choice(len(groups), MOST_UNITS, replace=False)]
    return [
        some if len(some) <= MOST_OF_A_UNIT else generator.choice(some, MOST_OF_A_UNIT, replace=False)
        for some in groups
    ]
