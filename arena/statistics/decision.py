"""Whether raters prefer one of two models, and whether that is sure enough to say so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from arena.statistics.sequential import ALPHA, WHOLE, Interval, log_average, mean_interval, refutes, stakes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.statistics.sequential import Floats

ALIKE_MARGIN = 0.05
"""Models are alike where the whole interval is no further than this from one half."""
CHANGE_ALPHA = 0.15
"""Early and late raters differ where their intervals at this level do not meet: by simulation, fewer than 5 in 100
classes whose raters stay the same show that at any look."""
FEWEST_IN_A_PART = 6
MOST_TO_COME, MOST_RATERS = 200, 1000
"""Beyond these no number of raters is told: of those still to come, and of those a class needs in all."""
_FUTURES, _ARE_SURE, _MOST = 200, 0.95, 0.8
_SEED = 20261128


class Outcome(StrEnum):
    """What can be said of two models."""

    PREFERRED = "preferred"
    ALIKE = "alike"
    NOT_YET = "not_yet"
    RATERS_CHANGED = "raters_changed"
    NO_VOTES = "no_votes"


@dataclass(frozen=True)
class Change:
    """The first `raters` gave the first model `early` of their votes on average, those after them `late`."""

    raters: int
    early: float
    late: float

    @property
    def turned(self) -> Change:
        """The same from the other model's side."""
        return Change(self.raters, 1 - self.early, 1 - self.late)


@dataclass(frozen=True)
class Verdict:
    """What the raters' scores come to, one score a rater.

    `share` is their mean, from 0 (all for the second model) to 1, None without any; `interval` holds it and is true at
    every look. `more` is about how many more raters it takes to call a preference, None where that cannot be told;
    `flips_with` is the smallest number of raters without whom the verdict would be another one.
    """

    outcome: Outcome
    share: float | None = None
    interval: Interval = WHOLE
    raters: int = 0
    more: int | None = None
    flips_with: int | None = None
    change: Change | None = None

    @property
    def prefers_first(self) -> bool | None:
        """Whether the model preferred is the first one; None where none is."""
        return self.interval.low > 0.5 if self.outcome is Outcome.PREFERRED else None

    @property
    def turned(self) -> Verdict:
        """The same from the other model's side."""
        share = None if self.share is None else 1 - self.share
        return replace(self, share=share, interval=self.interval.turned, change=self.change and self.change.turned)


@dataclass(frozen=True)
class SignTest:
    """Prompts on which the first model won more votes, and those on which the second did; `p` is two-sided."""

    first: int
    second: int
    even: int
    p: float


def make_verdict(scores: Floats, alpha: float = ALPHA, is_brief: bool = False) -> Verdict:
    """The verdict on scores from 0 to 1, one a rater, in the order in which raters were done. If it `is_brief`, nobody
    asks how firm it is and what it would take."""
    if not len(scores):
        return Verdict(Outcome.NO_VOTES)
    share, interval = float(scores.mean()), mean_interval(scores, alpha)
    if change := find_change(scores):
        return Verdict(Outcome.RATERS_CHANGED, share, interval, len(scores), change=change)
    verdict = Verdict(_outcome(interval), share, interval, len(scores))
    if is_brief:
        return verdict
    if verdict.outcome is Outcome.NOT_YET:
        return replace(verdict, more=raters_to_come(scores, alpha))
    return replace(verdict, flips_with=_flips_with(scores, alpha))


def _outcome(interval: Interval) -> Outcome:
    # A difference this small is none that matters, however sure it is.
    if interval.is_within(ALIKE_MARGIN):
        return Outcome.ALIKE
    return Outcome.PREFERRED if interval.excludes_half else Outcome.NOT_YET


# ---- early and late raters


def find_change(scores: Floats) -> Change | None:
    """Where raters changed, if early and late ones differ beyond chance and are not both clearly for one model."""
    import numpy as np

    values, codes = np.unique(scores, return_inverse=True)
    total = np.bincount(codes, minlength=len(values))
    for split in _splits(len(scores)):
        before = np.bincount(codes[:split], minlength=len(values))
        after = total - before
        early, late = _mean(values, before), _mean(values, after)
        agree = min(early, late) > 0.5 + ALIKE_MARGIN or max(early, late) < 0.5 - ALIKE_MARGIN
        if not agree and _are_apart(values, *((before, after) if early > late else (after, before))):
            return _largest_change(scores)
    return None


def _largest_change(scores: Floats) -> Change:
    """The split that explains most of how the scores differ."""
    import numpy as np

    numbers = np.arange(1, len(scores))
    sums = np.cumsum(scores)[:-1]
    early, late = sums / numbers, (scores.sum() - sums) / (len(scores) - numbers)
    place = int(np.argmax((early - late) ** 2 * numbers * (len(scores) - numbers)))
    return Change(place + 1, float(early[place]), float(late[place]))


