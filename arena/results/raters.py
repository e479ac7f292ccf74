"""The votes as one score per rater, since the votes of one rater are not independent of each other."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arena.results.selection import SECOND, View
from arena.statistics.confidence_sequence import Floats
from arena.votes.table import Column, Mask, mixed

IDLE_SECONDS = 1800.0


@dataclass(frozen=True)
class Scores:
    """The mean points of a pair's first model from each rater who has finished, in the order in which they finished.

    `rows` are the votes of these raters. `under_way` is the number of raters who have not finished.
    """

    values: Floats
    rows: Mask
    under_way: int = 0


class Raters:
    """The raters of a view, and which of them have finished at the time `now` (Unix seconds).

    A rater has finished after judging everything that others in the same room judged, half an hour after the last vote,
    or if the last vote is in one of the `closed_rooms`. None of these depends on the outcomes. Votes without a rater
    count as one rater's.
    """

    def __init__(self, view: View, now: float, closed_rooms: Collection[str] = ()) -> None:
        self._view = view
        self._now = now
        self._closed_rooms = closed_rooms

    def scores(self, rows: Mask, points: Floats) -> Scores:
        """The scores from some rows; each row gives the pair's first model `points` from 0 to 1."""
        judge, hashes = self._view.table["judge"], self._view.table.judge_hashes
        votes = np.bincount(judge[rows], minlength=len(hashes))
        total = np.bincount(judge[rows], points[rows], minlength=len(hashes))
        finished = (votes > 0) & (self._finished_at <= self._now)
        # Raters who finished at the same time are ordered by hash, so that the outcome has no influence.
        order = np.lexsort((hashes[finished], self._finished_at[finished]))
        means = total[finished] / votes[finished]
        return Scores(means[order], rows & finished[judge], int((votes > 0).sum() - finished.sum()))

    @cached_property
    def _finished_at(self) -> Floats:
        judge, time = self._view.table["judge"], self._view.table["time"]
        last = np.zeros(len(self._view.table.judge_hashes))
        np.maximum.at(last, judge, time)
        finished_at = last + IDLE_SECONDS
        active = finished_at > self._now
        if active.any():
            codes = [code for code, room in enumerate(self._view.table.names["room"]) if room in self._closed_rooms]
            complete = self._complete(active)
            complete[judge[np.isin(self._view.table["room"], codes) & (time == last[judge])]] = True
            complete &= active
            finished_at[complete] = last[complete]
        return finished_at

    def _complete(self, active: Mask) -> Mask:
        """Which active raters have judged as many recorded battles as there are in the rooms they voted in."""
        table = self._view.table
        recorded = table.is_named("source", "recorded")
        rooms = len(table.names["room"])
        battles = pd.Series(mixed(self._view.units[recorded], table["room"][recorded].astype("u8")))
        per_room = np.bincount(table["room"][recorded][~battles.duplicated().to_numpy()], minlength=rooms)
        rows = active[table["judge"]] & recorded
        entered = pd.unique(table["judge"][rows].astype("i8") * rooms + table["room"][rows])
        required = np.bincount(entered // rooms, per_room[entered % rooms], len(active))
        judged = np.bincount(table["judge"][rows], minlength=len(active))
        return np.asarray((judged > 0) & (judged >= required))


def outcomes_by_rater(view: View, rows: Mask) -> list[NDArray[np.int64]]:
    """For each pair of the view an array (raters, 3) from the rows: first wins, second wins, ties of either kind."""
    judge: Column = view.table["judge"][rows]
    size, pairs = len(view.table.judge_hashes), len(view.pairs)
    kind = np.minimum(view.outcome[rows], SECOND + 1)
    cells = np.bincount((judge * pairs + view.pair[rows]) * 3 + kind, minlength=size * pairs * 3)
    table = cells.reshape(size, pairs, 3)
    present = table.sum(axis=(1, 2)) > 0
    return [table[present, pair] for pair in range(pairs)]
