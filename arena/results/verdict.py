"""The one verdict on two models, which page, command, API and report all show; overall, by dimension, by criterion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from arena.results.bias import covariates
from arena.results.raters import Raters, Scores
from arena.results.selection import View
from arena.statistics.confidence_sequence import ALPHA
from arena.statistics.decision import Outcome, Verdict, make_verdict
from arena.statistics.regression import Adjusted, adjust, difference, swayed_by
from arena.types import CRITERIA
from arena.votes.table import Column, Mask

_NOTICEABLE = 1.1  # the ratio of lengths that a reader notices


class Basis(StrEnum):
    """The votes a verdict rests on: blind votes on answers that revealed no model, or else all votes.

    SIGHTED and LEAKED mean all votes: some with the names shown, or all blind but on answers that revealed a model.
    """

    BLIND = "blind"
    SIGHTED = "sighted"
    LEAKED = "leaked"


@dataclass(frozen=True)
class Conclusion:
    """The short form of a verdict: the outcome and the preferred model, if any."""

    outcome: Outcome
    preferred: str | None


@dataclass(frozen=True)
class PairVerdict:
    """The verdict on two models; `first` is the one with the larger share.

    It rests on `votes` on `prompts` prompts by `numbers.raters` raters; `ties` (of either kind) count half. `sighted`
    votes (names shown) and `leaked` votes (an answer revealed its model) are not part of it unless there are no others
    (see `basis`). `with_others` is the conclusion that includes them, `without_suspicious` the one that excludes the
    `suspicious` votes, each None if there are no such votes. `under_way` raters with `votes_under_way` votes have not
    finished and do not count yet.

    `adjusted` is the share with length, side and Markdown balanced; `swayed_by` names those of them that bias the
    votes. `confounded` names those that cannot be separated from the model because `first` had more (True) or less
    (False) in every vote.
    """

    first: str
    second: str
    numbers: Verdict
    votes: int = 0
    ties: int = 0
    prompts: int = 0
    basis: Basis = Basis.BLIND
    sighted: int = 0
    leaked: int = 0
    with_others: Conclusion | None = None
    suspicious: int = 0
    without_suspicious: Conclusion | None = None
    under_way: int = 0
    votes_under_way: int = 0
    adjusted: Adjusted | None = None
    swayed_by: tuple[str, ...] = ()
    confounded: Mapping[str, bool] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """The outcome of the verdict."""
        return self.numbers.outcome

    @property
    def preferred(self) -> str | None:
        """The preferred model, if there is one."""
        return self.conclusion.preferred

    @property
    def conclusion(self) -> Conclusion:
        """The short form."""
        return conclude(self.numbers, self.first, self.second)

    def numbers_of(self, model: str) -> Verdict:
        """The numbers from the side of one of the two models."""
        return self.numbers if model == self.first else self.numbers.swapped


@dataclass(frozen=True)
class CriterionResult:
    """How often the pair's first model was better on a criterion, neither, or the second, and the verdict on that."""

    wins: int
    ties: int
    losses: int
    numbers: Verdict


def conclude(numbers: Verdict, first: str, second: str) -> Conclusion:
    """The short form of a verdict on two models."""
    return Conclusion(numbers.outcome, {True: first, False: second, None: None}[numbers.prefers_first])


