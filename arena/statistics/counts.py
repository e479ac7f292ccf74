"""What votes show, as numbers. Knows no page and no file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from arena.types import Vote, Winner


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


@dataclass(frozen=True)
class Counts:
    """Votes by pair, most votes first: all, and `clean`, without the `leaked` ones, whose answers told who wrote
    them."""

    pairs: tuple[PairCount, ...] = ()
    clean: tuple[PairCount, ...] = ()
    leaked: int = 0


def count_votes(votes: Iterable[Vote]) -> Counts:
    """The counts of all the votes. Repeats measure consistency and are left out."""
    pairs: dict[tuple[str, str], PairCount] = {}
    clean: dict[tuple[str, str], PairCount] = {}
    leaked = 0
    for vote in votes:
        if not vote.repeat_of:
            _count(pairs, vote)
            leaked += bool(vote.leaked)
            if not vote.leaked:
                _count(clean, vote)
    return Counts(_sorted(pairs.values()), _sorted(clean.values()), leaked)


def _count(pairs: dict[tuple[str, str], PairCount], vote: Vote) -> None:
    models = (vote.battle.a.model.id, vote.battle.b.model.id)
    first, second = sorted(models)
    pair = pairs.get((first, second), PairCount(first, second))
    pairs[first, second] = _with(pair, vote.winner, swapped=models[0] != first)


def _sorted(pairs: Iterable[PairCount]) -> tuple[PairCount, ...]:
    return tuple(sorted(pairs, key=lambda pair: (-pair.votes, pair.first, pair.second)))


def _with(pair: PairCount, winner: Winner, swapped: bool) -> PairCount:
    match winner:
        case Winner.TIE:
            return replace(pair, ties=pair.ties + 1)
        case Winner.BOTH_BAD:
            return replace(pair, both_bad=pair.both_bad + 1)
    if (winner is Winner.MODEL_A) != swapped:
        return replace(pair, first_wins=pair.first_wins + 1)
    return replace(pair, second_wins=pair.second_wins + 1)


def wilson(wins: int, decisive: int) -> WinRate:
    """The Wilson score interval at 95 % for `wins` of `decisive` votes (scipy's)."""
    from scipy.stats import binomtest

    interval = binomtest(wins, decisive).proportion_ci(0.95, method="wilson")
    return WinRate(wins / decisive, float(interval.low), float(interval.high))
