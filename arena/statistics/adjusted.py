"""What besides quality decided votes (side, length, Markdown), and the first model's share with that balanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from arena.statistics.regression import Estimate, Regression

if TYPE_CHECKING:
    from arena.statistics.regression import Codes, Floats

FEWEST_RATERS, FEWEST_VOTES = 5, 10
SURE, LARGE = 0.01, 0.2
"""An effect explains votes if its p is below SURE and it moves the expected share by LARGE or more."""
_SPARE_ITEMS = 4
"""Further columns of a covariate must leave this many more pairs of answers than there are columns."""
_CONSTANT = 0


@dataclass(frozen=True)
class Adjusted:
    """`share` is the first model's expected score with every covariate balanced.

    An effect is how much higher that score is with the covariate in the first model's favour than against it, from -1
    to 1. For the length: with the first answer longer than with it shorter, by as much as answers differ on average.

    `confounded` names the covariates that cannot be told apart from the model or from an earlier covariate. There is no
    share if the model is involved. A covariate that is 0 in every vote is ignored.
    """

    share: Estimate | None
    effects: Mapping[str, Estimate]
    confounded: tuple[str, ...]
    raters: int
    votes: int


def difference(first: Floats, second: Floats) -> Floats:
    """A covariate in two columns from two amounts per vote: the sign and the relative size of their difference.

    The sign fits raters who always take the longer answer, the relative size those who like it the more, the longer it
    is. Each alone would leave a false winner among raters of the other kind.
    """
    import numpy as np

    # Not as unsigned integers, which have no negative difference.
    gap, total = np.subtract(first, second, dtype=float), np.add(first, second, dtype=float)
    relative = np.divide(gap, total, out=np.zeros(len(total)), where=total > 0)
    return np.column_stack([np.sign(relative), relative])


def adjust(score: Floats, rater: Codes, covariates: Mapping[str, Floats], item: Codes | None = None) -> Adjusted | None:
    """The adjusted share and effects; None if there are fewer raters or votes than FEWEST_RATERS and FEWEST_VOTES.

    `score` is 1 where the first model won, 0 where the second did, 0.5 for ties. A covariate has one column or, like a
    `difference`, several, the first of which gives the direction; 0 is balanced, and the sign changes with the models'
    places. Votes on the same two answers share an `item`; without it, each vote has its own.
    """
    import numpy as np

    raters = len(np.unique(rater))
    if raters < FEWEST_RATERS or len(score) < FEWEST_VOTES:
        return None
    names, columns = _columns(covariates, len(score))
    items = np.arange(len(score)) if item is None else item
    regression = Regression(np.asarray(score, dtype=float) - 0.5, rater, items, columns)
    chosen, confounded, has_share = _choose(regression, names)
    kept = list(dict.fromkeys(names[column] for column in chosen))
    sums = np.array([[(1.0 + bool(name)) * (names[column] == name) for column in chosen] for name in kept])
    share, *effects = regression.estimates(chosen, sums)
    return Adjusted(
        _clipped(share, 0.5, 0.0) if has_share else None,
        {name: _clipped(effect, 0.0, -1.0) for name, effect in zip(kept[1:], effects, strict=True)},
        confounded,
        raters,
        len(score),
    )


def swayed_by(adjusted: Adjusted) -> tuple[str, ...]:
    """The covariates that explain votes: those with a significant and large effect."""
    return tuple(name for name, effect in adjusted.effects.items() if effect.p < SURE and abs(effect.value) >= LARGE)


def _clipped(estimate: Estimate, shift: float, least: float) -> Estimate:
    value, low, high = (min(max(end + shift, least), 1.0) for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def _columns(covariates: Mapping[str, Floats], votes: int) -> tuple[list[str], Floats]:
    """A constant (named "") and the covariates' columns, each of mean size 1 over the votes that are not balanced."""
    import numpy as np

    names, columns = [""], [np.ones(votes)]
    for name, values in covariates.items():
        block = np.asarray(values, dtype=float).reshape(len(values), -1)
        unbalanced = block[:, 0] != 0
        if unbalanced.any():
            sizes = np.abs(block[unbalanced]).mean(axis=0)
            columns += [column / size for column, size in zip(block.T, sizes, strict=True) if size]
            names += [name] * (len(columns) - len(names))
    return names, np.column_stack(columns)


def _choose(regression: Regression, names: list[str]) -> tuple[list[int], tuple[str, ...], bool]:
    """The columns that can be told apart, the covariates that cannot be, and whether there is a share without them."""
    chosen, confounded, has_share = [_CONSTANT], [], True
    directions = [names.index(name) for name in dict.fromkeys(names[1:])]
    for column in directions:
        if regression.can_add(column, chosen):
            chosen.append(column)
        else:
            confounded.append(names[column])
            # A column that is apart from the other covariates cannot be told apart from the model itself.
            has_share = has_share and not regression.can_tell_apart([*chosen[1:], column])
    for column in range(1, len(names)):
        is_further = column not in directions and names[column] not in confounded
        if is_further and regression.can_add(column, chosen, _SPARE_ITEMS):
            chosen.append(column)
    return chosen, tuple(confounded), has_share
