"""One score a rater: the votes of one rater are not independent, raters are. Knows no interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.results.table import mixed
from arena.results.view import FIRST, SECOND, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.results.table import Column, Mask
    from arena.statistics.sequential import Floats

IDLE_SECONDS = 1800.0


@dataclass(frozen=True)
class Scores:
    """The share of a pair's first model in the decisive votes of each rater who is done, in the order in which they
    were; and how many raters are not yet."""

    values: Floats
    under_way: int = 0


def scores(view: View, pair: int, now: float) -> Scores:
    """A rater is done once they have judged all that others of their room have, or half an hour after their last vote:
    neither depends on what they said. `now` is Unix seconds. Votes that name no rater count as one rater's."""
    import numpy as np

    judge, time = view.table["judge"], view.table["time"]
    size = len(view.table.judge_hashes)
    here = (view.pair == pair) & view.decisive
    voted = np.bincount(judge[here], minlength=size)
    won = np.bincount(judge[here & (view.outcome == FIRST)], minlength=size)
    last = np.zeros(size)
    np.maximum.at(last, judge, time)
    done_at = last + IDLE_SECONDS
    busy = (done_at > now) & (voted > 0)
    if busy.any():
        through = busy & _through(view, busy)
        done_at[through] = last[through]
    counted = (voted > 0) & (done_at <= now)
    # Where time does not tell, not the outcome but a hash decides who comes first.
    order = np.lexsort((view.table.judge_hashes[counted], done_at[counted]))
    share = won[counted] / voted[counted]
    return Scores(share[order], int((voted > 0).sum() - counted.sum()))


def _through(view: View, busy: Mask) -> Mask:
    """Which of the busy raters have judged as many recorded battles as the rooms hold in which they did."""
    import numpy as np
    import pandas as pd

    table, recorded, rooms = view.table, _recorded(view), len(view.table.names["room"])
    seen = pd.Series(mixed(view.units[recorded], table["room"][recorded].astype("u8")))
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


def outcomes_by_rater(view: View) -> list[NDArray[np.int64]]:
    """For each pair of the view an array (raters, 3): first wins, second wins, ties of either kind."""
    import numpy as np

    judge: Column = view.table["judge"]
    size, pairs = len(view.table.judge_hashes), len(view.pairs)
    kind = np.minimum(view.outcome, SECOND + 1)
    cells = np.bincount((judge * pairs + view.pair) * 3 + kind, minlength=size * pairs * 3)
    table = cells.reshape(size, pairs, 3)
    present = table.sum(axis=(1, 2)) > 0
    return [table[present, pair] for pair in range(pairs)]
