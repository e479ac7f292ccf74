"""Votes as columns of numbers, one row per vote, from which results are computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

from arena.types import CRITERIA, VERDICTS, Side, SideName, Winner
from arena.votes.records import Block
from arena.votes.rows import COLUMNS, COSTS, READERS, REQUIRED, UnreadableRow

Column = NDArray[Any]
Mask = NDArray[np.bool_]

NAMED = {name: name for name in ("judge", "prompt", "dimension", "language", "source", "room")} | {
    f"{name}_{side}": name for name in ("model", "precision", "revision", "settings") for side in "ab"
}
"""The columns that hold an index into a list of names, and the kind of names in that list.

`settings_*` are those of the side with its system prompt and without its seed, as `name value` in lines.
"""

_OF_SIDES = {"answer": "u8", "length": "i4", "markdown": "i4", **dict.fromkeys(COSTS, "f8")}
NUMBERS = {
    "winner": "i1",
    "time": "f8",
    "blind": "?",
    "complete": "?",
    "leaked": "i1",
    "any_right": "i1",
    "commented": "?",
    "dwell": "f8",
    **dict.fromkeys(("vote", "battle", "repeat_of", "asked"), "u8"),
    **dict.fromkeys(("block", "place"), "i4"),
    **{f"criterion_{name}": "i1" for name in CRITERIA},
    **{f"{name}_{side}": dtype for name, dtype in _OF_SIDES.items() for side in "ab"},
}
"""The other columns and their types.

`winner` is the position in Winner; `leaked` and `any_right` are -1 if unknown; a `criterion_*` is 0 for side a, 1 for a
tie, 2 for side b, -1 if unknown. `vote`, `battle`, `repeat_of`, `asked` (the prompt) and `answer_*` (model and text)
are hashes, 0 for an empty text. `length_*` counts characters and `markdown_*` Markdown marks; unknown tokens, seconds
and joules are NaN; `block` and `place` (from 0) are the position of the row in the file.
"""


@dataclass(frozen=True)
class Table:
    """The columns by name, all of one length, the names by kind, the hash of each judge's name, and the blocks of rows
    that the column `block` numbers."""

    columns: Mapping[str, Column]
    names: Mapping[str, Sequence[str]]
    judge_hashes: Column
    blocks: Sequence[Block] = ()

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["winner"])

    def where(self, rows: Mask) -> Table:
        """The rows for which the mask is true."""
        if rows.all():
            return self
        return replace(self, columns={name: column[rows] for name, column in self.columns.items()})

    def having(self, columns: Mapping[str, Column], names: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Table:
        """With further columns, and the names in them."""
        return replace(self, columns={**self.columns, **columns}, names={**self.names, **names})

    def used_names(self, column: str) -> set[str]:
        """The names in a column."""
        return {self.names[NAMED.get(column, column)][code] for code in np.unique(self[column])}

    def is_on(self, sides: Sequence[Side]) -> Mask:
        """The votes on two of the answers of these sides."""
        known = mixed(hashed(side.model.id for side in sides), hashed(side.answer.text for side in sides))
        return np.asarray(np.isin(self["answer_a"], known) & np.isin(self["answer_b"], known))

    def is_named(self, column: str, name: str) -> Mask:
        """The rows whose `column` of names holds `name`."""
        names = self.names[NAMED.get(column, column)]
        mask: Mask = self[column] == (names.index(name) if name in names else -1)
        return mask


class TableBuilder:
    """A table that grows. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {kind: {} for kind in NAMED.values()}
        self._parts = {name: [np.empty(0, NUMBERS.get(name, "i4"))] for name in (*NAMED, *NUMBERS)}
        self._judge_hashes = [np.empty(0, np.uint64)]

    def add(self, texts: Mapping[str, Sequence[str]], numbers: Mapping[str, Sequence[Any] | Column]) -> None:
        """Adds rows: `texts` for the columns of NAMED, `numbers` for those of NUMBERS."""
        known = len(self._numbers["judge"])
        for name, kind in NAMED.items():
            codes, column = self._numbers[kind], texts[name]
            for text in dict.fromkeys(column):
                codes.setdefault(text, len(codes))
            self._parts[name].append(np.fromiter(map(codes.__getitem__, column), np.int32, len(column)))
        self._judge_hashes.append(hashed(list(self._numbers["judge"])[known:]))
        for name, dtype in NUMBERS.items():
            self._parts[name].append(np.asarray(numbers[name], dtype=dtype))

    def table(self, blocks: Sequence[Block] = ()) -> Table:
        """All rows so far, which are in these blocks."""
        self._parts = {name: [np.concatenate(parts)] for name, parts in self._parts.items()}
        self._judge_hashes = [np.concatenate(self._judge_hashes)]
        columns = {name: column for name, (column,) in self._parts.items()}
        return Table(
            columns, {kind: tuple(codes) for kind, codes in self._numbers.items()}, self._judge_hashes[0], blocks
        )


