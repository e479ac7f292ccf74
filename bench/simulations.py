"""Simulated classes of raters whose opinions are known, to see how often the statistics are right about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import t

from arena.statistics import PairCount
from arena.statistics.confidence_sequence import ALPHA, BETS
from arena.statistics.decision import Outcome, first_called, make_verdict, mean_taste
from arena.statistics.ratings import rate
from arena.statistics.regression import Adjusted, adjust, difference, swayed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Votes of a rater, and prompts of a class in which everyone judges every prompt.
VOTES = PROMPTS = 8
# Standard deviations of the raters' tastes, in log-odds.
SPREADS = (0.0, 0.5, 1.0)
_SEED = 20261128


# ---- the verdict


MOST_RATERS = 200


@dataclass(frozen=True)
class Rate:
    """The share of simulated classes in which `what` happened, and the limit that was promised, if any."""

    case: str
    what: str
    share: float
    promise: str = ""


def verdict_table(runs: int) -> Iterator[Rate]:
    """How often verdicts on two models are right; each row has about `runs` classes."""
    yield from _false_winners(runs)
    yield from _power(runs)
    yield from _interval_coverage(runs)
    yield from _alike(runs // 4)
    yield from _changes(max(50, runs // 10))
    yield from _forecasts(max(50, runs // 4))


def _class_scores(
    generator: np.random.Generator, share: float, spread: float, raters: int, ties: float = 0.0
) -> Floats:
    """One score a rater; the first model gets `share` of the decisive votes on average, and a tie counts half."""
    tastes = expit(generator.normal(mean_taste(share, spread), spread, raters))
    decisive = generator.binomial(VOTES, 1 - ties, raters)
    return np.asarray((generator.binomial(decisive, tastes) + (VOTES - decisive) / 2) / VOTES)


def _classes(runs: int, share: float, spread: float, raters: int, ties: float = 0.0) -> Floats:
    generator = np.random.default_rng(_SEED)
    return np.stack([_class_scores(generator, share, spread, raters, ties) for _ in range(runs)])


def _has_outcome(scores: Floats, outcome: Outcome) -> bool:
    return make_verdict(scores, is_brief=True).outcome is outcome


def _share_with(classes: Floats, outcome: Outcome) -> float:
    return float(np.mean([_has_outcome(scores, outcome) for scores in classes]))


def _ever_refuted(classes: Floats, mean: float) -> NDArray[np.bool_]:
    """In which classes `mean` is refuted at any number of raters, from either side."""
    first = [
        # A score's return on the even bet, moved to another mean.
        first_called(scores / share / 2, np.zeros(BETS), ALPHA)
        for scores, share in ((classes, mean), (1 - classes, 1 - mean))
    ]
    return np.asarray(np.minimum(*first) <= classes.shape[1])


def _false_winners(runs: int) -> Iterator[Rate]:
    for spread in SPREADS:
        classes, case = _classes(runs, 0.5, spread, MOST_RATERS), f"equal models, spread {spread:g}"
        called = float(_ever_refuted(classes, 0.5).mean())
        yield Rate(case, f"a winner at any of {MOST_RATERS} looks", called, "<= 5%")
        yield Rate(case, "a winner at one look at 40 raters", _share_with(classes[:, :40], Outcome.PREFERRED))


def _power(runs: int) -> Iterator[Rate]:
    for share in (0.6, 0.7):
        for spread in SPREADS:
            classes, case = _classes(runs, share, spread, 80), f"{share:.0%} for the first model, spread {spread:g}"
            for raters in (20, 40, 80):
                yield Rate(case, f"called with {raters} raters", _share_with(classes[:, :raters], Outcome.PREFERRED))


def _interval_coverage(runs: int) -> Iterator[Rate]:
    for share in (0.5, 0.7, 0.9):
        held = 1 - float(_ever_refuted(_classes(runs, share, 0.5, MOST_RATERS), share).mean())
        case = f"{share:.0%} for the first model, spread 0.5"
        yield Rate(case, f"interval true at all of {MOST_RATERS} looks", held, ">= 95%")


def _alike(runs: int) -> Iterator[Rate]:
    for share, ties, promise in ((0.5, 0.0, ""), (0.52, 0.0, ""), (0.56, 0.0, "<= 5%"), (0.6, 0.9, "")):
        alike = _share_with(_classes(runs, share, 0.0, 400, ties), Outcome.ALIKE)
        yield Rate(f"{share:.0%} of decisive votes, {ties:.0%} ties", "alike with 400 raters", alike, promise)


def _changes(runs: int) -> Iterator[Rate]:
    """Whether early and late raters are said to differ."""
    for share in (0.5, 0.7):
        classes = _classes(runs, share, 0.5, 100)
        looks = [
            [_has_outcome(scores[:look], Outcome.RATERS_CHANGED) for look in range(12, 101, 4)] for scores in classes
        ]
        changed = float(np.mean([any(found) for found in looks]))
        yield Rate(f"{share:.0%} all along, spread 0.5", "raters changed at any look up to 100", changed, "<= 5%")
    for size in (20, 40):
        generator = np.random.default_rng(_SEED)
        halves = [[_class_scores(generator, share, 0.5, size) for share in (0.7, 0.3)] for _ in range(runs)]
        changed = _share_with(np.array(halves).reshape(runs, 2 * size), Outcome.RATERS_CHANGED)
        yield Rate(f"{size} raters at 70%, then {size} at 30%", "raters changed", changed)


def _forecasts(runs: int) -> Iterator[Rate]:
    """Whether "about n more raters" is shown, and comes true."""
    for share in (0.5, 0.6, 0.7):
        generator, came_true = np.random.default_rng(_SEED), []
        for _ in range(runs):
            scores = _class_scores(generator, share, 0.5, 12)
            if more := make_verdict(scores).more:
                later = np.concatenate([scores, _class_scores(generator, share, 0.5, more)])
                came_true.append(make_verdict(later, is_brief=True).prefers_first == (scores.mean() > 0.5))
        case = f"{share:.0%} for the first model, 12 raters"
        yield Rate(case, "a number of raters to come is shown", len(came_true) / runs)
        if came_true:
            yield Rate(case, "it comes true where it is shown", float(np.mean(came_true)))


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


@dataclass(frozen=True)
class Coverage:
    """What came of many simulated classes with the same reasons.

    `raw_called` and `called`: how often the interval of the raw and of the adjusted share excluded one half; `covered`:
    how often the adjusted one held the truth; `bias` and `width` are means; `length` and `side`: how often they were
    said to have swayed the raters.
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
    classes: Sequence[int] = CLASS_SIZES,
    spreads: Sequence[float] = SPREADS,
    reasons: Mapping[str, Reasons] = REASONS,
) -> Iterator[Coverage]:
    """A row for each of the reasons, class sizes and spreads of taste."""
    for name, reason in reasons.items():
        for raters in classes:
            for spread in spreads:
                generator, truth = np.random.default_rng(1), true_share(reason, spread)
                votes = [sim_votes(generator, reason, raters, spread) for _ in range(runs)]
                adjusted = [found for found in (each.adjusted() for each in votes) if found]
                shares = [found.share for found in adjusted if found.share]
                value, low, high = np.array([(share.value, share.low, share.high) for share in shares]).T
                swayed = [swayed_by(found) for found in adjusted]
                yield Coverage(
                    name,
                    raters,
                    spread,
                    raw_called=float(np.mean([each.is_called() for each in votes])),
                    called=float(np.mean((low > 0.5) | (high < 0.5))),
                    covered=float(np.mean((low <= truth) & (truth <= high))),
                    bias=float(value.mean() - truth),
                    width=float((high - low).mean()),
                    length=float(np.mean(["length" in names for names in swayed])),
                    side=float(np.mean(["side" in names for names in swayed])),
                )


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


