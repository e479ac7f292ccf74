"""One score a rater: the votes of one rater are not independent of each other, raters are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from arena.results.selection import SECOND, View
from arena.votes.table import mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.statistics.sequential import Floats
    from arena.votes.table import Column, Mask

IDLE_SECONDS = 1800.0


@dataclass(frozen=True)
class Scores:
    """What each rater who is done gave a pair's first model on average, in the order in which they were done; `rows`
    are their votes. `under_way` others are not done yet."""

    values: Floats
    rows: Mask
    under_way: int = 0


class Raters:
    """The raters of a view, and which of them are done at the time `now` (Unix seconds).

    A rater is done once they have judged all that others of their room have, or half an hour after their last vote:
    neither depends on what they said. Votes that name no rater count as one rater's.
    """

    def __init__(self, view: View, now: float) -> None:
        self._view = view
        self._now = now

    def scores(self, rows: Mask, points: Floats) -> Scores:
        """The scores on some rows, of which each gives the first model `points` from 0 to 1."""
        import numpy as np

        judge, hashes = self._view.table["judge"], self._view.table.judge_hashes
        voted = np.bincount(judge[rows], minlength=len(hashes))
        given = np.bincount(judge[rows], points[rows], minlength=len(hashes))
        counted = (voted > 0) & (self._done_at <= self._now)
        # Where time does not tell, not the outcome but a hash decides who comes first.
        order = np.lexsort((hashes[counted], self._done_at[counted]))
        share = given[counted] / voted[counted]
        return Scores(share[order], rows & counted[judge], int((voted > 0).sum() - counted.sum()))

    @cached_property
    def _done_at(self) -> Floats:
        import numpy as np

        judge, time = self._view.table["judge"], self._view.table["time"]
        last = np.zeros(len(self._view.table.judge_hashes))
        np.maximum.at(last, judge, time)
        done_at = last + IDLE_SECONDS
        busy = done_at > self._now
        if busy.any():
            through = busy & self._through(busy)
            done_at[through] = last[through]
        return done_at

    def _through(self, busy: Mask) -> Mask:
        """Which of the busy raters have judged as many recorded battles as the rooms hold in which they did."""
        import numpy as np
        import pandas as pd

        table, recorded = self._view.table, _recorded(self._view)
        rooms = len(table.names["room"])
        seen = pd.Series(mixed(self._view.units[recorded], table["room"][recorded].astype("u8")))
        held = np.bincount(table["room"][recorded][~seen.duplicated().to_numpy()], minlength=rooms)
        rows = busy[table["judge"]] & recorded
        entered = pd.unique(table["judge"][rows].astype("i8") * rooms + table["room"][rows])
        wanted = np.bincount(entered // rooms, held[entered % rooms], len(busy))
        judged = np.bincount(table["judge"][rows], minlength=len(busy))
        return np.asarray((judged > 0) & (judged >= wanted))


def _recorded(view: View) -> Mask:
    names = view.table.names["source"]
    found: Mask = view.table["source"] == (names.index("recorded") if "recorded" in names else -1)
    return found


def outcomes_by_rater(view: View, rows: Mask) -> list[NDArray[np.int64]]:
    """For each pair of the view an array (raters, 3): first wins, second wins, ties of either kind, of the rows."""
    import numpy as np

    judge: Column = view.table["judge"][rows]
    size, pairs = len(view.table.judge_hashes), len(view.pairs)
    kind = np.minimum(view.outcome[rows], SECOND + 1)
    cells = np.bincount((judge * pairs + view.pair[rows]) * 3 + kind, minlength=size * pairs * 3)
    table = cells.reshape(size, pairs, 3)
    present = table.sum(axis=(1, 2)) > 0
    return [table[present, pair] for pair in range(pairs)]
