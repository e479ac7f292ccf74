"""All that the votes come to, as values: what page, command, endpoint and report say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.results.bias import Bias, Disputed
from arena.results.cost import Cost, PromptCost
from arena.results.selection import Filters
from arena.results.verdict import PairVerdict
from arena.statistics import PairCount, WinRate
from arena.statistics.agreement import Agreement
from arena.statistics.decision import SignTest, Verdict
from arena.votes.store import ReadReport


@dataclass(frozen=True)
class Criterion:
    """How often the pair's first model was ahead on a criterion, neither, or the second, and the verdict on that from
    the first one's side."""

    wins: int
    ties: int
    losses: int
    numbers: Verdict


@dataclass(frozen=True)
class PairResult:
    """Two models, the one that raters gave more first.

    `count` has all votes of the pair that are shown, `verdict` says which of them it rests on. `dimensions` and
    `criteria` are verdicts by name from the first one's side, corrected for how many there are.
    """

    count: PairCount
    rate: WinRate | None
    verdict: PairVerdict
    prompts: SignTest
    dimensions: Mapping[str, Verdict]
    criteria: Mapping[str, Criterion]


@dataclass(frozen=True)
class ModelResult:
    """One model against all others.

    `best_rank` to `worst_rank` (1 is the first) are the ranks that the verdicts on all pairs allow. `rating` is
    Bradley-Terry's with its interval, `elo` depends on the order of the votes; both are in Elo's unit and None where
    they mean nothing (see arena.statistics.ratings).
    """

    model: str
    wins: int
    losses: int
    ties: int
    both_bad: int
    rate: WinRate | None
    best_rank: int
    worst_rank: int
    rating: float | None = None
    rating_low: float | None = None
    rating_high: float | None = None
    elo: float | None = None

    @property
    def votes(self) -> int:
        """All votes on the model."""
        return self.wins + self.losses + self.ties + self.both_bad


Groups = Mapping[str, tuple[PairCount, ...]]
"""Counts of the pairs by the name of a group, "" for what belongs to none."""


@dataclass(frozen=True)
class Figures:
    """`votes` are those that the `filters` let pass, `repeats` those on battles that a rater had judged before,
    `suspicious` those that something speaks against, by what (see arena.results.suspicious).

    `switches` tells how many votes each filter would leave; `pairs` are in the order of their votes; `prior` is what
    made the ratings finite (0: nothing had to). `by` has the counts by dimension, category, prompt, language, source
    and room; `left_out` says which rows of the log are no votes that count.
    """

    filters: Filters
    switches: Mapping[str, int]
    votes: int
    raters: int
    prompts: int
    repeats: int
    suspicious: Mapping[str, int]
    models: tuple[ModelResult, ...]
    pairs: tuple[PairResult, ...]
    prior: float
    by: Mapping[str, Groups]
    bias: Bias
    agreement: Agreement | None
    disputed: Disputed | None
    costs: tuple[Cost, ...]
    prompt_costs: tuple[PromptCost, ...]
    left_out: ReadReport
