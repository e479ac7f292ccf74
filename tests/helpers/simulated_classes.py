"""Simulated classes whose opinions are known: how often the adjusted share and the ratings are right about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t

from arena.statistics import PairCount
from arena.statistics.ratings import rate
from arena.statistics.regression import Adjusted, adjust, difference, swayed_by

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# A row of a table.
Row = dict[str, Any]
# Every rater judges one pair of answers for each of these prompts.
PROMPTS = 8
# Standard deviations of the raters' tastes, in log-odds.
SPREADS = (0.0, 0.5, 1.0)


# ---- the share adjusted for length and side

CLASS_SIZES = (10, 20, 40, 100)
_LENGTH = 400


@dataclass(frozen=True)
class Reasons:
    """What decides the votes of a class, in log-odds for the first model.

    `better` counts on every prompt; `length` is multiplied by the logarithm of the ratio of lengths (infinite: raters
    always choose the longer answer); `left` counts if the first model is on the left; `by_prompt` is the standard
    deviation of how much better it is from prompt to prompt.
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
    """The votes of a class; `score` is the first model's."""

    score: Floats
    rater: Integers
    prompt: Integers
    side: Floats
    first_length: Floats
    second_length: Floats

    def adjusted(self) -> Adjusted | None:
        """The share adjusted for side and length."""
        covariates = {"side": self.side, "length": difference(self.first_length, self.second_length)}
        return adjust(self.score, self.rater, covariates, self.prompt)

    def is_called(self) -> bool:
        """Whether the unadjusted 95% interval of the raters' mean score excludes one half."""
        means = np.bincount(self.rater, self.score) / np.bincount(self.rater)
        reach = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
        return bool(abs(means.mean() - 0.5) > reach)


def sim_votes(generator: np.random.Generator, reasons: Reasons, raters: int, spread: float = 0.0) -> SimVotes:
    """Every rater judges the same pair of answers per prompt; the first model's is longer in 5 to 7 of 8."""
    ratio = generator.permutation(np.where(np.arange(PROMPTS) < generator.integers(5, 8), 1, -1))
    ratio = ratio * (np.abs(generator.normal(0, 0.5, PROMPTS)) + 0.02)
    longer = np.sign(ratio) * np.inf if np.isinf(reasons.length) else reasons.length * ratio
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


def coverage_table(
    runs: int = 1000,
    classes: Sequence[int] = CLASS_SIZES,
    spreads: Sequence[float] = SPREADS,
    reasons: Mapping[str, Reasons] = REASONS,
) -> Iterator[Row]:
    """A row for each of the reasons, class sizes and spreads of taste, from `runs` classes.

    `raw_called` and `called`: how often the interval of the raw and of the adjusted share excluded one half; `covered`:
    how often the adjusted one held the truth; `bias` and `width` are means; `length` and `side`: how often they were
    said to have swayed the raters.
    """
    for (name, reason), raters, spread in product(reasons.items(), classes, spreads):
        generator, truth = np.random.default_rng(1), true_share(reason, spread)
        votes = [sim_votes(generator, reason, raters, spread) for _ in range(runs)]
        adjusted = [result for result in (each.adjusted() for each in votes) if result]
        shares = [result.share for result in adjusted if result.share]
        value, low, high = np.array([(share.value, share.low, share.high) for share in shares]).T
        swayed = [swayed_by(result) for result in adjusted]
        yield {
            "reasons": name,
            "raters": raters,
            "spread": spread,
            "raw_called": float(np.mean([each.is_called() for each in votes])),
            "called": float(np.mean((low > 0.5) | (high < 0.5))),
            "covered": float(np.mean((low <= truth) & (truth <= high))),
            "bias": float(value.mean() - truth),
            "width": float((high - low).mean()),
            "length": float(np.mean(["length" in names for names in swayed])),
            "side": float(np.mean(["side" in names for names in swayed])),
        }


# ---- ratings of several models

