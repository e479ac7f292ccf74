"""Raters who do not count: each for a reason that a host can check and overrule."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena.events import Marks
from arena.results.selection import mark_votes, reading_seconds
from arena.votes.store import Votes
from arena.votes.table import Mask, Table

REASONS = ("one_address", "too_fast")
FEWEST_TOO_FAST, LEAST_TOO_FAST = 4, 0.75
"""A rater is too fast with this many votes that came faster than anyone reads, if they are this share of the votes."""
SHORTEST_READING = 2.0
"""Seconds: an answer that takes less to read may have been read by anybody who is quick."""


@dataclass(frozen=True)
class Exclusion:
    """Raters with one of REASONS. `key` is the crowd or the rater; `included` is whether the host counts them."""

    key: str
    reason: str
    raters: int
    votes: int
    included: bool = False


def find_exclusions(table: Table, marks: Marks, passed: Mask) -> tuple[tuple[Exclusion, ...], Mask]:
    """The exclusions, most votes first, with their numbers among the rows that `passed`; and all rows that count.

    `table` has the columns of `mark_votes`. No reason depends on which model a rater prefers.
    """
    judge, size = table["judge"], len(table.judge_hashes)
    counted = np.ones(size, dtype=bool)
    votes = np.bincount(judge[passed], minlength=size)
    items = []
    for (reason, key), members in _reasons(table, marks).items():
        is_included = key in marks.included
        counted[members] &= is_included
        raters, cast = int((votes[members] > 0).sum()), int(votes[members].sum())
        if raters:
            items.append(Exclusion(key, reason, raters, cast, is_included))
    return tuple(sorted(items, key=lambda item: (-item.votes, item.key))), counted[judge]


def counted_rows(votes: Votes) -> Mask:
    """Which votes are by raters who count."""
    table = mark_votes(votes.table)
    return find_exclusions(table, votes.marks, np.ones(len(table), dtype=bool))[1]


def excluded_raters(votes: Votes) -> frozenset[str]:
    """The raters who do not count."""
    codes = np.unique(votes.table["judge"][~counted_rows(votes)]).tolist()
    return frozenset(votes.table.names["judge"][code] for code in codes)


def _reasons(table: Table, marks: Marks) -> Mapping[tuple[str, str], list[int]]:
    """The raters, as codes of the table, by reason and key. Of several reasons the first of REASONS counts."""
    judge, names, size = table["judge"], table.names["judge"], len(table.judge_hashes)
    reasons: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for code, name in enumerate(names) if marks.crowds else ():
        if name in marks.crowds:
            reasons["one_address", marks.crowds[name]].append(code)
    too_fast = table["too_fast"] & (reading_seconds(table) >= SHORTEST_READING)
    votes, fast = (np.bincount(judge[rows], minlength=size) for rows in (slice(None), too_fast))
    is_fast = (fast >= FEWEST_TOO_FAST) & (fast >= LEAST_TOO_FAST * votes) & (table.judge_hashes != 0)
    for code in np.flatnonzero(is_fast).tolist():
        if names[code] not in marks.crowds:
            reasons["too_fast", names[code]].append(code)
    return reasons


def summary(exclusions: tuple[Exclusion, ...]) -> dict[str, Any]:
    """How many raters and votes are excluded, raters by reason, and how many the host counts nevertheless."""
    excluded = [item for item in exclusions if not item.included]
    return {
        "raters": sum(item.raters for item in excluded),
        "votes": sum(item.votes for item in excluded),
        "reasons": {name: sum(item.raters for item in excluded if item.reason == name) for name in REASONS},
        "included": sum(item.raters for item in exclusions if item.included),
    }