@dataclass(frozen=True)
class RatingCoverage:
    """How many of the ratings' intervals held the truth, and their mean width (nan where there are none).

    `without` is the share of simulations whose ratings had no intervals.
    """

    setting: Setting
    raters: int
    covered: float
    width: float
    without: float


def rating_table(
    runs: int = 500, raters: Sequence[int] = RATERS, settings: Sequence[Setting] = SETTINGS
) -> Iterator[RatingCoverage]:
    """A row for each setting and number of raters."""
    for setting in settings:
        truth = true_ratings(setting)
        for number in raters:
            generator, held, widths, without = np.random.default_rng(1), [], [], 0
            for _ in range(runs):
                cells = sim_outcomes(generator, setting, number)
                ratings = rate(_counts(setting, cells.sum(axis=1)), list(cells)).by_model
                intervals = [(truth[model], found.low, found.high) for model, found in ratings.items()]
                known = [(true, low, high) for true, low, high in intervals if low is not None and high is not None]
                held += [low <= true <= high for true, low, high in known]
                widths += [high - low for _, low, high in known]
                without += not known
            covered, width = (float(np.mean(values or np.nan)) for values in (held, widths))
            yield RatingCoverage(setting, number, covered, width, without / runs)


def _counts(setting: Setting, cells: Floats | Integers) -> list[PairCount]:
    return [PairCount(*pair, *map(int, cell)) for pair, cell in zip(setting.pairs, cells, strict=True)]
