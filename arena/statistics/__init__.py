"""Statistics of votes: counts, win rates and sign tests here; verdicts, ratings and bias in modules of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class WinRate:
    """Wins among decisive votes with a 95% Wilson interval, each from 0 to 1."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class PairCount:
    """The votes on two models, whichever side they were on."""

    first: str
    second: str
    first_wins: int = 0
    second_wins: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def models(self) -> frozenset[str]:
        """Both models."""
        return frozenset((self.first, self.second))

    @property
    def votes(self) -> int:
        """All votes on the pair."""
        return self.first_wins + self.second_wins + self.ties + self.both_bad

    @property
    def decisive(self) -> int:
        """The votes that prefer one model."""
        return self.first_wins + self.second_wins

    def seen_from(self, model: str) -> PairCount:
        """The same votes with `model`, one of the two, as the first."""
        if model == self.first:
            return self
        return PairCount(self.second, self.first, self.second_wins, self.first_wins, self.ties, self.both_bad)

    def win_rate(self) -> WinRate | None:
        """How often `first` won among the decisive votes; None if there are none."""
        return wilson(self.first_wins, self.decisive) if self.decisive else None


def total(model: str, counts: Iterable[PairCount]) -> PairCount:
    """The votes on `model` as the first, and everything else as the second."""
    own = [count.seen_from(model) for count in counts if model in count.models]
    cells = [(count.first_wins, count.second_wins, count.ties, count.both_bad) for count in own]
    return PairCount(model, "", *map(sum, zip(*cells, strict=True)))


def wilson(wins: int, decisive: int) -> WinRate:
    """The Wilson score interval at 95% for `wins` of `decisive` votes."""
    from scipy.stats import binomtest

    interval = binomtest(wins, decisive).proportion_ci(0.95, method="wilson")
    return WinRate(wins / decisive, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class SignTest:
    """How many prompts the `first` model leads on, the `second`, and neither; `p` is two-sided."""

    first: int
    second: int
    even: int
    p: float


def sign_test(margins: Iterable[float]) -> SignTest:
    """The sign test over prompts; `margins` are the first model's wins minus its losses on each prompt."""
    from scipy.stats import binomtest

    signs = [(margin > 0) - (margin < 0) for margin in margins]
    first, second = signs.count(1), signs.count(-1)
    p = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    return SignTest(first, second, signs.count(0), p)
