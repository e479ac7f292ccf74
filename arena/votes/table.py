"""Votes as columns of numbers, one row a vote: what results are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Column = NDArray[Any]
    Mask = NDArray[np.bool_]

NAMED = {
    "judge": "judge",
    "model_a": "model",
    "model_b": "model",
    "prompt": "prompt",
    "dimension": "dimension",
    "language": "language",
    "source": "source",
    "room": "room",
    "precision_a": "precision",
    "precision_b": "precision",
}
"""The columns that hold the number of a name, with the list it is in."""

NUMBERS = {
    "winner": "i1",
    "time": "f8",
    "blind": "?",
    "complete": "?",
    "leaked": "i1",
    "vote": "u8",
    "battle": "u8",
    "repeat_of": "u8",
    "asked": "u8",
    "answer_a": "u8",
    "answer_b": "u8",
    "length_a": "i4",
    "length_b": "i4",
    "markdown_a": "i4",
    "markdown_b": "i4",
    "criterion_correct": "i1",
    "criterion_complete": "i1",
    "criterion_clear": "i1",
    "any_right": "i1",
    "commented": "?",
    "dwell": "f8",
    "tokens_a": "f8",
    "tokens_b": "f8",
    "first_token_a": "f8",
    "first_token_b": "f8",
    "seconds_a": "f8",
    "seconds_b": "f8",
    "block": "i4",
    "place": "i4",
}
"""The other columns and their types.

`winner` counts through the members of Winner; `leaked` and `any_right` are -1 where nobody said; a
`criterion_*` is 0 for side a, 1 for a tie, 2 for side b, -1 where nobody said. The eight bytes of
`vote`, `battle`, `repeat_of`, `asked` (the prompt) and `answer_*` (model and text) stand for texts, 0 for an empty one.
`length_*` counts characters and `markdown_*` marks of Markdown; unknown tokens and seconds are NaN; `block` and `place`
(from 0) say where the row stands in the file.
"""


@dataclass(frozen=True)
class Table:
    """The columns by name, all of one length, and the lists of names by kind; `judge_hashes` are of the judges'."""

    columns: Mapping[str, Column]
    names: Mapping[str, Sequence[str]]
    judge_hashes: Column

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["winner"])

    def where(self, rows: Mask) -> Table:
        """The rows for which this is true."""
        if rows.all():
            return self
        return Table({name: column[rows] for name, column in self.columns.items()}, self.names, self.judge_hashes)


class TableBuilder:
    """A table that grows. Not safe from several threads: who reads for it keeps the others off."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {kind: {} for kind in NAMED.values()}
        self._parts: dict[str, list[Column]] = {name: [] for name in (*NAMED, *NUMBERS)}
        self._judge_hashes: list[Column] = []

    def add(self, texts: Mapping[str, Sequence[str]], numbers: Mapping[str, Sequence[Any] | Column]) -> None:
        """More rows: `texts` for the columns of NAMED, `numbers` for those of NUMBERS."""
        import numpy as np

        known = len(self._numbers["judge"])
        for name, kind in NAMED.items():
            codes, column = self._numbers[kind], texts[name]
            for text in dict.fromkeys(column):
                codes.setdefault(text, len(codes))
            self._parts[name].append(np.fromiter(map(codes.__getitem__, column), np.int32, len(column)))
        self._judge_hashes.append(hashed(list(self._numbers["judge"])[known:]))
        for name, dtype in NUMBERS.items():
            self._parts[name].append(np.asarray(numbers[name], dtype=dtype))

    def restore(self, table: Table) -> None:
        """Begins with the rows of a table."""
        self._numbers = {kind: {name: code for code, name in enumerate(table.names[kind])} for kind in self._numbers}
        self._parts = {name: [table[name]] for name in self._parts}
        self._judge_hashes = [table.judge_hashes]

    def table(self) -> Table:
        """All rows so far."""
        import numpy as np

        empty = {name: np.empty(0, NUMBERS.get(name, "i4")) for name in self._parts}
        for name, parts in self._parts.items():
            self._parts[name] = [np.concatenate([empty[name], *parts])] if len(parts) != 1 else parts
        self._judge_hashes = [np.concatenate([np.empty(0, "u8"), *self._judge_hashes])]
        columns = {name: parts[0] for name, parts in self._parts.items()}
        names = {kind: tuple(codes) for kind, codes in self._numbers.items()}
        return Table(columns, names, self._judge_hashes[0])


def hashed(texts: Iterable[str], are_alike: bool = False) -> NDArray[np.uint64]:
    """Eight bytes for each text, the same on every machine; 0 for an empty one. It is quicker to know that many texts
    `are_alike`, or that they are not."""
    import numpy as np
    from pandas.util import hash_array

    column = np.array(list(texts), dtype=object)
    if not len(column):
        return np.empty(0, np.uint64)
    return np.where(column == "", np.uint64(0), hash_array(column, categorize=are_alike))


def mixed(first: Column, second: Column) -> NDArray[np.uint64]:
    """One hash out of two; the order matters."""
    import numpy as np

    found = first * np.uint64(0x9E3779B97F4A7C15) ^ (second + np.uint64(0x632BE59BD9B4E019))
    return np.asarray(found ^ (found >> np.uint64(29)), dtype=np.uint64)
