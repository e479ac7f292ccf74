"""Chooses the votes that results are computed from, marks suspicious ones, and shows them by pair of models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arena.statistics import PairCount
from arena.statistics.confidence_sequence import Floats
from arena.types import Winner
from arena.votes.table import NAMED, Table, mixed

Column = NDArray[Any]
Mask = NDArray[np.bool_]

FIRST, SECOND, TIE, BOTH_BAD = range(4)
"""The outcomes of a vote on a pair: the first model won, the second, a tie, or both were bad."""
_OUTCOMES = {Winner.MODEL_A: FIRST, Winner.MODEL_B: SECOND, Winner.TIE: TIE, Winner.BOTH_BAD: BOTH_BAD}

SUSPICIONS = ("too_fast", "one_sided", "contradicted")
CHARACTERS_PER_SECOND = {"Chinese": 80.0, "Japanese": 80.0, "Korean": 80.0}
"""Several times faster than people read: a vote that came faster was cast without reading both answers."""
OTHERS_PER_SECOND = 200.0
FEWEST_ON_ONE_SIDE = 8
"""By chance one rater in 128 has eight out of eight decisive votes on one side."""


def is_named(table: Table, column: str, name: str) -> Mask:
    """The rows whose `column` (one of NAMED) holds `name`."""
    names = table.names[NAMED[column]]
    return np.asarray(table[column] == (names.index(name) if name in names else -1))


# ---- filters


@dataclass(frozen=True)
class Filters:
    """Which votes are counted; by default all.

    `blind`: blind votes only; `complete`: both answers ended by themselves; `not_leaked`: no answer revealed its model;
    `not_suspicious`: none of SUSPICIONS applies; `room`: votes of this room only.
    """

    blind: bool = False
    complete: bool = False
    not_leaked: bool = False
    not_suspicious: bool = False
    room: str | None = None

    def passed(self, table: Table) -> Mask:
        """The rows that pass."""
        switches = {
            "blind": table["blind"],
            "complete": table["complete"],
            "not_leaked": table["leaked"] != 1,
            "not_suspicious": ~table["suspicious"],
        }
        rows = np.ones(len(table), dtype=bool)
        for name, column in switches.items():
            if getattr(self, name):
                rows &= column
        return rows if self.room is None else rows & is_named(table, "room", self.room)

    def counts(self, table: Table) -> dict[str, int]:
        """How many votes would remain with each of the switches on, the others unchanged."""
        switched = {
            "blind": replace(self, blind=True),
            "complete": replace(self, complete=True),
            "not_leaked": replace(self, not_leaked=True),
            "not_suspicious": replace(self, not_suspicious=True),
        }
        first_votes = table["repeat_of"] == 0
        return {name: int((filters.passed(table) & first_votes).sum()) for name, filters in switched.items()}


# ---- suspicious votes


def mark_suspicious(table: Table) -> Table:
    """The table with a column for each of SUSPICIONS and one, `suspicious`, for any of them."""
    columns = {"too_fast": _too_fast(table), "one_sided": _one_sided(table), "contradicted": _contradicted(table)}
    any_kind = columns["too_fast"] | columns["one_sided"] | columns["contradicted"]
    return Table({**table.columns, **columns, "suspicious": any_kind}, table.names, table.judge_hashes)


def _too_fast(table: Table) -> Mask:
    """Votes cast faster than both answers can be read. Live answers could be read while they were generated."""
    speeds = [CHARACTERS_PER_SECOND.get(name, OTHERS_PER_SECOND) for name in table.names["language"]]
    needed = (table["length_a"] + table["length_b"]) / np.array([*speeds, OTHERS_PER_SECOND])[table["language"]]
    generating = np.fmax(table["seconds_a"], table["seconds_b"])
    available = table["dwell"] + np.where(is_named(table, "source", "live"), generating, 0.0)
    return np.asarray(available < needed)  # false if the time is unknown


def _one_sided(table: Table) -> Mask:
    """All votes of raters who chose the same side every time."""
    winners, judge, size = list(Winner), table["judge"], len(table.judge_hashes)
    left, right = (
        np.bincount(judge[table["winner"] == winners.index(winner)], minlength=size)
        for winner in (Winner.MODEL_A, Winner.MODEL_B)
    )
    always = (np.minimum(left, right) == 0) & (np.maximum(left, right) >= FEWEST_ON_ONE_SIDE)
    return np.asarray((always & (table.judge_hashes != 0))[judge])


def _contradicted(table: Table) -> Mask:
    """Both votes of a rater who chose the other model when the battle was repeated."""
    before, again = repeats_of(table)
    outcome = outcomes(table, pairs_of(table)[2])
    opposite = (outcome[before] <= SECOND) & (outcome[again] <= SECOND) & (outcome[before] != outcome[again])
    rows = np.zeros(len(table), dtype=bool)
    rows[before[opposite]] = rows[again[opposite]] = True
    return rows


def repeats_of(table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of battles that the same rater judged again, and the rows of those repeats."""
    judges: Column = table.judge_hashes[table["judge"]]
    firsts, repeats = np.flatnonzero(table["repeat_of"] == 0), np.flatnonzero(table["repeat_of"] != 0)
    index = pd.Series(firsts, index=mixed(judges[firsts], table["battle"][firsts]))
    index = index[~index.index.duplicated()]
    positions = index.index.get_indexer(mixed(judges[repeats], table["repeat_of"][repeats]))
    known = positions >= 0
    return index.to_numpy()[positions[known]], repeats[known]


