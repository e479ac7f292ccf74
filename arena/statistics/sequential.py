"""Intervals that stay true however often one looks. Knows no vote.

Both follow from Ville's inequality: capital that starts at 1 and cannot be expected to grow while a value is the true
one reaches 1 / alpha with a chance of at most alpha, ever. What the capital has refuted is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALPHA = 0.05
# Of what may be staked at most: a stake of all could lose all on one rater.
BOLDNESS = 0.5
_EDGE = 1e-9
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


WHOLE = Interval(0.0, 1.0)


def mixture_interval(wins: float, decisive: float, alpha: float = ALPHA) -> Interval:
    """The share of wins, with a look after every vote: the beta-binomial mixture (Robbins 1970), flat over all shares.

    Votes are taken to be independent. Those of one rater are not: see `betting_interval`.
    """
    from scipy.optimize import brentq
    from scipy.special import betaln

    losses = decisive - wins

    def excess(share: float) -> float:
        """How far the capital against this share is above 1 / alpha, as a logarithm."""
        seen = betaln(wins + 1, losses + 1)
        own = (wins * math.log(share) if wins else 0.0) + (losses * math.log1p(-share) if losses else 0.0)
        return float(seen - own + math.log(alpha))

    edge = 1e-12
    best = min(1 - edge, max(edge, wins / decisive)) if decisive else 0.5
    low = brentq(excess, edge, best) if wins and excess(edge) > 0 else 0.0
    high = brentq(excess, best, 1 - edge) if losses and excess(1 - edge) > 0 else 1.0
    return Interval(float(low), float(high))


def betting_interval(scores: Floats, alpha: float = ALPHA) -> Interval:
    """The mean of scores from 0 to 1, one a rater in the order in which raters were done, with a look after each.

    Nothing is assumed of their distribution, only that each rater is drawn alike. Waudby-Smith and Ramdas 2024,
    "Estimating means of bounded random variables by betting": hedged capital, predictable plug-in stakes.
    """
    import numpy as np

    if not len(scores):
        return WHOLE
    stake = stakes(scores, alpha)
    # Half of the capital is staked on more than the mean and half on less, so that each has to reach 2 / alpha.
    goal = math.log(2 / alpha)

    def refuted_from_below(mean: float) -> bool:
        gains = np.log1p(np.minimum(stake, BOLDNESS / mean) * (scores - mean))
        return bool(np.cumsum(gains).max() >= goal)

    def refuted_from_above(mean: float) -> bool:
        gains = np.log1p(-np.minimum(stake, BOLDNESS / (1 - mean)) * (scores - mean))
        return bool(np.cumsum(gains).max() >= goal)

    ends = _last(refuted_from_below, _EDGE, 1 - _EDGE), _last(refuted_from_above, 1 - _EDGE, _EDGE)
    # If raters changed along the way, no one mean may be left: then both ends are told.
    return Interval(min(ends), max(ends))


def stakes(scores: Floats, alpha: float = ALPHA) -> Floats:
    """What is staked on each score, before it is seen: the less those before it vary, the more."""
    import numpy as np

    numbers = np.arange(1, len(scores) + 1)
    before = np.concatenate(([0.25], spreads(scores)[:-1])) / numbers
    return np.sqrt(2 * math.log(2 / alpha) / (before * numbers * np.log(numbers + 1)))


def spreads(scores: Floats) -> Floats:
    """After each score the sum of squares of all so far from the mean of their time, begun as if with one half more."""
    import numpy as np

    means = (0.5 + np.cumsum(scores)) / (np.arange(1, len(scores) + 1) + 1)
    return np.asarray(0.25 + np.cumsum((scores - means) ** 2))


def _last(refuted: Callable[[float], bool], near: float, far: float) -> float:
    """How far from `near` means are refuted: towards `far` they are ever less so."""
    if not refuted(near):
        return 0.0 if near < far else 1.0
    if refuted(far):
        return far
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if refuted(middle) else (near, middle)
    return near