RATERS = (5, 6, 8, 10, 20, 50)
TIES = 0.1
_MANY = 10**7


@dataclass(frozen=True)
class Setting:
    """`models` models, from `gap` log-odds below the middle to as many above, and `votes` votes per rater.

    `spread` is the standard deviation between raters of what they think of two models. If `uneven`, some raters cast
    many times the votes of others.
    """

    models: int
    votes: int
    gap: float = 0.0
    spread: float = 0.0
    uneven: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All pairs of two models."""
        return list(combinations([f"m{number}" for number in range(self.models)], 2))

    def chances(self, generator: np.random.Generator, raters: int) -> Floats:
        """How likely the first model of each pair wins over the second without ties: an array (raters, pairs)."""
        tastes = generator.normal(0, self.spread / np.sqrt(2), (raters, self.models))
        strengths = np.linspace(-self.gap, self.gap, self.models) + tastes
        first, second = np.array(list(combinations(range(self.models), 2))).T
        return np.asarray(expit(strengths[:, first] - strengths[:, second]))


SETTINGS = tuple(
    Setting(models, votes, gap, spread)
    for models, votes in ((3, 8), (3, 20), (4, 12), (6, 8), (6, 20))
    for gap in (0.0, 1.0)
    for spread in SPREADS
)


def sim_outcomes(generator: np.random.Generator, setting: Setting, raters: int) -> Integers:
    """First wins, second wins and ties: an array (pairs, raters, 3)."""
    chances, sizes = setting.chances(generator, raters), np.full(raters, setting.votes)
    if setting.uneven:
        sizes = np.maximum(2, np.round(setting.votes * generator.lognormal(0, 1, raters))).astype(int)
    pairs = len(setting.pairs)
    votes = generator.multinomial(sizes, np.full(pairs, 1 / pairs))
    ties = generator.binomial(votes, TIES)
    wins = generator.binomial(votes - ties, chances)
    return np.stack([wins, votes - ties - wins, ties], axis=2).transpose(1, 0, 2)


def true_ratings(setting: Setting) -> dict[str, float]:
    """The ratings from the votes of infinitely many raters."""
    chances = setting.chances(np.random.default_rng(0), 20_000).mean(axis=0)
    wins = np.round(_MANY * (1 - TIES) * chances)
    cells = np.stack([wins, _MANY * (1 - TIES) - wins, np.full_like(wins, _MANY * TIES)], axis=1)
    return {model: rating.value for model, rating in rate(_counts(setting, cells)).by_model.items()}


def rating_table(
    runs: int = 500, raters: Sequence[int] = RATERS, settings: Sequence[Setting] = SETTINGS
) -> Iterator[Row]:
    """A row for each setting and number of raters.

    `covered` is how many of the ratings' intervals held the truth, `width` their mean width (both nan where there are
    none), `without` the share of simulations whose ratings had no intervals.
    """
    for setting in settings:
        truth = true_ratings(setting)
        for number in raters:
            generator, held, widths, without = np.random.default_rng(1), [], [], 0
            for _ in range(runs):
                cells = sim_outcomes(generator, setting, number)
                ratings = rate(_counts(setting, cells.sum(axis=1)), list(cells)).by_model
                intervals = [(truth[model], rating.low, rating.high) for model, rating in ratings.items()]
                known = [(true, low, high) for true, low, high in intervals if low is not None and high is not None]
                held += [low <= true <= high for true, low, high in known]
                widths += [high - low for _, low, high in known]
                without += not known
            covered, width = (float(np.mean(values or np.nan)) for values in (held, widths))
            means = {"covered": covered, "width": width, "without": without / runs}
            yield {**asdict(setting), "raters": number, **means}


def _counts(setting: Setting, cells: Floats | Integers) -> list[PairCount]:
    return [PairCount(*pair, *map(int, cell)) for pair, cell in zip(setting.pairs, cells, strict=True)]
