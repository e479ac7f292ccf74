"""The results as values, for page, command, API and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.results.bias import Bias, Disputed
from arena.results.cost import Cost, PromptCost
from arena.results.selection import Filters
from arena.results.verdict import CriterionResult, PairVerdict
from arena.statistics import PairCount, WinRate
from arena.statistics.agreement import Agreement
from arena.statistics.decision import SignTest, Verdict
from arena.votes.store import ReadReport


@dataclass(frozen=True)
class PairResult:
    """The result of two models; `count.first` is the one with the larger share.

    `count` covers all votes on the pair that pass the filters; `verdict` may rest on fewer. `dimensions` and `criteria`
    are verdicts by name from the side of the first model, corrected for their number.
    """

    count: PairCount
    verdict: PairVerdict
    prompts: SignTest
    dimensions: Mapping[str, Verdict]
    criteria: Mapping[str, CriterionResult]


@dataclass(frozen=True)
class ModelResult:
    """The result of one model against all others.

    `best_rank` to `worst_rank` (from 1) are the ranks that the verdicts on all pairs allow. `rating` is the
    Bradley-Terry rating, `elo` depends on the order of the votes; both are on the Elo scale, None if undefined.
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
"""Counts of the pairs by group; "" is no group."""


@dataclass(frozen=True)
class Figures:
    """`votes` counts those that pass the `filters`, without the `repeats` of battles that a rater had judged before.

    `switches` is how many votes would remain with each filter on; `suspicious` counts votes by kind of suspicion.
    `pairs` are sorted by votes, most first. `prior` is the one used for the ratings, 0 if none was needed. `by` holds
    the counts by dimension, category, prompt, language, source and room. `left_out` describes the rows of the log that
    do not count.
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