# ---- votes by pair of models


class View:
    """Votes without repeats, by pair. The models of a pair are sorted by name."""

    def __init__(self, table: Table) -> None:
        self.table = table.where(table["repeat_of"] == 0)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def _pairs(self) -> tuple[tuple[tuple[str, str], ...], Column, Mask]:
        return pairs_of(self.table)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs with votes, sorted by name."""
        return self._pairs[0]

    @property
    def pair(self) -> Column:
        """The index in `pairs` of each vote."""
        return self._pairs[1]

    @property
    def first_is_a(self) -> Mask:
        """Whether the pair's first model was on side a."""
        return self._pairs[2]

    @cached_property
    def outcome(self) -> NDArray[np.int64]:
        """The outcome of each vote: FIRST, SECOND, TIE or BOTH_BAD."""
        return outcomes(self.table, self.first_is_a)

    @cached_property
    def points(self) -> Floats:
        """The points of the pair's first model: 1 for a win, 0 for a loss, 0.5 for a tie of either kind."""
        return np.array([1.0, 0.0, 0.5, 0.5])[self.outcome]

    @cached_property
    def decisive(self) -> Mask:
        """Whether a vote prefers one of the two."""
        return self.outcome <= SECOND

    @cached_property
    def blind_unleaked(self) -> Mask:
        """Blind votes on answers that revealed no model: verdicts rest on these if there are any."""
        return np.asarray(self.table["blind"] & (self.table["leaked"] != 1))

    def by_model(self, name: str) -> tuple[Column, Column]:
        """A column that exists for both sides, for the pair's first model and for the second."""
        a, b = self.table[f"{name}_a"], self.table[f"{name}_b"]
        return np.where(self.first_is_a, a, b), np.where(self.first_is_a, b, a)

    def counts(self, rows: Mask | slice = slice(None)) -> tuple[PairCount, ...]:
        """The counts of each pair that has votes among the rows, in the order of `pairs`."""
        cells = np.bincount(self.pair[rows] * 4 + self.outcome[rows], minlength=4 * len(self.pairs)).reshape(-1, 4)
        counts = [PairCount(*pair, *map(int, cell)) for pair, cell in zip(self.pairs, cells, strict=True)]
        return tuple(count for count in counts if count.votes)

    @cached_property
    def units(self) -> Column:
        """A hash of the prompt and the two answers, whichever side they were on."""
        a, b = self.table["answer_a"], self.table["answer_b"]
        return mixed(a + b, (a ^ b) + self.table["asked"])


def outcomes(table: Table, first_is_a: Mask) -> NDArray[np.int64]:
    """The outcome of each vote for its pair."""
    by_winner = np.array([_OUTCOMES[winner] for winner in Winner])
    outcome = by_winner[table["winner"]]
    swapped = ~first_is_a & (outcome <= SECOND)
    return np.where(swapped, SECOND - outcome, outcome)


def pairs_of(table: Table) -> tuple[tuple[tuple[str, str], ...], Column, Mask]:
    """The pairs sorted by name, the index of each row's pair, and whether its first model is on side a."""
    names = np.array(table.names["model"], dtype=object)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(names)] = np.arange(len(names))
    a, b = rank[table["model_a"]], rank[table["model_b"]]
    sorted_names = np.sort(names)
    code = np.minimum(a, b) * len(names) + np.maximum(a, b)
    # Counting is faster than sorting, since there are few models.
    used = np.flatnonzero(np.bincount(code, minlength=len(names) ** 2)) if len(code) else np.empty(0, np.int64)
    index = np.zeros(len(names) ** 2, dtype=np.int64)
    index[used] = np.arange(len(used))
    pairs = tuple((sorted_names[code // len(names)], sorted_names[code % len(names)]) for code in used)
    return pairs, index[code], a <= b
