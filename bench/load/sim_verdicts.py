"""How often the verdict is right on simulated classes: false winners, power, coverage, changes, promises of raters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from arena.statistics.confidence_sequence import ALPHA, BETS
from arena.statistics.decision import Outcome, first_called, make_verdict, mean_taste

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SPREADS = (0.0, 0.5, 1.0)
VOTES, MOST_RATERS = 8, 200
_SEED = 20261128


@dataclass(frozen=True)
class Rate:
    """In what share of simulated classes something came out; `promise` is what it has to keep below or above, if
    anything was promised."""

    case: str
    what: str
    share: float
    promise: str = ""


def class_scores(
    generator: np.random.Generator, share: float, spread: float, raters: int, votes: int = VOTES, ties: float = 0.0
) -> Floats:
    """One score a rater: tastes differ by `spread` in log-odds so that the first model gets `share` on average; a vote
    is a tie, which counts half, with the chance `ties`."""
    tastes = 1 / (1 + np.exp(-generator.normal(mean_taste(share, spread), spread, raters)))
    decisive = generator.binomial(votes, 1 - ties, raters)
    return np.asarray((generator.binomial(decisive, tastes) + (votes - decisive) / 2) / votes)


def verdict_table(runs: int) -> Iterator[Rate]:
    """A row for each case, of `runs` classes each."""
    yield from _false_winners(runs)
    yield from _power(runs)
    yield from _coverage(runs)
    yield from _alike(runs)
    yield from _changes(max(50, runs // 10))
    yield from _promises(max(50, runs // 4))


def _false_winners(runs: int) -> Iterator[Rate]:
    for spread in SPREADS:
        generator = np.random.default_rng(_SEED)
        scores = np.stack([class_scores(generator, 0.5, spread, MOST_RATERS) for _ in range(runs)])
        called = _ever_called(scores)
        yield Rate(f"equal models, spread {spread:g}", f"a winner at any of {MOST_RATERS} looks", called, "<= 5%")
        yield Rate(f"equal models, spread {spread:g}", "a winner at one look at 40 raters", _outcomes(scores[:, :40]))


def _power(runs: int) -> Iterator[Rate]:
    for share in (0.6, 0.7):
        for spread in SPREADS:
            generator = np.random.default_rng(_SEED)
            scores = np.stack([class_scores(generator, share, spread, 80) for _ in range(runs)])
            for raters in (20, 40, 80):
                case = f"{share:.0%} for the first model, spread {spread:g}"
                yield Rate(case, f"called with {raters} raters", _outcomes(scores[:, :raters]))


def _coverage(runs: int) -> Iterator[Rate]:
    """Of the interval at every look: the capital against the true mean must never reach its goal."""
    for share in (0.5, 0.7, 0.9):
        generator = np.random.default_rng(_SEED)
        scores = np.stack([class_scores(generator, share, 0.5, MOST_RATERS) for _ in range(runs)])
        missed = _ever_refuted(scores, share) | _ever_refuted(1 - scores, 1 - share)
        case = f"{share:.0%} for the first model, spread 0.5"
        yield Rate(case, f"interval true at all of {MOST_RATERS} looks", 1 - float(missed.mean()), ">= 95%")


def _alike(runs: int) -> Iterator[Rate]:
    for share, ties in ((0.5, 0.0), (0.52, 0.0), (0.56, 0.0), (0.6, 0.9)):
        generator = np.random.default_rng(_SEED)
        scores = [class_scores(generator, share, 0.0, 400, ties=ties) for _ in range(runs // 4)]
        found = np.mean([make_verdict(one, is_brief=True).outcome is Outcome.ALIKE for one in scores])
        case = f"{share:.0%} of decisive votes, {ties:.0%} ties"
        yield Rate(case, "alike with 400 raters", float(found), "<= 5%" if share > 0.55 and not ties else "")


def _changes(runs: int) -> Iterator[Rate]:
    def rate(make: Callable[[np.random.Generator], Floats], looks: range) -> float:
        generator = np.random.default_rng(_SEED)
        classes = [make(generator) for _ in range(runs)]
        outcomes = [
            any(make_verdict(one[:look], is_brief=True).outcome is Outcome.RATERS_CHANGED for look in looks)
            for one in classes
        ]
        return float(np.mean(outcomes))

    for share in (0.5, 0.7):
        steady = rate(lambda generator, share=share: class_scores(generator, share, 0.5, 100), range(12, 101, 4))  # type: ignore[misc]
        yield Rate(f"{share:.0%} all along, spread 0.5", "raters changed at any look up to 100", steady, "<= 5%")
    for size in (20, 40):

        def opposite(generator: np.random.Generator, size: int = size) -> Floats:
            return np.concatenate([class_scores(generator, share, 0.5, size) for share in (0.7, 0.3)])

        found = rate(opposite, range(2 * size, 2 * size + 1))
        yield Rate(f"{size} raters at 70%, then {size} at 30%", "raters changed", found)


def _promises(runs: int) -> Iterator[Rate]:
    """Whether "about n more raters" is shown, and comes true."""
    for share in (0.5, 0.6, 0.7):
        generator, shown, true = np.random.default_rng(_SEED), 0, 0
        for _ in range(runs):
            scores = class_scores(generator, share, 0.5, 12)
            verdict = make_verdict(scores)
            if verdict.more:
                shown += 1
                later = np.concatenate([scores, class_scores(generator, share, 0.5, verdict.more)])
                true += make_verdict(later, is_brief=True).prefers_first == (scores.mean() > 0.5)
        case = f"{share:.0%} for the first model, 12 raters"
        yield Rate(case, "a number of raters to come is shown", shown / runs)
        if shown:
            yield Rate(case, "it comes true where it is shown", true / shown)


def _outcomes(scores: Floats) -> float:
    return float(np.mean([make_verdict(one, is_brief=True).outcome is Outcome.PREFERRED for one in scores]))


def _ever_called(scores: Floats) -> float:
    """How often one half is refuted at any look, from either side."""
    return float((_ever_refuted(scores, 0.5) | _ever_refuted(1 - scores, 0.5)).mean())


def _ever_refuted(scores: Floats, mean: float) -> NDArray[np.bool_]:
    # A score's return on the half-way bet, moved to another mean.
    returns = scores / mean / 2
    return np.asarray(first_called(returns, np.zeros(BETS), ALPHA) <= scores.shape[1])
