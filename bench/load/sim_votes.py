"""Simulated classes of raters whose reasons are known, to see what the statistics make of their votes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import t

from arena.statistics.regression import Adjusted, adjust, difference, swayed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

PROMPTS = 8
CLASSES, SPREADS = (10, 20, 40, 100), (0.0, 0.5, 1.0)
_LENGTH = 400


@dataclass(frozen=True)
class Reasons:
    """What decides the votes of a class, in log-odds for the first model.

    `better` counts for it on every prompt; `length` is multiplied by the logarithm of how many times as long its answer
    is, or is infinite for raters who always take the longer one; `left` counts if it stands on the left; `by_prompt` is
    the standard deviation of how much better it is from prompt to prompt.
    """

    better: float = 0.0
    length: float = 0.0
    left: float = 0.0
    by_prompt: float = 0.0


REASONS: Mapping[str, Reasons] = {
    "nothing": Reasons(),
    "better": Reasons(better=0.8),
    "always longer": Reasons(length=np.inf),
    "longer": Reasons(length=2.0),
    "much longer": Reasons(length=4.0),
    "better and longer": Reasons(better=0.6, length=2.0),
    "left": Reasons(left=1.0),
    "prompts differ": Reasons(by_prompt=0.5),
    "prompts differ much": Reasons(by_prompt=1.0),
}


@dataclass(frozen=True)
class SimVotes:
    """A class's votes, one entry each; `score` is the first model's."""

    score: Floats
    rater: Codes
    prompt: Codes
    side: Floats
    first_length: Floats
    second_length: Floats

    def adjusted(self) -> Adjusted | None:
        """What the statistics make of them."""
        covariates = {"side": self.side, "length": difference(self.first_length, self.second_length)}
        return adjust(self.score, self.rater, covariates, self.prompt)


def sim_votes(generator: np.random.Generator, reasons: Reasons, raters: int, spread: float = 0.0) -> SimVotes:
    """Every rater judges the same pair of answers per prompt; the first model's is longer in 5 to 7 of 8.

    `spread` is the standard deviation of the raters' own taste.
    """
    ratio = generator.permutation(np.where(np.arange(PROMPTS) < generator.integers(5, 8), 1, -1))
    ratio = ratio * (np.abs(generator.normal(0, 0.5, PROMPTS)) + 0.02)
    longer = (
        np.where(ratio > 0, reasons.length, -reasons.length) if np.isinf(reasons.length) else reasons.length * ratio
    )
    by_prompt = longer + reasons.better + generator.normal(0, reasons.by_prompt, PROMPTS)
    side = generator.choice([-1.0, 1.0], (raters, PROMPTS))
    odds = by_prompt + generator.normal(0, spread, (raters, 1)) + reasons.left * side
    score = generator.random((raters, PROMPTS)) < expit(odds)
    prompt, rater = np.tile(np.arange(PROMPTS), raters), np.repeat(np.arange(raters), PROMPTS)
    lengths = np.round(_LENGTH * np.exp(ratio / 2))[prompt], np.round(_LENGTH * np.exp(-ratio / 2))[prompt]
    return SimVotes(score.ravel().astype(float), rater, prompt, side.ravel(), *lengths)


def true_share(reasons: Reasons, spread: float) -> float:
    """The first model's expected score between answers of the same length, over all raters and prompts."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    odds = reasons.better + np.hypot(spread, reasons.by_prompt) * nodes
    return float(weights @ expit(odds) / weights.sum())


@dataclass(frozen=True)
class Coverage:
    """What came of many simulated classes with the same reasons.

    `raw_called` is how often the 95% interval of the raters' mean score excluded one half, `called` how often that of
    the adjusted share did, and `covered` how often the latter held the truth. `bias` is how far off the adjusted share
    was on average, `width` the mean width of its interval. `length` and `side` are how often they were said to have
    swayed the raters.
    """

    reasons: str
    raters: int
    spread: float
    raw_called: float
    called: float
    covered: float
    bias: float
    width: float
    length: float
    side: float


def coverage_table(
    runs: int = 1000,
    classes: Sequence[int] = CLASSES,
    spreads: Sequence[float] = SPREADS,
    reasons: Mapping[str, Reasons] = REASONS,
    seed: int = 1,
) -> Iterator[Coverage]:
    """A row for each of the reasons, numbers of raters and spreads of taste."""
    for name, one in reasons.items():
        for raters in classes:
            for spread in spreads:
                generator = np.random.default_rng(seed)
                yield _coverage(
                    name, one, raters, spread, [sim_votes(generator, one, raters, spread) for _ in range(runs)]
                )


def _coverage(name: str, reasons: Reasons, raters: int, spread: float, votes: Sequence[SimVotes]) -> Coverage:
    truth, adjusted = true_share(reasons, spread), [one.adjusted() for one in votes]
    shares = [one.share for one in adjusted if one and one.share]
    value, low, high = np.array([(share.value, share.low, share.high) for share in shares]).T
    swayed = [swayed_by(one) for one in adjusted if one]
    return Coverage(
        name,
        raters,
        spread,
        raw_called=float(np.mean([_is_raw_called(one) for one in votes])),
        called=float(np.mean((low > 0.5) | (high < 0.5))),
        covered=float(np.mean((low <= truth) & (truth <= high))),
        bias=float(value.mean() - truth),
        width=float((high - low).mean()),
        length=float(np.mean(["length" in names for names in swayed])),
        side=float(np.mean(["side" in names for names in swayed])),
    )


def _is_raw_called(votes: SimVotes) -> bool:
    means = np.bincount(votes.rater, votes.score) / np.bincount(votes.rater)
    reach = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return bool(abs(means.mean() - 0.5) > reach)
