"""Bias of raters (side, length, Markdown) by least squares, and the first model's share with that bias removed.

Every rater has the same weight. Votes of one rater are not independent, nor are votes on the same two answers (an
item), so each estimate has two standard errors: a jackknife over raters, and one that treats each item as a single
observation. The wider interval of the two is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.statistics.confidence_sequence import Floats

Codes = NDArray[np.int64]

FEWEST_RATERS, FEWEST_VOTES = 5, 10
SURE, LARGE = 0.01, 0.2
"""An effect counts as bias if its p-value is below SURE and it moves the expected share by LARGE or more."""
_SPARE_ITEMS = 4  # further columns of a covariate are used only if there are this many more items than columns
_CONSTANT = 0
MOST_GROUPS = 1000
"""The jackknife leaves out single raters, or this many groups if there are more raters."""
_SLACK = 0.25
"""The least standard error is that of one rater's score being off by this much: unanimous raters show no spread."""
_SINGULAR = 1e-6


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval and the two-sided p-value against 0."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Adjusted:
    """`share` is the first model's expected score (0 to 1) with every covariate balanced.

    An effect (-1 to 1) is how much higher that score is with the covariate in favour of the first model than against
    it; for length, with answers that differ as much as they do on average.

    `confounded` names the covariates that cannot be separated from the model or from an earlier covariate. `share` is
    None if the model is involved. A covariate that is 0 in every vote is ignored.
    """

    share: Estimate | None
    effects: Mapping[str, Estimate]
    confounded: tuple[str, ...]

    @property
    def swapped(self) -> Adjusted:
        """The same for the other model: the effects stay, since each favours a model and its score."""
        share = self.share
        return replace(self, share=share and Estimate(1 - share.value, 1 - share.high, 1 - share.low, share.p))


def difference(first: Floats, second: Floats) -> Floats:
    """A covariate from two amounts per vote, as an array (votes, 2): sign and relative size of their difference.

    The sign fits raters who always choose the longer answer, the relative size raters who like it more the longer it
    is. Either alone would leave a false winner among raters of the other kind.
    """
    # As floats, since unsigned integers have no negative difference.
    gap, total = np.subtract(first, second, dtype=float), np.add(first, second, dtype=float)
    relative = np.divide(gap, total, out=np.zeros(len(total)), where=total > 0)
    return np.column_stack([np.sign(relative), relative])


def adjust(score: Floats, rater: Codes, covariates: Mapping[str, Floats], item: Codes | None = None) -> Adjusted | None:
    """The adjusted share and the effects, or None with fewer than FEWEST_RATERS raters or FEWEST_VOTES votes.

    `score` is 1 if the first model won, 0 if the second did, 0.5 for ties. A covariate has one column or several (see
    `difference`), the first of which gives the direction; 0 is balanced, and swapping the models flips the sign. Votes
    on the same two answers share an `item`; by default each vote is its own item.
    """
    if len(np.unique(rater)) < FEWEST_RATERS or len(score) < FEWEST_VOTES:
        return None
    names, columns = _columns(covariates, len(score))
    items = np.arange(len(score)) if item is None else item
    regression = Regression(np.asarray(score, dtype=float) - 0.5, rater, items, columns)
    chosen, confounded, has_share = _choose(regression, names)
    used = list(dict.fromkeys(names[column] for column in chosen))
    sums = np.array([[(1.0 + bool(name)) * (names[column] == name) for column in chosen] for name in used])
    share, *effects = regression.estimates(chosen, sums)
    return Adjusted(
        _clipped(share, 0.5, 0.0) if has_share else None,
        {name: _clipped(effect, 0.0, -1.0) for name, effect in zip(used[1:], effects, strict=True)},
        confounded,
    )


def swayed_by(adjusted: Adjusted) -> tuple[str, ...]:
    """The covariates with a significant and large effect."""
    return tuple(name for name, effect in adjusted.effects.items() if effect.p < SURE and abs(effect.value) >= LARGE)


