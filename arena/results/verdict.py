"""The one verdict on two models: what page, command, API and report say of who is preferred."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from arena.results.bias import covariates
from arena.results.scores import Raters
from arena.results.selection import View
from arena.statistics.adjusted import Adjusted, adjust, difference, swayed_by
from arena.statistics.decision import Outcome, Verdict, make_verdict
from arena.statistics.sequential import ALPHA, Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.votes.table import Column, Mask


_NOTICED = 1.1  # a reader notices an answer that is this many times as long


class Basis(StrEnum):
    """Which votes a verdict rests on: blind ones on answers that named no model, or, where there are none of these, all
    votes, given with the names shown or on answers that told them."""

    BLIND = "blind"
    SIGHTED = "sighted"
    LEAKED = "leaked"


@dataclass(frozen=True)
class Said:
    """What other votes would say: an outcome, and the model preferred, if any."""

    outcome: Outcome
    preferred: str | None


@dataclass(frozen=True)
class PairVerdict:
    """The verdict on two models, `first` being the one that raters gave more.

    It rests on `votes` of `numbers.raters` raters, `ties` of them ties of either kind, which count one half. `sighted`
    votes (names shown) and `leaked` ones (answers that named a model) are not in it unless they are all there is (see
    `basis`); with them it would be `with_others`, without the `suspicious` ones `without_suspicious`, each None where
    there are none. `under_way` raters, who gave `votes_under_way`, are not done yet.

    `adjusted` is the share with length, side and Markdown evened out, `swayed_by` those of them that explain the votes.
    `one_way` names those of which `first` had more (true) or less (false) in every vote, so that nothing can tell them
    from the model itself.
    """

    first: str
    second: str
    numbers: Verdict
    votes: int = 0
    ties: int = 0
    basis: Basis = Basis.BLIND
    sighted: int = 0
    leaked: int = 0
    with_others: Said | None = None
    suspicious: int = 0
    without_suspicious: Said | None = None
    under_way: int = 0
    votes_under_way: int = 0
    adjusted: Adjusted | None = None
    swayed_by: tuple[str, ...] = ()
    one_way: Mapping[str, bool] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What can be said; see arena.statistics.decision."""
        return self.numbers.outcome

    @property
    def preferred(self) -> str | None:
        """The model that raters prefer, if that can be called."""
        return _preferred(self.numbers, self.first, self.second)

    @property
    def said(self) -> Said:
        """The verdict in short."""
        return Said(self.outcome, self.preferred)

    @property
    def interval(self) -> Interval:
        """Where the share of `first` lies."""
        return self.numbers.interval


def judge_pair(view: View, number: int, raters: Raters, alpha: float = ALPHA) -> PairVerdict:
    """The verdict on one of the view's pairs. `alpha` is the chance of a false preference, however often one looks."""
    here = view.pair == number
    basis, rows = _basis(view, here)
    scores = raters.scores(rows, view.points)
    # There are votes: where no rater is done yet, it is too early and no more.
    numbers = make_verdict(scores.values, alpha) if len(scores.values) else Verdict(Outcome.NOT_YET)
    first, second = view.pairs[number]
    is_turned = numbers.share is not None and numbers.share < 0.5
    if is_turned:
        numbers, first, second = numbers.turned, second, first
    points = 1 - view.points if is_turned else view.points

    def said(others: Mask) -> Said:
        found = make_verdict(raters.scores(others, points).values, alpha, is_brief=True)
        return Said(found.outcome, _preferred(found, first, second))

    suspicious = view.table["suspicious"] & scores.rows
    columns = _columns(view, order := _in_order(view, scores.rows), is_turned)
    adjusted = adjust(
        points[order],
        view.table.judge_hashes[view.table["judge"][order]],
        {name: difference(*amounts) for name, amounts in columns.items()},
        view.units[order],
    )
    return PairVerdict(
        first,
        second,
        numbers,
        votes=int(scores.rows.sum()),
        ties=int((scores.rows & ~view.decisive).sum()),
        basis=basis,
        sighted=int((here & ~view.table["blind"]).sum()),
        leaked=int((here & view.table["blind"] & (view.table["leaked"] == 1)).sum()),
        with_others=said(here) if int(rows.sum()) < int(here.sum()) else None,
        suspicious=int(suspicious.sum()),
        without_suspicious=said(rows & ~view.table["suspicious"]) if suspicious.any() else None,
        under_way=scores.under_way,
        votes_under_way=int(rows.sum() - scores.rows.sum()),
        adjusted=adjusted,
        swayed_by=swayed_by(adjusted) if adjusted else (),
        one_way=_one_way(columns, adjusted.confounded) if adjusted else {},
    )


def rows_of_verdict(view: View, number: int) -> Mask:
    """The votes of one of the view's pairs that its verdict rests on, or will once their raters are done."""
    return _basis(view, view.pair == number)[1]


def _basis(view: View, here: Mask) -> tuple[Basis, Mask]:
    counted = here & view.decides
    if counted.any():
        return Basis.BLIND, counted
    return (Basis.LEAKED if view.table["blind"][here].all() else Basis.SIGHTED), here


def _preferred(verdict: Verdict, first: str, second: str) -> str | None:
    match verdict.prefers_first:
        case None:
            return None
        case is_first:
            return first if is_first else second


def _in_order(view: View, rows: Mask) -> NDArray[np.int64]:
    """The numbers of the rows in an order that does not depend on how they came."""
    import numpy as np

    table, numbers = view.table, np.flatnonzero(rows)
    keys = [table[name][numbers] for name in ("time", "vote", "battle")]
    return numbers[np.lexsort((*keys, table.judge_hashes[table["judge"][numbers]]))]


def _columns(view: View, rows: NDArray[np.int64], is_turned: bool) -> dict[str, tuple[Column, Column]]:
    """What may sway raters, for the model that is ahead and for the other."""
    found = {}
    for name, (first, second) in covariates(view).items():
        found[name] = (second[rows], first[rows]) if is_turned else (first[rows], second[rows])
    return found


def _one_way(columns: Mapping[str, tuple[Column, Column]], confounded: Collection[str]) -> dict[str, bool]:
    """Of the covariates that cannot be told from the model those that a reader would have noticed every time."""
    found = {}
    for name in confounded:
        ahead, other = columns[name]
        if (ahead > _NOTICED * other).all() or (other > _NOTICED * ahead).all():
            found[name] = bool(ahead[0] > other[0])
    return found
