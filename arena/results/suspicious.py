"""Marks votes that nobody can have meant: too fast to have read, always the same side, contradicted by a repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.results.selection import SECOND, outcomes, paired
from arena.types import Winner
from arena.votes.table import Table, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.votes.table import Column, Mask

KINDS = ("too_fast", "one_sided", "contradicted")
CHARACTERS_PER_SECOND = {"Chinese": 80.0, "Japanese": 80.0, "Korean": 80.0}
"""Several times as fast as people read; a vote that came faster was given without reading both answers."""
OTHERS_PER_SECOND = 200.0
FEWEST_ON_ONE_SIDE = 8
"""By chance one rater in 128 has all of eight decisive votes on one side."""


def marked(table: Table) -> Table:
    """The table with a column for each of KINDS, and one, `suspicious`, for any of them."""
    columns = {"too_fast": _too_fast(table), "one_sided": _one_sided(table), "contradicted": _contradicted(table)}
    any_kind = columns["too_fast"] | columns["one_sided"] | columns["contradicted"]
    return Table({**table.columns, **columns, "suspicious": any_kind}, table.names, table.judge_hashes)


def _too_fast(table: Table) -> Mask:
    """Votes with less time than it takes to read. Live answers were read while they were written."""
    import numpy as np

    speeds = [CHARACTERS_PER_SECOND.get(name, OTHERS_PER_SECOND) for name in table.names["language"]]
    needed = (table["length_a"] + table["length_b"]) / np.array([*speeds, OTHERS_PER_SECOND])[table["language"]]
    names = table.names["source"]
    live = table["source"] == (names.index("live") if "live" in names else -1)
    writing = np.fmax(table["seconds_a"], table["seconds_b"])
    had = table["dwell"] + np.where(live, writing, 0.0)
    found: Mask = had < needed  # false where the time is unknown
    return found


def _one_sided(table: Table) -> Mask:
    """All votes of raters who chose the same side every time."""
    import numpy as np

    winners, judge, size = list(Winner), table["judge"], len(table.judge_hashes)
    left, right = (
        np.bincount(judge[table["winner"] == winners.index(winner)], minlength=size)
        for winner in (Winner.MODEL_A, Winner.MODEL_B)
    )
    always = (np.minimum(left, right) == 0) & (np.maximum(left, right) >= FEWEST_ON_ONE_SIDE)
    return np.asarray((always & (table.judge_hashes != 0))[judge])


def _contradicted(table: Table) -> Mask:
    """Votes whose rater chose the other model when the battle came again."""
    import numpy as np

    before, again = repeated(table)
    said = outcomes(table, paired(table)[2])
    opposite = (said[before] <= SECOND) & (said[again] <= SECOND) & (said[before] != said[again])
    found = np.zeros(len(table), dtype=bool)
    found[before[opposite]] = found[again[opposite]] = True
    return found


def repeated(table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of battles that the same rater judged again, and the rows of those repeats."""
    import numpy as np
    import pandas as pd

    judges: Column = table.judge_hashes[table["judge"]]
    firsts, repeats = np.flatnonzero(table["repeat_of"] == 0), np.flatnonzero(table["repeat_of"] != 0)
    index = pd.Series(firsts, index=mixed(judges[firsts], table["battle"][firsts]))
    index = index[~index.index.duplicated()]
    places = index.index.get_indexer(mixed(judges[repeats], table["repeat_of"][repeats]))
    known = places >= 0
    return index.to_numpy()[places[known]], repeats[known]
