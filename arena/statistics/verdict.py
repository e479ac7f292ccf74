"""Whether one of two models is preferred, and whether that is sure enough to say so. Knows no vote and no words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from arena.statistics.sequential import ALPHA, BOLDNESS, WHOLE, Interval, betting_interval, spreads, stakes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.statistics.sequential import Floats

MOST_RATERS = 1000
_FUTURES = 64
_SEED = 20261128


class Call(StrEnum):
    """What to do now."""

    CALL_IT = "call it"
    MORE_RATERS = "more raters"
    KEEP_VOTING = "keep voting"


@dataclass(frozen=True)
class SignTest:
    """Prompts on which the first model won more decisive votes, and those on which the second did; `p` is two-sided."""

    first: int
    second: int
    even: int
    p: float


@dataclass(frozen=True)
class Verdict:
    """What the raters that are done come to, each of them with one score.

    `share` is the mean of their scores, from 0 (all for the second model) to 1, None without any; `interval` holds it,
    however often one has looked. `more` is about how many more raters like them it takes, where that can be told.
    """

    call: Call
    share: float | None
    interval: Interval
    raters: int
    more: int | None = None


def make_verdict(scores: Floats, alpha: float = ALPHA) -> Verdict:
    """The verdict on scores from 0 to 1, one a rater, in the order in which raters were done."""
    if not len(scores):
        return Verdict(Call.KEEP_VOTING, None, WHOLE, 0)
    interval, share = betting_interval(scores, alpha), float(scores.mean())
    if interval.excludes_half:
        return Verdict(Call.CALL_IT, share, interval, len(scores))
    more = raters_to_come(scores, alpha)
    call = Call.KEEP_VOTING if more is None else Call.MORE_RATERS
    return Verdict(call, share, interval, len(scores), more)


def raters_to_come(scores: Floats, alpha: float = ALPHA) -> int | None:
    """How many more raters it takes until one half is refuted, if they are like those so far: the median of simulated
    futures that are drawn from the scores with a fixed seed.

    None where it would be more than MOST_RATERS, and where the raters so far are too few to draw from.
    """
    import numpy as np

    if len(scores) < 5 or abs(float(scores.mean()) - 0.5) < 1e-9:
        return None
    if scores.mean() < 0.5:  # the same number from either side
        scores = 1 - scores
    futures = np.random.default_rng(_SEED).choice(np.sort(scores), size=(_FUTURES, MOST_RATERS))
    walk = _Walk(scores, alpha)
    called = np.full(_FUTURES, MOST_RATERS + 1)
    for number in range(MOST_RATERS):
        walk.step(futures[:, number])
        np.minimum(called, np.where(walk.has_refuted, number + 1, MOST_RATERS + 1), out=called)
        if np.median(called) <= number + 1:
            return number + 1
    return None


class _Walk:
    """The capital against one half, of many futures at once; the stakes are those of `betting_interval`."""

    def __init__(self, scores: Floats, alpha: float) -> None:
        import numpy as np

        self._goal = math.log(2 / alpha)
        self._number = len(scores)
        gains = np.minimum(stakes(scores, alpha), 2 * BOLDNESS) * (scores - 0.5)
        begun = (0.5 + scores.sum(), spreads(scores)[-1], np.log1p(gains).sum(), np.log1p(-gains).sum())
        self._total, self._spread, self._up, self._down = (np.full(_FUTURES, value) for value in begun)

    def step(self, scores: Floats) -> None:
        """One more rater in each."""
        import numpy as np

        self._number += 1
        number, variance = self._number, self._spread / self._number
        stake = np.sqrt(2 * self._goal / (variance * number * math.log(number + 1)))
        gain = np.minimum(stake, 2 * BOLDNESS) * (scores - 0.5)
        self._up += np.log1p(gain)
        self._down += np.log1p(-gain)
        self._total += scores
        self._spread += (scores - self._total / (number + 1)) ** 2

    @property
    def has_refuted(self) -> NDArray[np.bool_]:
        """In which futures one half is refuted now."""
        import numpy as np

        return np.asarray(np.maximum(self._up, self._down) >= self._goal)


def sign_test(margins: Iterable[int]) -> SignTest:
    """The sign test over prompts: `margins` are the first model's wins less its losses on each (scipy's binomtest)."""
    from scipy.stats import binomtest

    signs = [(margin > 0) - (margin < 0) for margin in margins]
    first, second = signs.count(1), signs.count(-1)
    p = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    return SignTest(first, second, signs.count(0), p)