def judge_pair(view: View, index: int, raters: Raters, alpha: float = ALPHA) -> PairVerdict:
    """The verdict on one of the view's pairs. `alpha` is the chance of a false preference, however often one looks."""
    here = view.pair == index
    basis, rows = _basis(view, here)
    scores = raters.scores(rows, view.points)
    numbers = _verdict(scores, alpha, is_brief=False)
    first, second = pair = view.pairs[index]
    order = _canonical_order(view, scores.rows)
    columns = {name: (a[order], b[order]) for name, (a, b) in covariates(view).items()}
    adjusted = adjust(
        view.points[order],
        view.table.judge_hashes[view.table["judge"][order]],
        {name: difference(*amounts) for name, amounts in columns.items()},
        view.units[order],
    )
    confounded = _noticeable(columns, adjusted.confounded) if adjusted else {}
    if numbers.share is not None and numbers.share < 0.5:
        numbers, first, second = numbers.swapped, second, first
        adjusted = adjusted and adjusted.swapped
        confounded = {name: not has_more for name, has_more in confounded.items()}

    def conclusion_from(others: Mask) -> Conclusion:
        return conclude(_verdict(raters.scores(others, view.points), alpha), *pair)

    suspicious = view.table["suspicious"] & scores.rows
    return PairVerdict(
        first,
        second,
        numbers,
        votes=int(scores.rows.sum()),
        ties=int((scores.rows & ~view.decisive).sum()),
        prompts=len(np.unique(view.table["asked"][scores.rows])),
        basis=basis,
        sighted=int((here & ~view.table["blind"]).sum()),
        leaked=int((here & view.table["blind"] & (view.table["leaked"] == 1)).sum()),
        with_others=conclusion_from(here) if int(rows.sum()) < int(here.sum()) else None,
        suspicious=int(suspicious.sum()),
        without_suspicious=conclusion_from(rows & ~view.table["suspicious"]) if suspicious.any() else None,
        under_way=scores.under_way,
        votes_under_way=int(rows.sum() - scores.rows.sum()),
        adjusted=adjusted,
        swayed_by=swayed_by(adjusted) if adjusted else (),
        confounded=confounded,
    )


def _basis(view: View, here: Mask) -> tuple[Basis, Mask]:
    rows = here & view.blind_unleaked
    if rows.any():
        return Basis.BLIND, rows
    return (Basis.LEAKED if view.table["blind"][here].all() else Basis.SIGHTED), here


def _canonical_order(view: View, rows: Mask) -> NDArray[np.int64]:
    """The indices of the rows in an order that does not depend on the order of the log."""
    table, indices = view.table, np.flatnonzero(rows)
    keys = [table[name][indices] for name in ("time", "vote", "battle")]
    return indices[np.lexsort((*keys, table.judge_hashes[table["judge"][indices]]))]


def _noticeable(columns: Mapping[str, tuple[Column, Column]], confounded: Collection[str]) -> dict[str, bool]:
    """The confounded covariates with a difference that a reader would notice in every vote."""
    result = {}
    for name in confounded:
        leading, other = columns[name]
        if (leading > _NOTICEABLE * other).all() or (other > _NOTICEABLE * leading).all():
            result[name] = bool(leading[0] > other[0])
    return result


def dimension_verdicts(view: View, index: int, raters: Raters, alpha: float) -> dict[str, Verdict]:
    """A verdict by dimension ("" is no dimension) on the votes that the pair's verdict rests on. They share alpha."""
    rows = _basis(view, view.pair == index)[1]
    column, names = view.table["dimension"], view.table.names["dimension"]
    codes = np.unique(column[rows]).tolist()
    return {
        names[code]: _verdict(raters.scores(rows & (column == code), view.points), alpha / len(codes)) for code in codes
    }


def criterion_results(view: View, index: int, raters: Raters, alpha: float) -> dict[str, CriterionResult]:
    """The same by criterion, for those with judgements, with their counts."""
    basis = _basis(view, view.pair == index)[1]
    results = {}
    for name in CRITERIA:
        is_judged, points = view.criterion(name)
        rows = basis & is_judged
        if rows.any():
            wins, ties, losses = (int((points[rows] == value).sum()) for value in (1.0, 0.5, 0.0))
            numbers = _verdict(raters.scores(rows, points), alpha / len(CRITERIA))
            results[name] = CriterionResult(wins, ties, losses, numbers)
    return results


def _verdict(scores: Scores, alpha: float, is_brief: bool = True) -> Verdict:
    """The verdict; it is too early if there are votes but no rater has finished."""
    if scores.under_way and not len(scores.values):
        return Verdict(Outcome.NOT_YET)
    return _verdict_on(scores.values.tobytes(), alpha, is_brief)


@lru_cache(maxsize=2048)
def _verdict_on(scores: bytes, alpha: float, is_brief: bool) -> Verdict:
    """The verdict on scores as bytes: of many pairs, most have no new votes since results were last computed."""
    return make_verdict(np.frombuffer(scores), alpha, is_brief)
