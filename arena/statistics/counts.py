"""Counts of the votes between two models, and the win rate they come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WinRate:
    """Wins among decisive votes with a 95 % Wilson interval, each from 0 to 1."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class PairCount:
    """The votes between two models, whichever side they stood on. `first` sorts before `second`."""

    first: str
    second: str
    first_wins: int = 0
    second_wins: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def votes(self) -> int:
        """All votes of the pair."""
        return self.first_wins + self.second_wins + self.ties + self.both_bad

    def seen_from(self, model: str) -> PairCount:
        """The same votes with `model`, one of the two, first."""
        if model == self.first:
            return self
        return PairCount(self.second, self.first, self.second_wins, self.first_wins, self.ties, self.both_bad)

    @property
    def decisive(self) -> int:
        """The votes that prefer one of the two."""
        return self.first_wins + self.second_wins

    def win_rate(self) -> WinRate | None:
        """How often `first` won among the decisive votes; None without any."""
        return wilson(self.first_wins, self.decisive) if self.decisive else None


def wilson(wins: int, decisive: int) -> WinRate:
    """The Wilson score interval at 95 % for `wins` of `decisive` votes (scipy's)."""
    from scipy.stats import binomtest

    interval = binomtest(wins, decisive).proportion_ci(0.95, method="wilson")
    return WinRate(wins / decisive, float(interval.low), float(interval.high))
