"""Least squares in which every rater weighs the same, with intervals for votes that hang together.

Votes of one rater hang together, and so do votes on the same two answers (an item). So each estimate has two standard
errors: one from leaving out each rater in turn (jackknife), and one that takes each item as a single observation. The
one that gives the wider interval counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

MOST_GROUPS = 1000
"""Where there are more raters, they are left out in this many groups."""
_SLACK = 0.25
"""No standard error is below that of one rater's score being off by this much: raters who all agree show no spread."""
_SINGULAR = 1e-6


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval, and the two-sided p of its being 0."""

    value: float
    low: float
    high: float
    p: float


class Regression:
    """Scores on columns of covariates. `rater` and `item` are any codes; columns are an array (votes, columns)."""

    def __init__(self, score: Floats, rater: Codes, item: Codes, columns: Floats) -> None:
        import numpy as np

        number, self._item = (np.unique(codes, return_inverse=True)[1] for codes in (rater, item))
        self._weight = 1 / np.bincount(number)[number]
        self._item_weight = np.bincount(self._item, self._weight)
        self._score, self._columns = score, columns
        self._products = self._by_group(number % MOST_GROUPS, np.column_stack([columns, score]))
        within = [np.ptp(column - self._item_means(column)[self._item]) for column in columns.T]
        self._of_item = np.array(within) < _SINGULAR

    def _by_group(self, group: Codes, columns: Floats) -> Floats:
        """The weighted products of all columns with each other, by group of raters."""
        import numpy as np

        sums = [np.bincount(group, self._weight * a * b) for a in columns.T for b in columns.T]
        return np.array(sums, dtype=float).T.reshape(-1, columns.shape[1], columns.shape[1])

    def _item_means(self, values: Floats) -> Floats:
        import numpy as np

        return np.asarray(np.bincount(self._item, self._weight * values) / self._item_weight)

    def can_tell_apart(self, chosen: Sequence[int]) -> bool:
        """Whether the columns are independent of each other, whichever rater is left out."""
        import numpy as np

        products = self._products[:, chosen][:, :, chosen]
        eigenvalues = np.linalg.eigvalsh(products.sum(axis=0) - products)
        return bool((eigenvalues[:, 0] > _SINGULAR * eigenvalues[:, -1]).all())

    def can_add(self, column: int, chosen: Sequence[int], spare: int = 1) -> bool:
        """Whether the column can be told apart from the chosen ones, and leaves enough items to judge it by."""
        more = [*chosen, column]
        return self.can_tell_apart(more) and (not self._of_item[column] or self._spare_items(more) >= spare)

    def _spare_items(self, chosen: Sequence[int]) -> int:
        """How many more items there are than columns that only differ from item to item."""
        return len(self._item_weight) - int(self._of_item[chosen].sum())

    def estimates(self, chosen: Sequence[int], sums: Floats) -> list[Estimate]:
        """For each row of `sums`, the sum of the chosen columns' coefficients with these factors."""
        import numpy as np
        from scipy.stats import t

        coefficients, rater_errors = self._leaving_out_raters(chosen, sums)
        errors = np.stack([rater_errors, self._between_items(chosen, sums, coefficients)])
        freedom = np.array([[len(self._products) - 1], [max(self._spare_items(chosen), 1)]])
        values = sums @ coefficients
        reach = (t.ppf(0.975, freedom) * errors).max(axis=0)
        p = 2 * t.sf(np.abs(values) / np.maximum(errors, 1e-12), freedom).max(axis=0)
        rows = np.stack([values, values - reach, values + reach, p], axis=1)
        # Rounded, so that the order in which votes were summed does not show.
        return [Estimate(*row) for row in rows.round(9).tolist()]

    def _leaving_out_raters(self, chosen: Sequence[int], sums: Floats) -> tuple[Floats, Floats]:
        """The coefficients, and the jackknife's standard errors of their sums."""
        import numpy as np

        products, moments = self._products[:, chosen][:, :, chosen], self._products[:, chosen, -1:]
        groups = len(products)
        coefficients = np.linalg.solve(products.sum(axis=0), moments.sum(axis=0))
        without = np.linalg.solve(products.sum(axis=0) - products, moments.sum(axis=0) - moments)
        spread = ((sums @ (without - coefficients))[:, :, 0] ** 2).sum(axis=0)
        errors = np.sqrt((groups - 1) / groups * spread)
        return coefficients[:, 0], np.maximum(errors, _SLACK / groups * sums.max(axis=1))

    def _between_items(self, chosen: Sequence[int], sums: Floats, coefficients: Floats) -> Floats:
        """Standard errors from the items' mean residuals; 0 for sums with columns that differ within an item."""
        import numpy as np

        of_item, spare = self._of_item[chosen], self._spare_items(chosen)
        residuals = self._item_means(self._score - self._columns[:, chosen] @ coefficients)
        variance = (self._item_weight * residuals**2).sum() / max(spare, 1)
        products = self._products[:, chosen][:, :, chosen].sum(axis=0)[of_item][:, of_item]
        kept = sums[:, of_item]
        errors = np.sqrt(variance * np.einsum("si,ij,sj->s", kept, np.linalg.inv(products), kept))
        return np.where((sums[:, ~of_item] != 0).any(axis=1), 0.0, errors)
