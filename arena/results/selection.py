"""The votes that a reader asks for, with what they say by pair of models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from arena.statistics.counts import PairCount
from arena.types import Winner
from arena.votes.table import Table, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from arena.statistics.sequential import Floats
    from arena.votes.table import Column, Mask

FIRST, SECOND, TIE, BOTH_BAD = range(4)
"""What a vote says of its pair: the first model won, the second, neither, or both were bad."""
_OUTCOMES = {Winner.MODEL_A: FIRST, Winner.MODEL_B: SECOND, Winner.TIE: TIE, Winner.BOTH_BAD: BOTH_BAD}


@dataclass(frozen=True)
class Filters:
    """Which votes are shown: all of them, or only `blind` ones, those on `complete` answers (both ended by themselves),
    those on answers that named no model (`not_leaked`), those that nothing makes suspicious (`not_suspicious`, see
    arena.results.suspicious). With `room` those of one room alone."""

    blind: bool = False
    complete: bool = False
    not_leaked: bool = False
    not_suspicious: bool = False
    room: str | None = None

    def passed(self, table: Table) -> Mask:
        """The rows that are shown."""
        import numpy as np

        wanted = {
            "blind": table["blind"],
            "complete": table["complete"],
            "not_leaked": table["leaked"] != 1,
            "not_suspicious": ~table["suspicious"],
        }
        rows = np.ones(len(table), dtype=bool)
        for name, column in wanted.items():
            if getattr(self, name):
                rows &= column
        if self.room is not None:
            names = table.names["room"]
            rows &= table["room"] == (names.index(self.room) if self.room in names else -1)
        return rows

    def counts(self, table: Table) -> dict[str, int]:
        """How many votes each of the switches would leave, the others being as they are."""
        switched = {
            "blind": replace(self, blind=True),
            "complete": replace(self, complete=True),
            "not_leaked": replace(self, not_leaked=True),
            "not_suspicious": replace(self, not_suspicious=True),
        }
        first_votes = table["repeat_of"] == 0
        return {name: int((filters.passed(table) & first_votes).sum()) for name, filters in switched.items()}


class View:
    """Votes without repeats. The models of a pair stand in the order of their names."""

    def __init__(self, table: Table) -> None:
        self.table = table.where(table["repeat_of"] == 0)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def _paired(self) -> tuple[tuple[tuple[str, str], ...], Column, Mask]:
        return paired(self.table)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs that were voted on, in the order of their names."""
        return self._paired[0]

    @property
    def pair(self) -> Column:
        """The number of each vote's pair."""
        return self._paired[1]

    @property
    def first_is_a(self) -> Mask:
        """Whether the pair's first model stood on side a."""
        return self._paired[2]

    @cached_property
    def outcome(self) -> NDArray[np.int64]:
        """What each vote says of its pair."""
        return outcomes(self.table, self.first_is_a)

    @cached_property
    def points(self) -> Floats:
        """What each vote gives the pair's first model: 1 for a win, 0 for a loss, one half for a tie of either kind."""
        import numpy as np

        return np.array([1.0, 0.0, 0.5, 0.5])[self.outcome]

    @cached_property
    def decisive(self) -> Mask:
        """Whether a vote prefers one of the two."""
        return self.outcome <= SECOND

    @cached_property
    def decides(self) -> Mask:
        """The votes that verdicts rest on where there are any: blind ones, on answers that named no model."""
        found: Mask = self.table["blind"] & (self.table["leaked"] != 1)
        return found

    def of_first(self, name: str) -> tuple[Column, Column]:
        """A column that has a side, for the pair's first model and for the second."""
        import numpy as np

        a, b = self.table[f"{name}_a"], self.table[f"{name}_b"]
        return np.where(self.first_is_a, a, b), np.where(self.first_is_a, b, a)

    def counted(self, rows: Mask | slice = slice(None)) -> tuple[PairCount, ...]:
        """The counts of each pair that has votes among the rows, in the order of `pairs`."""
        import numpy as np

        cells = np.bincount(self.pair[rows] * 4 + self.outcome[rows], minlength=4 * len(self.pairs)).reshape(-1, 4)
        found = [PairCount(*pair, *map(int, cell)) for pair, cell in zip(self.pairs, cells, strict=True)]
        return tuple(count for count in found if count.votes)

    @cached_property
    def units(self) -> Column:
        """A number for the same two answers to the same prompt, whichever side they stood on."""
        a, b = self.table["answer_a"], self.table["answer_b"]
        return mixed(a + b, (a ^ b) + self.table["asked"])


def outcomes(table: Table, first_is_a: Mask) -> NDArray[np.int64]:
    """What each vote says of its pair: the one rule of who won."""
    import numpy as np

    by_winner = np.array([_OUTCOMES[winner] for winner in Winner])
    found = by_winner[table["winner"]]
    swapped = ~first_is_a & (found <= SECOND)
    return np.where(swapped, SECOND - found, found)


def paired(table: Table) -> tuple[tuple[tuple[str, str], ...], Column, Mask]:
    """The pairs in the order of their names, the number of each row's pair, and whether its first model is side a."""
    import numpy as np

    names = np.array(table.names["model"], dtype=object)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(names)] = np.arange(len(names))
    a, b = rank[table["model_a"]], rank[table["model_b"]]
    sorted_names = np.sort(names)
    code = np.minimum(a, b) * len(names) + np.maximum(a, b)
    # As few as the models allow: counted, not sorted.
    used = np.flatnonzero(np.bincount(code, minlength=len(names) ** 2)) if len(code) else np.empty(0, np.int64)
    number = np.zeros(len(names) ** 2, dtype=np.int64)
    number[used] = np.arange(len(used))
    pairs = tuple((sorted_names[one // len(names)], sorted_names[one % len(names)]) for one in used)
    return pairs, number[code], a <= b
