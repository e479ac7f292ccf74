"""Possible bias of the raters, and their agreement with each other and with themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arena.results.selection import FIRST, View, outcomes, pairs_of, repeats_of
from arena.types import Winner
from arena.votes.table import Column, Mask, Table

RESAMPLES = 500
MOST_PER_UNIT = 50
"""A sample of this size is used of more judgements on one unit, since the time grows with their square."""
MOST_UNITS = 5000
FEWEST = 10
_SEED = 20261128


@dataclass(frozen=True)
class Share:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; None if the total is 0."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True)
class Split:
    """The mean points of the first model when it had more of a covariate, and when it had less.

    `more_votes` votes are on its answer on the left, or longer, or with more Markdown; `less_votes` the other way.
    """

    more: float
    more_votes: int
    less: float
    less_votes: int


@dataclass(frozen=True)
class Bias:
    """Shares by name that show bias, and for two models splits by `side`, `length` and `markdown`.

    `left_wins` and `longer_wins` are shares of decisive votes, the latter of those on answers of unequal length.
    `early` and `late` are the shares of decisive votes before and after the middle of each rater's time, `early_wins`
    and `late_wins` the first model's shares of those (None unless there are exactly two models). `leaked` is the share
    of the votes whose answers were searched for model names, `consistent` that of repeated battles with the same
    outcome. A split is left out unless both cases occurred.
    """

    shares: Mapping[str, Share | None]
    splits: Mapping[str, Split]


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's nominal alpha: 1 is full agreement, 0 is chance level.

    `low` and `high` are its 95% bootstrap interval, None with too few judgements. `units` have two judgements or more.
    """

    alpha: float
    low: float | None
    high: float | None
    units: int
    judgements: int


@dataclass(frozen=True)
class Disputed:
    """The prompt (its id, "" for raters' own prompts) on which raters agree least.

    `share` is how often two random judgements of the same two answers differ, among `votes` votes.
    """

    prompt: str
    share: float
    votes: int


def bias_of(view: View, votes: Table) -> Bias:
    """The shares of the view; `votes` are the same votes including repeats."""
    table, decisive = view.table, view.decisive
    a_won = table["winner"] == list(Winner).index(Winner.MODEL_A)
    unequal = decisive & (table["length_a"] != table["length_b"])
    longer = a_won == (table["length_a"] > table["length_b"])
    early, late = _halves(view)
    is_one_pair = len(view.pairs) == 1
    first_won = view.outcome == FIRST
    shares = {
        "left_wins": _share(a_won, decisive),
        "longer_wins": _share(longer, unequal),
        "early": _share(decisive, early),
        "late": _share(decisive, late),
        "early_wins": _share(first_won, early & decisive) if is_one_pair else None,
        "late_wins": _share(first_won, late & decisive) if is_one_pair else None,
        "leaked": _share(table["leaked"] == 1, table["leaked"] >= 0),
        "consistent": _consistency(votes),
    }
    return Bias(shares, _splits(view) if is_one_pair else {})


def _share(matching: Mask, among: Mask) -> Share:
    return Share(int((matching & among).sum()), int(among.sum()))


def _halves(view: View) -> tuple[Mask, Mask]:
    """The votes before and after the mean time of their rater's votes."""
    judge, time, size = view.table["judge"], view.table["time"], len(view.table.judge_hashes)
    # Relative to the first vote, since large numbers would lose precision.
    since = time - (time.min() if len(time) else 0.0)
    number = np.maximum(np.bincount(judge, minlength=size), 1)
    middle = (np.bincount(judge, since, minlength=size) / number)[judge]
    named = view.table.judge_hashes[judge] != 0
    return named & (since < middle - 1e-3), named & (since > middle + 1e-3)


def _consistency(votes: Table) -> Share:
    """Repeats with the same outcome as the battle they repeat."""
    before, again = repeats_of(votes)
    outcome = outcomes(votes, pairs_of(votes)[2])
    return Share(int((outcome[before] == outcome[again]).sum()), len(again))


def _splits(view: View) -> dict[str, Split]:
    splits = {}
    for name, (first, second) in covariates(view).items():
        more, less = view.points[first > second], view.points[first < second]
        if len(more) and len(less):
            splits[name] = Split(float(more.mean()), len(more), float(less.mean()), len(less))
    return splits


def covariates(view: View) -> dict[str, tuple[Column, Column]]:
    """What may bias raters, for the pair's first model and its second: being on the left, length, Markdown."""
    left = view.first_is_a.astype(float)
    return {"side": (left, 1 - left), "length": view.by_model("length"), "markdown": view.by_model("markdown")}


def agreement_of(view: View) -> Agreement | None:
    """The agreement of raters who judged the same two answers."""
    return agreement(pd.factorize(view.units)[0], view.outcome)


def most_disputed(view: View) -> Disputed | None:
    """None if no two answers were judged twice or if all judgements agree."""
    if not len(view):
        return None
    unit = pd.factorize(view.units)[0]
    cells = np.bincount(unit * 4 + view.outcome, minlength=4 * (int(unit.max()) + 1)).reshape(-1, 4)
    votes = cells.sum(axis=1)
    comparisons = votes * (votes - 1) / 2
    differing = comparisons - (cells * (cells - 1) / 2).sum(axis=1)
    names = np.empty(len(cells), dtype=object)
    names[unit] = np.array(view.table.names["prompt"], dtype=object)[view.table["prompt"]]
    counts = {"comparisons": comparisons, "differing": differing, "votes": votes * (votes > 1)}
    by_prompt = pd.DataFrame(counts).groupby(names).sum()  # sorted by name, so the order of the votes does not matter
    share = (by_prompt["differing"] / by_prompt["comparisons"]).dropna()
    if not share.any():
        return None
    worst = share.idxmax()
    return Disputed(worst, float(share[worst]), int(by_prompt["votes"][worst]))


# ---- Krippendorff's alpha, by evalica


def agreement(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> Agreement | None:
    """The agreement of judgements on units, both coded from 0.

    None if no unit was judged twice, or if all judgements are equal, when chance would agree as well.
    """
    import evalica

    twice = np.bincount(units)[units] > 1
    columns = _by_unit(units[twice], outcomes[twice])
    values = np.concatenate(columns)
    if len(np.unique(values)) < 2:
        return None
    table = np.full((max(map(len, columns)), len(columns)), np.nan)
    for index, column in enumerate(columns):
        table[: len(column), index] = column
    result = evalica.alpha_bootstrap(pd.DataFrame(table), n_resamples=RESAMPLES, random_state=_SEED)
    is_enough = len(values) >= FEWEST
    low, high = (min(result.low, result.alpha), max(result.high, result.alpha)) if is_enough else (None, None)
    return Agreement(result.alpha, low, high, len(columns), len(values))


def _by_unit(units: NDArray[np.int64], outcomes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The outcomes of each unit, at most MOST_PER_UNIT of at most MOST_UNITS, whatever the order of the votes."""
    order = np.lexsort((outcomes, units))
    groups = np.split(outcomes[order], np.flatnonzero(np.diff(units[order])) + 1)
    groups.sort(key=lambda group: (len(group), group.tobytes()))
    generator = np.random.default_rng(_SEED)
    if len(groups) > MOST_UNITS:
        groups = [groups[number] for number in generator.choice(len(groups), MOST_UNITS, replace=False)]
    return [
        group if len(group) <= MOST_PER_UNIT else generator.choice(group, MOST_PER_UNIT, replace=False)
        for group in groups
    ]