def hashed(texts: Iterable[str]) -> NDArray[np.uint64]:
    """A hash for each text, the same on every machine; 0 for an empty one."""
    column = np.array(list(texts), dtype=object)
    if not len(column):
        return np.empty(0, np.uint64)
    return np.where(column == "", np.uint64(0), hash_array(column))


def mixed(first: Column, second: Column) -> NDArray[np.uint64]:
    """One hash from two; the order matters."""
    product = first * np.uint64(0x9E3779B97F4A7C15) ^ (second + np.uint64(0x632BE59BD9B4E019))
    return np.asarray(product ^ (product >> np.uint64(29)), dtype=np.uint64)


# ---- from the cells of votes.csv


_WINNERS = {winner: number for number, winner in enumerate(Winner)}
_VERDICTS = {verdict: number for number, verdict in enumerate(VERDICTS)}
_MARKDOWN = ("**", "```", "\n#", "\n- ", "\n* ", "\n1. ", "\n2. ", "\n3. ", "|\n")
"""What counts as Markdown in an answer: a cheap measure, the same for both sides."""


def add_columns(columns: Mapping[str, Sequence[str]], block: int, builder: TableBuilder) -> None:
    """Adds all rows to the builder, or none and raises UnreadableRow. A missing column counts as empty."""
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        return
    cells: dict[str, Sequence[Any]] = {name: columns.get(name, ("",) * rows) for name in COLUMNS}
    for name in REQUIRED:
        if not all(cells[name]):
            raise UnreadableRow(name)
    if any(a == b for a, b in zip(cells["model_a"], cells["model_b"], strict=True)):
        raise UnreadableRow("model_b")
    for name, read in READERS.items():
        values = {cell: read(name, cell) for cell in set(cells[name])}
        cells[name] = [values[cell] for cell in cells[name]]
    texts = {name: cells[name] for name in NAMED if name in cells}
    texts |= {"prompt": cells["prompt_id"], **{f"settings_{side}": _settings(cells, side) for side in SideName}}
    numbers = {name: cells[name] for name in NUMBERS if name in cells}
    builder.add(texts, {**numbers, **_numbers(cells), **_hashes(cells), "block": [block] * rows, "place": range(rows)})


def _numbers(cells: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    return {
        "winner": [_WINNERS[winner] for winner in cells["winner"]],
        "time": [time or 0.0 for time in cells["tstamp"]],
        "blind": cells["anony"],
        "complete": [a == b == "stop" for a, b in zip(cells["finish_a"], cells["finish_b"], strict=True)],
        **{name: [-1 if flag is None else flag for flag in cells[name]] for name in ("leaked", "any_right")},
        "commented": [bool(cell.strip()) for cell in cells["comment"]],
        "dwell": cells["dwell_s"],
        **{f"length_{side}": [len(cell) for cell in cells[f"response_{side}"]] for side in SideName},
        **{f"markdown_{side}": [_markdown(cell) for cell in cells[f"response_{side}"]] for side in SideName},
        **{
            f"criterion_{name}": [_VERDICTS.get(criteria.get(name), -1) for criteria in cells["criteria"]]
            for name in CRITERIA
        },
    }


def _markdown(text: str) -> int:
    return sum(map(f"\n{text}\n".count, _MARKDOWN))


def _settings(cells: Mapping[str, Sequence[Any]], side: SideName) -> list[str]:
    texts = []
    for settings, conversation in zip(cells["settings"], cells[f"conversation_{side}"], strict=True):
        config, _, refused = settings[side]
        values = config.as_dict() if config else {}
        lines = [
            f"{name} refused" if name in refused else f"{name} {value:g}"
            for name, value in values.items()
            if name != "seed" and value is not None
        ]
        system = [message for message in conversation[:1] if message.role == "system"]
        texts.append("\n".join([*lines, *(f"system {' '.join(message.content.split())}" for message in system)]))
    return texts


def _hashes(cells: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    # The id instead of the text: a prompt of the set may have been asked with an additional space.
    asked = [prompt_id or prompt for prompt_id, prompt in zip(cells["prompt_id"], cells["prompt"], strict=True)]
    models, responses = ([hashed(cells[f"{name}_{side}"]) for side in SideName] for name in ("model", "response"))
    return {
        "vote": hashed(cells["vote_id"]),
        "battle": hashed(cells["question_id"]),
        "repeat_of": hashed(cells["repeat_of"]),
        "asked": hashed(asked),
        **{f"answer_{side}": mixed(*pair) for side, *pair in zip(SideName, models, responses, strict=True)},
    }
