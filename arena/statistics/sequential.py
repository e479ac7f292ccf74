"""Intervals for the mean of raters' scores that hold however often one looks.

By Ville's inequality, capital that starts at 1 and is not expected to grow while a mean is the true one reaches
1 / alpha with a probability of at most alpha, ever. The interval keeps the means against which it has not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALPHA = 0.05
STAKES = 16
"""How many fixed stakes share the capital, spread evenly between staking nothing and staking all."""
_HALVINGS = 24


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both from 0 to 1."""

    low: float
    high: float

    @property
    def excludes_half(self) -> bool:
        """Whether it lies on one side of one half."""
        return self.low > 0.5 or self.high < 0.5

    @property
    def turned(self) -> Interval:
        """The same from the other model's side."""
        return Interval(1 - self.high, 1 - self.low)

    def is_within(self, margin: float) -> bool:
        """Whether all of it is no further than `margin` from one half."""
        return self.low >= 0.5 - margin and self.high <= 0.5 + margin


WHOLE = Interval(0.0, 1.0)


def mean_interval(scores: Floats, alpha: float = ALPHA) -> Interval:
    """The interval for the mean of scores from 0 to 1, one a rater. It always holds their average.

    Assumes only that the next rater's expected score is the same each time. The stakes are fixed in advance and the
    capital is shared evenly among them (a mixture of the bets in Waudby-Smith and Ramdas 2024, "Estimating means of
    bounded random variables by betting"), so that the order of the scores does not matter.
    """
    import numpy as np

    if not len(scores):
        return WHOLE
    values, counts = np.unique(scores, return_counts=True)
    return Interval(_lower_end(values, counts, alpha), 1 - _lower_end(1 - values, counts, alpha))


def refutes(values: Floats, counts: NDArray[np.int64], mean: float, alpha: float = ALPHA) -> bool:
    """Whether scores, `counts` of each of the `values`, show that the true mean is above `mean`."""
    import numpy as np

    growth = np.log1p(np.outer(values / mean - 1, stakes()))
    # Half of the capital stands against the means below and half against those above, so each has to reach 2 / alpha.
    return bool(log_average(counts.astype(float) @ growth) >= math.log(2 / alpha))


def stakes() -> Floats:
    """The fixed stakes, as shares of the largest bet that cannot lose all."""
    import numpy as np

    return (np.arange(STAKES) + 0.5) / STAKES


def log_average(logs: Floats) -> Floats:
    """The logarithm of the average over the last axis of what these are the logarithms of."""
    import numpy as np

    top = logs.max(axis=-1, keepdims=True)
    return np.asarray(top[..., 0] + np.log(np.exp(logs - top).mean(axis=-1)))


def _lower_end(values: Floats, counts: NDArray[np.int64], alpha: float) -> float:
    """The largest mean below which all are refuted; the capital against a mean shrinks as the mean grows."""
    low, high = 0.0, float(values @ counts) / float(counts.sum())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle <= 0 or middle in (low, high):
            break
        low, high = (middle, high) if refutes(values, counts, middle, alpha) else (low, middle)
    return low
