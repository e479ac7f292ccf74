"""Turns cells of votes.csv into columns of a table, many rows at once.

What counts as a vote is said by `arena.votes.rows.to_vote` alone: this looks at many rows at once, and where it has any
doubt, it does not decide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from arena.types import CRITERIA, VERDICTS, FinishReason, Winner
from arena.votes.rows import COLUMNS, JSON_COLUMNS, REQUIRED, UnreadableRow, check_json
from arena.votes.table import NAMED, TableBuilder, hashed, mixed

_FLAGS = ("True", "False", "")
_LABELS = {
    "winner": tuple(Winner),
    "anony": _FLAGS,
    "any_right": _FLAGS,
    "leaked": _FLAGS,
    "source": ("live", "recorded", ""),
    "finish_a": (*get_args(FinishReason), ""),
    "finish_b": (*get_args(FinishReason), ""),
}
_WHOLE = ("turn", "tokens_a", "tokens_b")
_REAL = ("tstamp", "first_token_a", "first_token_b", "seconds_a", "seconds_b", "dwell_s")
_WINNERS = {winner.value: number for number, winner in enumerate(Winner)}
_FLAG = {"True": 1, "False": 0, "": -1}
_AHEAD = {verdict: number for number, verdict in enumerate(VERDICTS)}
_MARKS = ("**", "```", "\n#", "\n- ", "\n* ", "\n1. ", "\n2. ", "\n3. ", "|\n")
"""What stands for Markdown in an answer: a cheap count, alike for both sides."""


class InDoubt(ValueError):
    """One of the rows may be no vote."""


def columns_of(rows: Sequence[Sequence[str]], header: Sequence[str]) -> dict[str, Sequence[str]]:
    """The cells of many rows by column. Raises InDoubt if a row is longer or shorter than the header."""
    if not set(map(len, rows)) <= {len(header)}:
        raise InDoubt("a row is longer or shorter than the header")
    return dict(zip(header, zip(*rows, strict=True), strict=False))


def add_columns(columns: Mapping[str, Sequence[str]], rows: int, block: int, builder: TableBuilder) -> None:
    """Add all the rows, or none and raise InDoubt. A column that is not there counts as empty."""
    if not rows:
        return
    blank = ("",) * rows
    cells = {name: columns.get(name, blank) for name in COLUMNS}
    numbers = _numbers(cells)
    where = {"block": [block] * rows, "place": range(rows)}
    builder.add(_texts(cells), {**numbers, **_hashes(cells), **_criteria(cells["criteria"]), **where})


def _texts(cells: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    named = {name: cells[name] for name in NAMED if name in cells}
    source = [one or "live" for one in cells["source"]]
    return {**named, "prompt": cells["prompt_id"], "source": source}


def _numbers(cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    for name in REQUIRED:
        if not all(cells[name]):
            raise InDoubt(name)
    if any(a == b for a, b in zip(cells["model_a"], cells["model_b"], strict=True)):
        raise InDoubt("model_b")
    for name, known in _LABELS.items():
        if not set(cells[name]) <= set(known):
            raise InDoubt(name)
    for name in JSON_COLUMNS:
        for cell in set(cells[name]):
            try:
                check_json(name, cell)
            except UnreadableRow as error:
                raise InDoubt(name) from error
    found = {name: _parsed(name, cells[name], int) for name in _WHOLE}
    found |= {name: _parsed(name, cells[name], float) for name in _REAL}
    return {
        "winner": [_WINNERS[cell] for cell in cells["winner"]],
        "time": [0.0 if math.isnan(value) else value for value in found.pop("tstamp")],
        "blind": [cell == "True" for cell in cells["anony"]],
        "complete": [a == b == "stop" for a, b in zip(cells["finish_a"], cells["finish_b"], strict=True)],
        "leaked": [_FLAG[cell] for cell in cells["leaked"]],
        "any_right": [_FLAG[cell] for cell in cells["any_right"]],
        "commented": [bool(cell.strip()) for cell in cells["comment"]],
        "dwell": found.pop("dwell_s"),
        "length_a": [len(cell) for cell in cells["response_a"]],
        "length_b": [len(cell) for cell in cells["response_b"]],
        "markdown_a": _markdown(cells["response_a"]),
        "markdown_b": _markdown(cells["response_b"]),
        **found,
    }


def _markdown(texts: Sequence[str]) -> list[int]:
    counts = {text: sum(map(f"\n{text}\n".count, _MARKS)) for text in set(texts)}
    return [counts[text] for text in texts]


def _criteria(cells: Sequence[str]) -> dict[str, list[int]]:
    said = {cell: json.loads(cell) if cell else {} for cell in set(cells)}
    return {f"criterion_{name}": [_AHEAD.get(said[cell].get(name), -1) for cell in cells] for name in CRITERIA}


def _parsed(name: str, cells: Sequence[str], kind: Callable[[str], float]) -> list[float]:
    try:
        values = [kind(cell) if cell else math.nan for cell in cells]
    except ValueError as error:
        raise InDoubt(name) from error
    if kind is int and any(abs(value) > 2**53 for value in values):
        raise InDoubt(name)
    # A NaN of a cell's own would be no number either.
    if math.inf in values or -math.inf in values or sum(value != value for value in values) != cells.count(""):
        raise InDoubt(name)
    return values


def _hashes(cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    # Beside the text the id: a prompt of the set may have been asked with a space more.
    asked = [prompt_id or prompt for prompt_id, prompt in zip(cells["prompt_id"], cells["prompt"], strict=True)]
    return {
        "vote": hashed(cells["vote_id"]),
        "battle": hashed(cells["question_id"]),
        "repeat_of": hashed(cells["repeat_of"]),
        "asked": hashed(asked, are_alike=True),
        **{f"answer_{side}": _answers(cells, side) for side in "ab"},
    }


def _answers(cells: Mapping[str, Sequence[str]], side: str) -> Any:
    model, text = (hashed(cells[f"{name}_{side}"], are_alike=True) for name in ("model", "response"))
    return mixed(model, text)
