"""Decides whether raters prefer one of two models, how robust that is, and how many more raters it takes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from arena.statistics import confidence_sequence as sequence
from arena.statistics.confidence_sequence import ALPHA, Floats, Interval

ALIKE_MARGIN = 0.05
"""Models are about equal if the whole interval is within this distance of one half."""
CHANGE_ALPHA = 0.15
"""Early and late raters differ if their intervals at this level do not overlap. In simulations, fewer than 5% of the
classes whose raters do not change show that at any look."""
FEWEST_PER_PART = 6
_FIRST, _FANS = 40, 10  # see `few_raters`
MOST_TO_COME, MOST_RATERS = 200, 1000  # no larger numbers are given for raters still to come and in all
_SIMULATIONS, _LEAST_SUCCESS, _POWER = 200, 0.85, 0.8
_SPREAD = 0.5
_BLOCK = 20  # raters who are simulated at once: 1,000 would need 100 MB
_SEED = 20261128


class Outcome(StrEnum):
    """The possible verdicts on two models."""

    PREFERRED = "preferred"
    ALIKE = "alike"
    NOT_YET = "not_yet"
    RATERS_CHANGED = "raters_changed"
    NO_VOTES = "no_votes"


@dataclass(frozen=True)
class Change:
    """The first `raters` gave the first model `early` (0 to 1) of their votes on average, the later ones `late`."""

    raters: int
    early: float
    late: float


@dataclass(frozen=True)
class Verdict:
    """A verdict from scores, one per rater.

    `share` is their mean, from 0 (all for the second model) to 1, or None without scores; `interval` is its confidence
    sequence. `more` estimates how many more raters it takes to call a preference, None if it cannot be estimated.
    `flips_with` is the smallest number of raters without whom the verdict would differ.
    """

    outcome: Outcome
    share: float | None = None
    interval: Interval = sequence.WHOLE
    raters: int = 0
    more: int | None = None
    flips_with: int | None = None
    change: Change | None = None

    @property
    def prefers_first(self) -> bool | None:
        """Whether the first model is the preferred one; None if neither is."""
        return self.interval.low > 0.5 if self.outcome is Outcome.PREFERRED else None

    @property
    def is_fragile(self) -> bool:
        """Whether the interval excludes one half, but a few raters could have caused that: see `few_raters`."""
        return self.outcome is Outcome.NOT_YET and not self.interval.low <= 0.5 <= self.interval.high

    @property
    def swapped(self) -> Verdict:
        """The same for the other model."""
        share = None if self.share is None else 1 - self.share
        interval = Interval(1 - self.interval.high, 1 - self.interval.low)
        change = self.change and Change(self.change.raters, 1 - self.change.early, 1 - self.change.late)
        return replace(self, share=share, interval=interval, change=change)


def make_verdict(scores: Floats, alpha: float = ALPHA, is_brief: bool = False) -> Verdict:
    """The verdict on scores from 0 to 1, one per rater, in the order in which raters finished.

    If it `is_brief`, `more` and `flips_with` are not computed.
    """
    if not len(scores):
        return Verdict(Outcome.NO_VOTES)
    share, interval = float(scores.mean()), sequence.mean_interval(scores, alpha)
    if change := find_change(scores):
        return Verdict(Outcome.RATERS_CHANGED, share, interval, len(scores), change=change)
    verdict = Verdict(_decide(scores, interval, alpha), share, interval, len(scores))
    if is_brief:
        return verdict
    if verdict.outcome is Outcome.NOT_YET:
        return replace(verdict, more=raters_to_come(scores, alpha))
    return replace(verdict, flips_with=_flips_with(scores, alpha))


def _decide(scores: Floats, interval: Interval, alpha: float) -> Outcome:
    outcome = _outcome(interval)
    if outcome is not Outcome.PREFERRED:
        return outcome
    values, counts = np.unique(scores if interval.low > 0.5 else 1 - scores, return_counts=True)
    return Outcome.PREFERRED if _is_called(values, counts, alpha) else Outcome.NOT_YET


def _outcome(interval: Interval) -> Outcome:
    # A difference this small does not matter, however certain it is.
    if interval.low >= 0.5 - ALIKE_MARGIN and interval.high <= 0.5 + ALIKE_MARGIN:
        return Outcome.ALIKE
    return Outcome.PREFERRED if interval.low > 0.5 or interval.high < 0.5 else Outcome.NOT_YET


def few_raters(raters: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """How many of the raters a preference must not depend on: a tenth of those beyond the first 40.

    One rater in ten may know a model by its style and always vote for it. With this rule they bring about a preference
    between equal models in at most 5% of simulations (docs/statistics.md). With 40 raters that holds without the rule.
    """
    return np.asarray(np.maximum(0, np.asarray(raters) - _FIRST) // _FANS)


def _is_called(values: Floats, counts: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    """Whether the first model is called without the few raters who gave it the highest scores.

    `counts`, over the last axis, are those of the `values`, which ascend.
    """
    up_to = np.cumsum(counts, axis=-1)
    raters = up_to[..., -1:]
    kept = np.diff(np.minimum(up_to, raters - few_raters(raters)), axis=-1, prepend=0)
    return sequence.rejects_from_above(values, kept, 0.5, alpha)


def find_change(scores: Floats) -> Change | None:
    """Where raters changed: early and late ones differ beyond chance and do not both clearly prefer the same model."""
    values, codes = np.unique(scores, return_inverse=True)
    total = np.bincount(codes, minlength=len(values))
    for split in _splits(len(scores)):
        before = np.bincount(codes[:split], minlength=len(values))
        after = total - before
        early, late = _mean(values, before), _mean(values, after)
        higher, lower = (before, after) if early > late else (after, before)
        if not _agree(early, late) and _are_disjoint(values, higher, lower):
            return _largest_change(scores)
    return None


def _agree(early: Floats | float, late: Floats | float) -> NDArray[np.bool_]:
    """Whether both parts clearly prefer the same model."""
    low, high = np.minimum(early, late), np.maximum(early, late)
    return np.asarray((low > 0.5 + ALIKE_MARGIN) | (high < 0.5 - ALIKE_MARGIN))


def _largest_change(scores: Floats) -> Change:
    """The split that explains most of the variance of the scores, among those into parts that do not agree."""
    numbers = np.arange(FEWEST_PER_PART, len(scores) - FEWEST_PER_PART + 1)
    sums = np.cumsum(scores)[numbers - 1]
    early, late = sums / numbers, (scores.sum() - sums) / (len(scores) - numbers)
    explained = (early - late) ** 2 * numbers * (len(scores) - numbers)
    split = int(np.argmax(np.where(_agree(early, late), 0, explained)))
    return Change(int(numbers[split]), float(early[split]), float(late[split]))


def _splits(raters: int) -> Iterator[int]:
    """Numbers of early raters to try: the same at every look, with growing gaps."""
    split = FEWEST_PER_PART
    while split <= raters - FEWEST_PER_PART:
        yield split
        split = max(split + 2, split * 4 // 3)


def _are_disjoint(values: Floats, higher: NDArray[np.int64], lower: NDArray[np.int64]) -> bool:
    """Whether the interval of one part lies above that of the other: some mean is rejected by both."""
    low, high = _mean(values, lower), _mean(values, higher)
    for _ in range(12):
        middle = (low + high) / 2
        above = sequence.rejects_from_above(values, higher, middle, CHANGE_ALPHA)
        below = sequence.rejects_from_above(1 - values, lower, 1 - middle, CHANGE_ALPHA)
        if above and below:
            return True
        if not above and not below:
            return False
        low, high = (middle, high) if above else (low, middle)
    return False


def _mean(values: Floats, counts: NDArray[np.int64]) -> float:
    return float(values @ counts) / float(counts.sum())


def _flips_with(scores: Floats, alpha: float) -> int:
    """The smallest number of raters with the lowest or the highest scores without whom the outcome changes."""

    def decided(rest: Floats) -> tuple[Outcome, bool]:
        interval = sequence.mean_interval(rest, alpha)
        outcome = _decide(rest, interval, alpha)
        return outcome, outcome is Outcome.PREFERRED and interval.low > 0.5

    ordered, before = np.sort(scores), decided(scores)

    def flips(count: int) -> bool:
        return any(decided(rest) != before for rest in (ordered[count:], ordered[:-count]))

    low, high = 0, len(scores) - 1  # a single rater never decides
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if flips(middle) else (middle, high)
    return high


def raters_to_come(scores: Floats, alpha: float = ALPHA) -> int | None:
    """About how many more raters it takes to call the leading model: enough in 80% of the simulations.

    None unless MOST_TO_COME are enough in 85% of them. Each simulation first draws its own true mean by the Bayesian
    bootstrap (random weights on the raters so far), so equal models, whose lead is chance, seldom get a number.
    """
    if len(scores) < 5:
        return None
    if scores.mean() < 0.5:  # the number is the same for either model
        scores = 1 - scores
    values, counts = np.unique(np.append(scores, (0.0, 1.0)), return_counts=True)
    is_extreme = np.isin(values, (0.0, 1.0))
    # Half a rater at either extreme, since few raters do not show yet how much others may differ.
    generator = np.random.default_rng(_SEED)
    ends = np.cumsum(generator.dirichlet(counts - 0.5 * is_extreme, size=_SIMULATIONS), axis=1)
    uniform = generator.random((_SIMULATIONS, MOST_TO_COME))
    drawn = np.stack([np.searchsorted(end[:-1], row) for end, row in zip(ends, uniform, strict=True)])
    now = counts - is_extreme
    after = now + (drawn[..., np.newaxis] == np.arange(len(values))).sum(axis=1)
    if _is_called(values, after, alpha).mean() < _LEAST_SUCCESS:
        return None
    return _fewest(values, now, drawn, alpha)


@cache
def raters_needed(share: float, votes: int = 8) -> int | None:
    """About how many raters it takes to call a model that wins `share` (0.5 to 1) of the votes: enough in 80% of the
    simulations, or None if that is more than MOST_RATERS.

    Each rater casts `votes` votes; the raters' tastes have a standard deviation of _SPREAD in log-odds.
    """
    generator = np.random.default_rng(_SEED)
    tastes = 1 / (1 + np.exp(-generator.normal(mean_taste(share, _SPREAD), _SPREAD, (_SIMULATIONS, MOST_RATERS))))
    wins = np.arange(votes + 1)
    return _fewest(wins / votes, np.zeros_like(wins), generator.binomial(votes, tastes), ALPHA)


def _fewest(values: Floats, now: NDArray[np.int64], drawn: NDArray[np.int64], alpha: float) -> int | None:
    """After how many of the drawn scores the first model is called in 80% of the rows; None if all are too few.

    `values` are all possible scores, which ascend, `now` their counts before the first draw; `drawn` are indices.
    """
    for start in range(0, drawn.shape[1], _BLOCK):
        block = drawn[:, start : start + _BLOCK, np.newaxis] == np.arange(len(values))
        counts = now + np.cumsum(block, axis=1)  # rows, draws, values
        enough = np.flatnonzero(_is_called(values, counts, alpha).mean(axis=0) >= _POWER)
        if len(enough):
            return start + 1 + int(enough[0])
        now = counts[:, -1:]
    return None


def mean_taste(share: float, spread: float) -> float:
    """The mean taste in log-odds, to a thousandth, at which raters with this spread give this share on average."""
    points, weights = np.polynomial.hermite_e.hermegauss(21)
    weights = weights / weights.sum()

    def share_at(thousandths: int) -> float:
        return float(weights @ (1 / (1 + np.exp(-thousandths / 1000 - spread * points))))

    # Not by scipy.optimize: its import takes 40 MB, and the page of a room would wait for it.
    return bisect_left(range(-20_000, 20_000), share, key=share_at) / 1000 - 20
