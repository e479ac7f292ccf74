"""Votes as columns of numbers, one row per vote, from which results are computed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas.util import hash_array

from arena.types import CRITERIA, VERDICTS, Winner
from arena.votes.rows import COLUMNS, LARGEST_WHOLE, NUMERIC, READERS, REQUIRED, WHOLE, UnreadableRow

Column = NDArray[Any]
Mask = NDArray[np.bool_]

NAMED = {name: name for name in ("judge", "prompt", "dimension", "language", "source", "room")} | {
    f"{name}_{side}": name for name in ("model", "precision", "revision", "settings") for side in "ab"
}
"""The columns that hold an index into a list of names, and the kind of names in that list.

`settings_*` are those of the side with its system prompt and without its seed, as `name value` in lines.
"""

_COSTS = ("tokens", "first_token", "seconds", "joules")
_OF_SIDES = {"answer": "u8", "length": "i4", "markdown": "i4", **dict.fromkeys(_COSTS, "f8")}
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
    """The columns by name, all of one length, the names by kind, and the hash of each judge's name."""

    columns: Mapping[str, Column]
    names: Mapping[str, Sequence[str]]
    judge_hashes: Column

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["winner"])

    def where(self, rows: Mask) -> Table:
        """The rows for which the mask is true."""
        if rows.all():
            return self
        return Table({name: column[rows] for name, column in self.columns.items()}, self.names, self.judge_hashes)

    def is_named(self, column: str, name: str) -> Mask:
        """The rows whose `column` of names holds `name`."""
        names = self.names[NAMED.get(column, column)]
        mask: Mask = self[column] == (names.index(name) if name in names else -1)
        return mask


class TableBuilder:
    """A table that grows, from the given one. Not safe to use from several threads at once."""

    def __init__(self, table: Table | None = None) -> None:
        names = table.names if table else dict.fromkeys(NAMED.values(), ())
        self._numbers = {kind: {name: code for code, name in enumerate(names[kind])} for kind in names}
        self._parts = {name: [table[name]] if table else [] for name in (*NAMED, *NUMBERS)}
        self._judge_hashes = [table.judge_hashes] if table else []

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

    def table(self) -> Table:
        """All rows so far."""
        empty = {name: np.empty(0, NUMBERS.get(name, "i4")) for name in self._parts}
        for name, parts in self._parts.items():
            self._parts[name] = [np.concatenate([empty[name], *parts])] if len(parts) != 1 else parts
        self._judge_hashes = [np.concatenate([np.empty(0, "u8"), *self._judge_hashes])]
        columns = {name: parts[0] for name, parts in self._parts.items()}
        names = {kind: tuple(codes) for kind, codes in self._numbers.items()}
        return Table(columns, names, self._judge_hashes[0])


def hashed(texts: Iterable[str], are_alike: bool = False) -> NDArray[np.uint64]:
    """A hash for each text, the same on every machine; 0 for an empty one. `are_alike` is faster for equal texts."""
    column = np.array(list(texts), dtype=object)
    if not len(column):
        return np.empty(0, np.uint64)
    return np.where(column == "", np.uint64(0), hash_array(column, categorize=are_alike))


def mixed(first: Column, second: Column) -> NDArray[np.uint64]:
    """One hash from two; the order matters."""
    product = first * np.uint64(0x9E3779B97F4A7C15) ^ (second + np.uint64(0x632BE59BD9B4E019))
    return np.asarray(product ^ (product >> np.uint64(29)), dtype=np.uint64)


# ---- from the cells of votes.csv


_FLAG = {"True": 1, "False": 0, "": -1}
_WINNERS = {winner.value: number for number, winner in enumerate(Winner)}
_JSON = JSONDecoder()
_OF_ONE_TURN = re.compile(r'"(?:seed|cached_tokens|thinking_tokens)": (?:\d+|null)')
_VERDICTS = {verdict: number for number, verdict in enumerate(VERDICTS)}
_MARKDOWN = ("**", "```", "\n#", "\n- ", "\n* ", "\n1. ", "\n2. ", "\n3. ", "|\n")
"""What counts as Markdown in an answer: a cheap measure, the same for both sides."""


def add_columns(columns: Mapping[str, Sequence[str]], block: int, builder: TableBuilder) -> None:
    """Adds all rows to the builder, or none and raises UnreadableRow. A missing column counts as empty.

    `rows.to_vote` alone decides what a vote is: this looks at many rows at once, and leaves doubtful ones to it.
    """
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        return
    blank = ("",) * rows
    cells = {name: columns.get(name, blank) for name in COLUMNS}
    _check(cells)
    texts = {name: cells[name] for name in NAMED if name in cells}
    texts |= {"prompt": cells["prompt_id"], "source": [source or "live" for source in cells["source"]]}
    texts |= _settings(cells)
    place = {"block": [block] * rows, "place": range(rows)}
    builder.add(texts, {**_numbers(cells), **_hashes(cells), **_criteria(cells["criteria"]), **place})


