"""What may have swayed the raters, and how far they agree with each other and with themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.results.selection import FIRST, View, outcomes, paired
from arena.results.suspicious import repeated
from arena.statistics.agreement import Agreement, agreement
from arena.types import Winner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.votes.table import Column, Mask, Table


@dataclass(frozen=True)
class Share:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True)
class Split:
    """What the first of two models was given on average, ties counting one half, in `more_votes` votes where it stood
    left, or its answer was longer or had more Markdown, and in `less_votes` where it was the other way round."""

    more: float
    more_votes: int
    less: float
    less_votes: int


@dataclass(frozen=True)
class Bias:
    """Shares that would be one half, or none, if nothing but the answers mattered.

    `left_wins` and `longer_wins` are of decisive votes, the latter of those on answers of unequal length. `early` and
    `late` are of the votes of raters before and after the middle of their time: how many were decisive, and how often
    the first model won (None unless there are just two). `leaked` is of the votes on answers that were looked through,
    `consistent` of the repeated battles that were judged before. `splits` are of the only two models, by `side`,
    `length` and `markdown`, as far as both cases came up.
    """

    left_wins: Share
    longer_wins: Share
    early: Share
    late: Share
    early_wins: Share | None
    late_wins: Share | None
    leaked: Share
    consistent: Share
    splits: Mapping[str, Split]


@dataclass(frozen=True)
class Disputed:
    """The prompt (its id, "" for one of a rater's own) on whose answers raters agreed least: how often two of them,
    drawn at random, said different things of the same two answers, among so many votes."""

    prompt: str
    share: float
    votes: int


def bias_of(view: View, votes: Table) -> Bias:
    """What the votes show of it; `votes` has the repeats as well."""
    table, decisive = view.table, view.decisive
    a_won = table["winner"] == list(Winner).index(Winner.MODEL_A)
    unequal = decisive & (table["length_a"] != table["length_b"])
    longer = a_won == (table["length_a"] > table["length_b"])
    early, late = _halves(view)
    two = len(view.pairs) == 1
    first_won = view.outcome == FIRST
    return Bias(
        left_wins=_share(a_won, decisive),
        longer_wins=_share(longer, unequal),
        early=_share(decisive, early),
        late=_share(decisive, late),
        early_wins=_share(first_won, early & decisive) if two else None,
        late_wins=_share(first_won, late & decisive) if two else None,
        leaked=_share(table["leaked"] == 1, table["leaked"] >= 0),
        consistent=_consistency(votes),
        splits=_splits(view) if two else {},
    )


def _share(having: Mask, among: Mask) -> Share:
    return Share(int((having & among).sum()), int(among.sum()))


def _halves(view: View) -> tuple[Mask, Mask]:
    """The votes before and after the middle of their rater's own votes in time."""
    import numpy as np

    judge, time, size = view.table["judge"], view.table["time"], len(view.table.judge_hashes)
    # From the first vote on: large numbers would blur the mean.
    since = time - (time.min() if len(time) else 0.0)
    number = np.maximum(np.bincount(judge, minlength=size), 1)
    middle = (np.bincount(judge, since, minlength=size) / number)[judge]
    named = view.table.judge_hashes[judge] != 0
    return named & (since < middle - 1e-3), named & (since > middle + 1e-3)


def _consistency(votes: Table) -> Share:
    """Repeats that were judged as the battle that they repeat was."""
    before, again = repeated(votes)
    said = outcomes(votes, paired(votes)[2])
    return Share(int((said[before] == said[again]).sum()), len(again))


def _splits(view: View) -> dict[str, Split]:
    found = {}
    for name, (first, second) in covariates(view).items():
        more, less = view.points[first > second], view.points[first < second]
        if len(more) and len(less):
            found[name] = Split(float(more.mean()), len(more), float(less.mean()), len(less))
    return found


def covariates(view: View) -> dict[str, tuple[Column, Column]]:
    """What may sway raters, for the pair's first model and its second: standing left, length, marks of Markdown."""
    left = view.first_is_a.astype(float)
    return {"side": (left, 1 - left), "length": view.of_first("length"), "markdown": view.of_first("markdown")}


def agreement_of(view: View) -> Agreement | None:
    """How far raters who judged the same two answers agree; see `arena.statistics.agreement`."""
    return agreement(_numbered(view.units), view.outcome)


def most_disputed(view: View) -> Disputed | None:
    """None where no two answers were judged twice, and where all agreed on all."""
    import numpy as np

    if not len(view):
        return None
    unit = _numbered(view.units)
    cells = np.bincount(unit * 4 + view.outcome, minlength=4 * (int(unit.max()) + 1)).reshape(-1, 4)
    votes = cells.sum(axis=1)
    couples = votes * (votes - 1) / 2
    apart = couples - (cells * (cells - 1) / 2).sum(axis=1)
    prompt = np.zeros(len(cells), dtype=np.int64)
    prompt[unit] = view.table["prompt"]
    size = len(view.table.names["prompt"])
    by_prompt, all_couples = np.bincount(prompt, apart, size), np.bincount(prompt, couples, size)
    number = np.bincount(prompt, votes * (votes > 1), size)
    if not by_prompt.any():
        return None
    names = view.table.names["prompt"]
    shares = {names[code]: by_prompt[code] / all_couples[code] for code in np.flatnonzero(all_couples).tolist()}
    # By name where two are alike, so that the order of the votes does not matter.
    worst = min(shares, key=lambda name: (-shares[name], name))
    return Disputed(worst, float(shares[worst]), int(number[names.index(worst)]))


def _numbered(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    import pandas as pd

    codes: NDArray[np.int64] = pd.factorize(hashes)[0]
    return codes
