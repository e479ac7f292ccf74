"""The verdicts on parts of a pair's votes: by dimension of the prompt, and by criterion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from arena.results.figures import Criterion
from arena.results.scores import Raters
from arena.results.selection import View
from arena.statistics.decision import Outcome, Verdict, make_verdict
from arena.types import CRITERIA

if TYPE_CHECKING:
    from arena.statistics.sequential import Floats
    from arena.votes.table import Mask


class Parts:
    """Parts of the `rows` that a pair's verdict rests on; if it `is_turned`, from the pair's second model's side."""

    def __init__(self, view: View, rows: Mask, raters: Raters, is_turned: bool) -> None:
        self._view = view
        self._rows = rows
        self._raters = raters
        self._is_turned = is_turned

    def dimensions(self, alpha: float) -> Mapping[str, Verdict]:
        """A verdict by dimension, of those that were voted on; "" is none. They share alpha."""
        import numpy as np

        column, names = self._view.table["dimension"], self._view.table.names["dimension"]
        codes = np.unique(column[self._rows]).tolist()
        points = self._turned(self._view.points)
        return {names[code]: self._verdict(self._rows & (column == code), points, alpha / len(codes)) for code in codes}

    def criteria(self, alpha: float) -> Mapping[str, Criterion]:
        """Counts and a verdict by criterion, of those that raters judged. They share alpha."""
        import numpy as np

        found = {}
        for name in CRITERIA:
            said = self._view.table[f"criterion_{name}"]
            rows = self._rows & (said >= 0)
            if rows.any():
                for_first = np.where(self._view.first_is_a, 2 - said, said) / 2
                points = self._turned(np.where(said >= 0, for_first, 0.5))
                numbers = self._verdict(rows, points, alpha / len(CRITERIA))
                wins, ties, losses = (int((points[rows] == value).sum()) for value in (1.0, 0.5, 0.0))
                found[name] = Criterion(wins, ties, losses, numbers)
        return found

    def _verdict(self, rows: Mask, points: Floats, alpha: float) -> Verdict:
        values = self._raters.scores(rows, points).values
        return make_verdict(values, alpha, is_brief=True) if len(values) else Verdict(Outcome.NOT_YET)

    def _turned(self, points: Floats) -> Floats:
        return 1 - points if self._is_turned else points