def _check(cells: Mapping[str, Sequence[str]]) -> None:
    for name in REQUIRED:
        if not all(cells[name]):
            raise UnreadableRow(name)
    if any(a == b for a, b in zip(cells["model_a"], cells["model_b"], strict=True)):
        raise UnreadableRow("model_b")
    for name in READERS.keys() - NUMERIC:
        for cell in set(cells[name]):
            READERS[name](name, cell)


def _numbers(cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    numbers = {name: _parsed(name, cells[name], int if name in WHOLE else float) for name in sorted(NUMERIC)}
    return {
        "winner": [_WINNERS[cell] for cell in cells["winner"]],
        "time": [0.0 if math.isnan(value) else value for value in numbers.pop("tstamp")],
        "blind": [cell == "True" for cell in cells["anony"]],
        "complete": [a == b == "stop" for a, b in zip(cells["finish_a"], cells["finish_b"], strict=True)],
        "leaked": [_FLAG[cell] for cell in cells["leaked"]],
        "any_right": [_FLAG[cell] for cell in cells["any_right"]],
        "commented": [bool(cell.strip()) for cell in cells["comment"]],
        "dwell": numbers.pop("dwell_s"),
        **{f"length_{side}": [len(cell) for cell in cells[f"response_{side}"]] for side in "ab"},
        **{f"markdown_{side}": _markdown(cells[f"response_{side}"]) for side in "ab"},
        **numbers,
    }


def _parsed(name: str, cells: Sequence[str], kind: Callable[[str], float]) -> list[float]:
    try:
        values = [kind(cell) if cell else math.nan for cell in cells]
    except ValueError as error:
        raise UnreadableRow(name) from error
    if kind is int and any(abs(value) > LARGEST_WHOLE for value in values):
        raise UnreadableRow(name)
    # A cell with a NaN of its own is not a number either.
    if math.inf in values or -math.inf in values or sum(value != value for value in values) != cells.count(""):
        raise UnreadableRow(name)
    return values


def _markdown(texts: Sequence[str]) -> list[int]:
    counts = {text: sum(map(f"\n{text}\n".count, _MARKDOWN)) for text in set(texts)}
    return [counts[text] for text in texts]


def _settings(cells: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    column = cells["settings"]
    # Almost all cells differ in their seeds alone: only one of those is parsed.
    kinds = [_OF_ONE_TURN.sub("", cell) for cell in column]
    texts = {kind: _settings_texts(cell) for kind, cell in dict(zip(kinds, column, strict=True)).items()}
    return {
        f"settings_{side}": [
            texts[kind][side] + _system(conversation)
            for kind, conversation in zip(kinds, cells[f"conversation_{side}"], strict=True)
        ]
        for side in "ab"
    }


def _settings_texts(cell: str) -> dict[str, str]:
    return {
        side: "\n".join(
            f"{name} refused" if name in refused else f"{name} {value:g}"
            for name, value in (config.as_dict() if config else {}).items()
            if name != "seed" and value is not None
        )
        for side, (config, _, refused) in READERS["settings"]("", cell).items()
    }


def _system(conversation: str) -> str:
    if not conversation.startswith('[{"role": "system"'):
        return ""
    message, _ = _JSON.raw_decode(conversation, 1)
    return f"\nsystem {' '.join(message['content'].split())}"


def _criteria(cells: Sequence[str]) -> dict[str, list[int]]:
    criteria = {cell: READERS["criteria"]("criteria", cell) for cell in set(cells)}
    return {f"criterion_{name}": [_VERDICTS.get(criteria[cell].get(name), -1) for cell in cells] for name in CRITERIA}


def _hashes(cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    # The id instead of the text: a prompt of the set may have been asked with an additional space.
    asked = [prompt_id or prompt for prompt_id, prompt in zip(cells["prompt_id"], cells["prompt"], strict=True)]
    answers = {}
    for side in "ab":
        model, text = (hashed(cells[f"{name}_{side}"], are_alike=True) for name in ("model", "response"))
        answers[f"answer_{side}"] = mixed(model, text)
    return {
        "vote": hashed(cells["vote_id"]),
        "battle": hashed(cells["question_id"]),
        "repeat_of": hashed(cells["repeat_of"]),
        "asked": hashed(asked, are_alike=True),
        **answers,
    }
