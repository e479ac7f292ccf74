"""All that the votes come to, as values: what the page, the command and the endpoint tell. Knows no words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena.results.bias import Bias, Disputed
from arena.results.cost import Cost, PromptCost
from arena.results.view import Filters
from arena.statistics import PairCount, WinRate
from arena.statistics.agreement import Agreement
from arena.statistics.sequential import Interval
from arena.statistics.verdict import Call, SignTest, Verdict


@dataclass(frozen=True)
class PairResult:
    """Two models; the one with more wins first. `anytime` is the interval of the win rate that stays true however often
    one looks, if votes are independent; the verdict takes each rater as one. `under_way` raters are not in it yet."""

    count: PairCount
    rate: WinRate | None
    anytime: Interval
    verdict: Verdict
    under_way: int
    prompts: SignTest

    @property
    def preferred(self) -> str | None:
        """The model that raters prefer, if that can be called."""
        if self.verdict.call is not Call.CALL_IT:
            return None
        return self.count.first if self.verdict.interval.low > 0.5 else self.count.second


@dataclass(frozen=True)
class ModelResult:
    """One model against all others. `rank` is 1 for the best, equal ones share it, None where models never met.

    `rating` is Bradley-Terry's with its interval by resampling raters, `elo` depends on the order of the votes; both
    are in Elo's unit and None where they mean nothing (see arena.statistics.ratings).
    """

    model: str
    wins: int
    losses: int
    ties: int
    both_bad: int
    rate: WinRate | None
    anytime: Interval
    rank: int | None = None
    rating: float | None = None
    rating_low: float | None = None
    rating_high: float | None = None
    elo: float | None = None

    @property
    def votes(self) -> int:
        """All votes on the model."""
        return self.wins + self.losses + self.ties + self.both_bad

    @property
    def decisive(self) -> int:
        """Those that prefer one of two."""
        return self.wins + self.losses


Groups = Mapping[str, tuple[PairCount, ...]]
"""Counts of the pairs by the name of a group, "" for what belongs to none."""


@dataclass(frozen=True)
class Skipped:
    """A row that is no vote: its file, the line it begins at (from 1), and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Figures:
    """`votes` are those that count under the `filters`, `repeats` those on battles that a rater had judged before.

    `switches` tells how many votes each filter would leave; `pairs` are in the order of their votes; `prior` is what
    made the ratings finite (0: nothing had to). `by` has the counts by dimension, category, prompt, language, source
    and room. `skipped` rows could not be read; `duplicates` are second votes of one rater on one battle.
    """

    filters: Filters
    switches: Mapping[str, int]
    votes: int
    raters: int
    prompts: int
    repeats: int
    models: tuple[ModelResult, ...]
    pairs: tuple[PairResult, ...]
    prior: float
    by: Mapping[str, Groups]
    bias: Bias
    agreement: Agreement | None
    disputed: Disputed | None
    costs: tuple[Cost, ...]
    prompt_costs: tuple[PromptCost, ...]
    skipped: Sequence[Skipped]
    duplicates: int
    withdrawn: int
    unfinished: int
