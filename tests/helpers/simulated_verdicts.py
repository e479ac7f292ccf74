"""Simulated classes whose opinions are known: how often the verdict is right about them."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from simulated_classes import SPREADS, Floats, Row

from arena.statistics.confidence_sequence import ALPHA, bets, log_mean_exp
from arena.statistics.decision import Outcome, make_verdict, mean_taste

VOTES = 8
_SEED = 20261128
MOST_RATERS = 200


def verdict_table(runs: int) -> Iterator[Row]:
    """How often verdicts on two models are right; each row has about `runs` classes.

    `share` is the share of them in which `what` happened, `promise` the limit that was promised, if any.
    """
    yield from _false_winners(runs)
    yield from _power(runs)
    yield from _interval_coverage(runs)
    yield from _alike(runs // 4)
    yield from _changes(max(50, runs // 10))
    yield from _forecasts(max(50, runs // 4))
    yield from _fans(max(50, runs // 4))


def _rate(case: str, what: str, share: float, promise: str = "") -> Row:
    return {"case": case, "what": what, "share": share, "promise": promise}


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
    refuted = np.zeros(len(classes), dtype=bool)
    for scores, at in ((classes, mean), (1 - classes, 1 - mean)):
        capital = np.cumsum(np.log1p(np.multiply.outer(scores / at - 1, bets())), axis=1)
        refuted |= (log_mean_exp(capital) >= math.log(2 / ALPHA)).any(axis=1)
    return refuted


def _false_winners(runs: int) -> Iterator[Row]:
    for spread in SPREADS:
        classes, case = _classes(runs, 0.5, spread, MOST_RATERS), f"equal models, spread {spread:g}"
        called = float(_ever_refuted(classes, 0.5).mean())
        yield _rate(case, f"a winner at any of {MOST_RATERS} looks", called, "<= 5%")
        yield _rate(case, "a winner at one look at 40 raters", _share_with(classes[:, :40], Outcome.PREFERRED))


def _power(runs: int) -> Iterator[Row]:
    for share in (0.6, 0.7):
        for spread in SPREADS:
            classes, case = _classes(runs, share, spread, 80), f"{share:.0%} for the first model, spread {spread:g}"
            for raters in (20, 40, 80):
                yield _rate(case, f"called with {raters} raters", _share_with(classes[:, :raters], Outcome.PREFERRED))


def _interval_coverage(runs: int) -> Iterator[Row]:
    for share in (0.5, 0.7, 0.9):
        held = 1 - float(_ever_refuted(_classes(runs, share, 0.5, MOST_RATERS), share).mean())
        case = f"{share:.0%} for the first model, spread 0.5"
        yield _rate(case, f"interval true at all of {MOST_RATERS} looks", held, ">= 95%")


def _alike(runs: int) -> Iterator[Row]:
    for share, ties, promise in ((0.5, 0.0, ""), (0.52, 0.0, ""), (0.56, 0.0, "<= 5%"), (0.6, 0.9, "")):
        alike = _share_with(_classes(runs, share, 0.0, 400, ties), Outcome.ALIKE)
        yield _rate(f"{share:.0%} of decisive votes, {ties:.0%} ties", "alike with 400 raters", alike, promise)


def _changes(runs: int) -> Iterator[Row]:
    """Whether early and late raters are said to differ."""
    for share in (0.5, 0.7):
        classes = _classes(runs, share, 0.5, 100)
        looks = [
            [_has_outcome(scores[:look], Outcome.RATERS_CHANGED) for look in range(12, 101, 4)] for scores in classes
        ]
        changed = float(np.mean(list(map(any, looks))))
        yield _rate(f"{share:.0%} all along, spread 0.5", "raters changed at any look up to 100", changed, "<= 5%")
    for size in (20, 40):
        generator = np.random.default_rng(_SEED)
        halves = [[_class_scores(generator, share, 0.5, size) for share in (0.7, 0.3)] for _ in range(runs)]
        changed = _share_with(np.array(halves).reshape(runs, 2 * size), Outcome.RATERS_CHANGED)
        yield _rate(f"{size} raters at 70%, then {size} at 30%", "raters changed", changed)


def _forecasts(runs: int) -> Iterator[Row]:
    """Whether "about n more raters" is shown, and comes true."""
    for share in (0.5, 0.6, 0.7):
        generator, came_true = np.random.default_rng(_SEED), []
        for _ in range(runs):
            scores = _class_scores(generator, share, 0.5, 12)
            if more := make_verdict(scores).more:
                later = np.concatenate([scores, _class_scores(generator, share, 0.5, more)])
                came_true.append(make_verdict(later, is_brief=True).prefers_first == (scores.mean() > 0.5))
        case = f"{share:.0%} for the first model, 12 raters"
        yield _rate(case, "a number of raters to come is shown", len(came_true) / runs)
        if came_true:
            yield _rate(case, "it comes true where it is shown", float(np.mean(came_true)))


def _fans(runs: int) -> Iterator[Row]:
    """How often one rater in ten, who always votes for the same model, makes a preference between equal models."""
    for raters in (50, 100, 222, 1000):
        generator, fans = np.random.default_rng(_SEED), raters // 10
        equal = [_class_scores(generator, 0.5, 0.5, raters - fans, ties=0.1) for _ in range(runs)]
        classes = [generator.permutation(np.append(scores, np.ones(fans))) for scores in equal]
        called = _share_with(np.stack(classes), Outcome.PREFERRED)
        yield _rate(f"equal models, {fans} of {raters} always for the first", "a winner at the end", called, "<= 5%")