def _splits(raters: int) -> Iterator[int]:
    """Numbers of early raters to look at: the same ones at every look, further apart as they grow."""
    split = FEWEST_IN_A_PART
    while split <= raters - FEWEST_IN_A_PART:
        yield split
        split = max(split + 2, split * 4 // 3)


def _are_apart(values: Floats, higher: NDArray[np.int64], lower: NDArray[np.int64]) -> bool:
    """Whether the interval of the one part lies above that of the other: some mean is refuted by both."""
    low, high = _mean(values, lower), _mean(values, higher)
    for _ in range(12):
        middle = (low + high) / 2
        above = refutes(values, higher, middle, CHANGE_ALPHA)
        below = refutes(1 - values, lower, 1 - middle, CHANGE_ALPHA)
        if above and below:
            return True
        if not above and not below:
            return False
        low, high = (middle, high) if above else (low, middle)
    return False


def _mean(values: Floats, counts: NDArray[np.int64]) -> float:
    return float(values @ counts) / float(counts.sum())


# ---- how firm it is, and what it would take


def _flips_with(scores: Floats, alpha: float) -> int:
    """The smallest number of raters whose leaving, from one end, changes the outcome."""
    import numpy as np

    def called(some: Floats) -> tuple[Outcome, bool]:
        interval = mean_interval(some, alpha)
        outcome = _outcome(interval)
        return outcome, outcome is Outcome.PREFERRED and interval.low > 0.5

    ordered, before = np.sort(scores), called(scores)

    def flips(count: int) -> bool:
        return any(called(rest) != before for rest in (ordered[count:], ordered[:-count]))

    low, high = 0, len(scores) - 1  # one rater alone is never enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if flips(middle) else (middle, high)
    return high


def raters_to_come(scores: Floats, alpha: float = ALPHA) -> int | None:
    """About how many more raters it takes to call the model that is ahead: four in five simulated futures need no more.
    None unless 95% of the futures get there within MOST_TO_COME.

    Each future draws its own truth first (the Bayesian bootstrap: random weights on the raters so far), since the
    average so far is not the truth; so equal models, whose lead is chance, seldom get a number.
    """
    import numpy as np

    if len(scores) < 5:
        return None
    if scores.mean() < 0.5:  # the same number from either side
        scores = 1 - scores
    values, counts = np.unique(scores, return_counts=True)
    begun = counts.astype(float) @ np.log1p(np.outer(2 * values - 1, stakes()))
    # Half a rater of either extreme: few raters have not shown yet how different others are.
    values, counts = np.append(values, (0.0, 1.0)), np.append(counts, (0.5, 0.5))
    generator = np.random.default_rng(_SEED)
    ends = np.cumsum(generator.dirichlet(counts, size=_FUTURES), axis=1)
    uniform = generator.random((_FUTURES, MOST_TO_COME))
    drawn = np.stack([np.searchsorted(end[:-1], row) for end, row in zip(ends, uniform, strict=True)])
    called = first_called(np.asarray(values[drawn], dtype=float), begun, alpha)
    if float((called <= MOST_TO_COME).mean()) < _ARE_SURE:
        return None
    return math.ceil(np.quantile(called, _MOST))


@cache
def raters_needed(share: float, votes: int = 8, spread: float = 0.5, alpha: float = ALPHA) -> int | None:
    """About how many raters it takes to call a model that wins this share of votes, from 0.5 to 1: four in five
    simulated classes get there. Each rater gives `votes` votes; their tastes differ by `spread` in log-odds.

    None where it takes more than MOST_RATERS.
    """
    import numpy as np

    generator = np.random.default_rng(_SEED)
    tastes = 1 / (1 + np.exp(-generator.normal(mean_taste(share, spread), spread, (_FUTURES, MOST_RATERS))))
    called = first_called(generator.binomial(votes, tastes) / votes, np.zeros(len(stakes())), alpha)
    needed = float(np.quantile(called, _MOST))
    return math.ceil(needed) if needed <= MOST_RATERS else None


def first_called(scores: Floats, begun: Floats, alpha: float) -> NDArray[np.int64]:
    """For each row of scores after how many of them capital that has `begun` (its logarithm by stake) refutes one half
    from above; one more than there are if never."""
    import numpy as np

    logs = np.empty((*scores.shape, len(begun)))
    np.log1p(np.multiply.outer(2 * scores - 1, stakes()), out=logs)
    is_called = log_average(begun + np.cumsum(logs, axis=1)) >= math.log(2 / alpha)
    return np.asarray(np.where(is_called.any(axis=1), is_called.argmax(axis=1) + 1, scores.shape[1] + 1))


def mean_taste(share: float, spread: float) -> float:
    """The mean taste at which raters whose tastes differ by `spread` give this share on average."""
    import numpy as np
    from scipy.optimize import brentq

    points, weights = np.polynomial.hermite_e.hermegauss(21)
    weights = weights / weights.sum()
    return float(brentq(lambda mean: weights @ (1 / (1 + np.exp(-mean - spread * points))) - share, -20, 20))


def sign_test(margins: Iterable[int]) -> SignTest:
    """The sign test over prompts: `margins` are the first model's wins less its losses on each (scipy's binomtest)."""
    from scipy.stats import binomtest

    signs = [(margin > 0) - (margin < 0) for margin in margins]
    first, second = signs.count(1), signs.count(-1)
    p = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    return SignTest(first, second, signs.count(0), p)