def _clipped(estimate: Estimate, shift: float, least: float) -> Estimate:
    value, low, high = (min(max(end + shift, least), 1.0) for end in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def _columns(covariates: Mapping[str, Floats], votes: int) -> tuple[list[str], Floats]:
    """The columns and their names: a constant (named "") and the covariates, scaled to a mean size of 1 where not 0."""
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
    """The columns to use, the confounded covariates, and whether the share can be estimated."""
    chosen, confounded, has_share = [_CONSTANT], [], True
    directions = [names.index(name) for name in dict.fromkeys(names[1:])]
    for column in directions:
        if regression.can_add(column, chosen):
            chosen.append(column)
        else:
            confounded.append(names[column])
            # A column that is independent of the other covariates is confounded with the model itself.
            has_share = has_share and not regression.are_independent([*chosen[1:], column])
    for column in range(1, len(names)):
        is_further = column not in directions and names[column] not in confounded
        if is_further and regression.can_add(column, chosen, _SPARE_ITEMS):
            chosen.append(column)
    return chosen, tuple(confounded), has_share


class Regression:
    """Scores regressed on `columns`, an array (votes, columns). `rater` and `item` are any codes."""

    def __init__(self, score: Floats, rater: Codes, item: Codes, columns: Floats) -> None:
        number, self._item = (np.unique(codes, return_inverse=True)[1] for codes in (rater, item))
        self._weight = 1 / np.bincount(number)[number]
        self._item_weight = np.bincount(self._item, self._weight)
        self._score, self._columns = score, columns
        # The weighted products of all pairs of columns and the score, by group of raters.
        group, factors = number % MOST_GROUPS, [*columns.T, score]
        sums = [np.bincount(group, self._weight * a * b) for a in factors for b in factors]
        self._products = np.array(sums, dtype=float).T.reshape(-1, len(factors), len(factors))
        within = [np.ptp(column - self._item_means(column)[self._item]) for column in columns.T]
        self._of_item = np.array(within) < _SINGULAR

    def _item_means(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._item, self._weight * values) / self._item_weight)

    def are_independent(self, chosen: Sequence[int]) -> bool:
        """Whether the columns are linearly independent, whichever rater is left out."""
        products = self._products[:, chosen][:, :, chosen]
        eigenvalues = np.linalg.eigvalsh(products.sum(axis=0) - products)
        return bool((eigenvalues[:, 0] > _SINGULAR * eigenvalues[:, -1]).all())

    def can_add(self, column: int, chosen: Sequence[int], spare: int = 1) -> bool:
        """Whether the column is independent of the chosen ones and leaves enough items to estimate it."""
        more = [*chosen, column]
        return self.are_independent(more) and (not self._of_item[column] or self._spare_items(more) >= spare)

    def _spare_items(self, chosen: Sequence[int]) -> int:
        """How many more items there are than columns that vary only between items."""
        return len(self._item_weight) - int(self._of_item[chosen].sum())

    def estimates(self, chosen: Sequence[int], sums: Floats) -> list[Estimate]:
        """Estimates of linear combinations of the coefficients: each row of `sums` holds the factors of one."""
        from scipy.stats import t

        coefficients, rater_errors = self._jackknife(chosen, sums)
        errors = np.stack([rater_errors, self._item_errors(chosen, sums, coefficients)])
        freedom = np.array([[len(self._products) - 1], [max(self._spare_items(chosen), 1)]])
        values = sums @ coefficients
        reach = (t.ppf(0.975, freedom) * errors).max(axis=0)
        p = 2 * t.sf(np.abs(values) / np.maximum(errors, 1e-12), freedom).max(axis=0)
        rows = np.stack([values, values - reach, values + reach, p], axis=1)
        # Rounded, so that the order in which votes were summed has no effect.
        return [Estimate(*row) for row in rows.round(9).tolist()]

    def _jackknife(self, chosen: Sequence[int], sums: Floats) -> tuple[Floats, Floats]:
        """The coefficients, and the jackknife standard errors of the combinations."""
        products, moments = self._products[:, chosen][:, :, chosen], self._products[:, chosen, -1:]
        groups = len(products)
        coefficients = np.linalg.solve(products.sum(axis=0), moments.sum(axis=0))
        without = np.linalg.solve(products.sum(axis=0) - products, moments.sum(axis=0) - moments)
        spread = ((sums @ (without - coefficients))[:, :, 0] ** 2).sum(axis=0)
        errors = np.sqrt((groups - 1) / groups * spread)
        return coefficients[:, 0], np.maximum(errors, _SLACK / groups * sums.max(axis=1))

    def _item_errors(self, chosen: Sequence[int], sums: Floats, coefficients: Floats) -> Floats:
        """Standard errors from the items' mean residuals; 0 for combinations with columns that vary within an item."""
        of_item, spare = self._of_item[chosen], self._spare_items(chosen)
        residuals = self._item_means(self._score - self._columns[:, chosen] @ coefficients)
        variance = (self._item_weight * residuals**2).sum() / max(spare, 1)
        products = self._products[:, chosen][:, :, chosen].sum(axis=0)[of_item][:, of_item]
        factors = sums[:, of_item]
        errors = np.sqrt(variance * np.einsum("si,ij,sj->s", factors, np.linalg.inv(products), factors))
        return np.where((sums[:, ~of_item] != 0).any(axis=1), 0.0, errors)
