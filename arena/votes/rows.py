"""Turns one vote into one row of votes.csv, and back."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, get_args

from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.text import clean
from arena.types import Answer, Battle, FinishReason, Message, ModelSpec, Role, Side, SideName, Usage, Vote, Winner

SCHEMA = 4
"""The version of COLUMNS. Change both together: another header starts a new part of the log."""

# fmt: off
COLUMNS = (
    "question_id", "model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp", "vote_id",
    "prompt_id", "dimension", "prompt", "response_a", "response_b", "conversation_a", "conversation_b",
    "precision_a", "precision_b", "revision_a", "revision_b", "finish_a", "finish_b", "tokens_a", "tokens_b",
    "first_token_a", "first_token_b", "seconds_a", "seconds_b", "criteria", "any_right", "comment", "leaked",
    "source", "room", "repeat_of", "settings", "dwell_s", "thinking_a", "thinking_b",
    "pair_probability", "joules_a", "joules_b", "may_publish", "schema",
)
# fmt: on

COSTS = ("tokens", "first_token", "seconds", "joules")
"""What an answer cost; each has a column per side."""

NUMERIC = frozenset(
    {"turn", "tstamp", "dwell_s", "pair_probability", *(f"{name}_{side}" for name in COSTS for side in "ab")}
)
"""The columns whose cells are numbers or empty, checked by `to_vote`."""

WHOLE = ("turn", "tokens_a", "tokens_b", "schema")
"""The columns of whole numbers; `to_vote` does not check `schema`."""

FLAGS = ("anony", "any_right", "leaked", "may_publish")
"""The columns of True, False or empty."""

LARGEST_WHOLE = 2**53
"""Up to here a float represents every whole number."""

REQUIRED = ("question_id", "model_a", "model_b", "winner")
"""The columns that a row needs to count as a vote."""


_OF_BATTLE = ("prompt_id", "dimension", "prompt", "source", "pair_probability")
_OF_VOTE = ("judge", "language", "comment", "room", "repeat_of", "any_right", "leaked", "may_publish")
"""The columns that hold the field with the same name."""

_COUNTS = ("cached_tokens", "thinking_tokens")
"""The fields of Usage that stand beside the settings."""


class UnreadableRow(ValueError):
    """A row that is not a vote, or one of many rows that may not be; the message says why."""


def to_row(vote: Vote) -> dict[str, str]:
    """The vote's cells by column, in the order of COLUMNS. Raises UnreadableRow if it could not be read back."""
    battle = vote.battle
    row: dict[str, Any] = {
        "question_id": battle.id,
        "winner": Winner(vote.winner),
        "turn": battle.turn,
        "anony": battle.blind,
        "tstamp": vote.time,
        "vote_id": vote.id,
        "criteria": _json_cell({clean(name): clean(side) for name, side in vote.criteria.items()}),
        "settings": _json_cell({name.value: cell for name in SideName if (cell := _settings(battle.side(name)))}),
        "dwell_s": vote.dwell,
        "schema": SCHEMA,
        **{name: getattr(battle, name) for name in _OF_BATTLE},
        **{name: getattr(vote, name) for name in _OF_VOTE},
    }
    for name in SideName:
        row |= {f"{column}_{name}": cell for column, cell in _side_cells(battle.side(name)).items()}
        row[f"thinking_{name}"] = battle.seen_thinking(name)
    _check(row)
    return {column: clean(_cell(column, row[column])) for column in COLUMNS}


def _check(row: Mapping[str, Any]) -> None:
    """Raises UnreadableRow for a row that lacks a required cell, or has the same model on both sides."""
    for name in REQUIRED:
        if not row.get(name):
            raise UnreadableRow(f"{name} is missing")
    if row["model_a"] == row["model_b"]:
        raise UnreadableRow("both sides are the same model")


def _side_cells(side: Side) -> dict[str, Any]:
    answer, usage = side.answer, side.answer.usage
    # Cleaned before the JSON: JSON would write NUL as \u0000, and a reader would get the NUL back.
    turns = [{"role": message.role, "content": clean(message.content)} for message in side.exchange]
    return {
        "model": side.model.id,
        "response": answer.text,
        "conversation": _json_cell(turns),
        "precision": side.model.precision,
        "revision": side.model.revision,
        "finish": answer.finish_reason,
        "tokens": usage.new_tokens,
        "first_token": usage.first_token_seconds,
        "seconds": usage.seconds,
        "joules": usage.joules,
    }


def _settings(side: Side) -> dict[str, Any]:
    """The settings, what the server refused of them, and counts: cached tokens may change an answer by rounding."""
    config = side.config.as_dict() if side.config else {}
    counts = {name: count for name in _COUNTS if (count := getattr(side.answer.usage, name))}
    refused = {"refused": list(side.answer.refused)} if side.answer.refused else {}
    return {**config, **counts, **refused}


def _cell(column: str, value: Any) -> str:
    if column in NUMERIC and column not in WHOLE and value is not None:
        return repr(float(value)) if math.isfinite(value) else ""
    return "" if value is None else str(value)


def _json_cell(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def to_vote(row: Mapping[str, str]) -> Vote:
    """The vote in a row. A missing column counts as empty.

    An unknown time is 0, an unknown turn 1, an unknown source live; other unknown fields are empty. Raises
    UnreadableRow for a cell that is not as `to_row` writes it: nothing is guessed.
    """
    _check(row)
    cells: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    cells |= row
    cells |= {name: read(name, cells[name]) for name, read in READERS.items()}
    battle = Battle(
        id=cells["question_id"],
        a=_side(cells, SideName.A),
        b=_side(cells, SideName.B),
        turn=cells["turn"] or 1,
        blind=cells["anony"] or False,
        **{name: cells[name] for name in _OF_BATTLE},
    )
    return Vote(
        id=cells["vote_id"],
        battle=battle,
        time=cells["tstamp"] or 0.0,
        dwell=cells["dwell_s"],
        **{name: cells[name] for name in (*_OF_VOTE, "winner", "criteria")},
    )


def _side(cells: Mapping[str, Any], name: SideName) -> Side:
    own = {column.removesuffix(f"_{name}"): cell for column, cell in cells.items() if column.endswith(f"_{name}")}
    model, (config, counts, refused) = own["model"], cells["settings"][name]
    return Side(
        ModelSpec(model, model, family="", source="", runtime="", precision=own["precision"], revision=own["revision"]),
        own["conversation"][:-1],  # the last message is the answer
        config,
        Answer(
            own["response"],
            own["thinking"],
            refused=refused,
            finish_reason=own["finish"],
            usage=Usage(None, own["tokens"], own["first_token"], own["seconds"], joules=own["joules"], **counts),
        ),
    )


# ---- cells


_SideSettings = tuple[GenerationConfig | None, dict[str, int], tuple[str, ...]]


def _settings_in(name: str, cell: str) -> Mapping[SideName, _SideSettings]:
    """The generation settings of each side, the counts beside them, and the settings that the server refused."""
    settings = _json(name, cell, dict)
    return {side: _side_settings(settings.get(side, {})) for side in SideName}


def _side_settings(settings: Any) -> _SideSettings:
    try:
        given = dict(settings)
        refused = tuple(map(str, given.pop("refused", ())))
        counts = {name: count for name in _COUNTS if (count := given.pop(name, None)) is not None}
        config = GenerationConfig().with_settings(given) if given else None
    except (InputError, TypeError, ValueError) as error:
        raise UnreadableRow(f"settings: {error}") from error
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise UnreadableRow(f"settings: {name} must be a whole number")
    return config, counts, refused


def _messages(name: str, cell: str) -> tuple[Message, ...]:
    turns = _json(name, cell, list)
    if not all(isinstance(turn, dict) and set(turn) == {"role", "content"} for turn in turns):
        raise UnreadableRow(f"{name} is not a list of messages")
    if not all(turn["role"] in get_args(Role) and isinstance(turn["content"], str) for turn in turns):
        raise UnreadableRow(f"{name} has an unknown role or no text")
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)


def _criteria(name: str, cell: str) -> dict[str, str]:
    criteria: dict[str, str] = _json(name, cell, dict)
    if not all(isinstance(side, str) for side in criteria.values()):
        raise UnreadableRow("criteria: every value must be text")
    return criteria


def _json(name: str, cell: str, kind: type) -> Any:
    try:
        value = json.loads(cell) if cell else kind()
    except (ValueError, RecursionError) as error:
        raise UnreadableRow(f"{name} is not JSON") from error
    if not isinstance(value, kind):
        raise UnreadableRow(f"{name} is not a JSON {kind.__name__}")
    return value


def _label(values: Mapping[str, Any], name: str, cell: str) -> Any:
    if cell not in values:
        raise UnreadableRow(f"unknown {name} {cell[:40]!r}")
    return values[cell]


def _whole(name: str, cell: str) -> int | None:
    try:
        value = int(cell) if cell else None
    except ValueError as error:
        raise UnreadableRow(f"{name} {cell[:40]!r} is not a whole number") from error
    if value is not None and abs(value) > LARGEST_WHOLE:
        raise UnreadableRow(f"{name} is too large")
    return value


def _number(name: str, cell: str) -> float | None:
    try:
        value = float(cell) if cell else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        kind = "neither Unix seconds nor a date like 2025-11-24 16:00:00" if name == "tstamp" else "not a number"
        raise UnreadableRow(f"{name} {cell[:40]!r} is {kind}")
    return value


_FINISH = partial(_label, {"": None, **{reason: reason for reason in get_args(FinishReason)}})

READERS: Mapping[str, Callable[[str, str], Any]] = {
    "settings": lru_cache(maxsize=1024)(_settings_in),  # most votes of a log have the same
    "criteria": _criteria,
    "winner": partial(_label, {winner.value: winner for winner in Winner}),
    "source": partial(_label, {"": "live", "live": "live", "recorded": "recorded"}),
    **dict.fromkeys(("finish_a", "finish_b"), _FINISH),
    **dict.fromkeys(FLAGS, partial(_label, {"": None, "True": True, "False": False})),
    **dict.fromkeys(("conversation_a", "conversation_b"), _messages),
    **dict.fromkeys(sorted(NUMERIC), _number),
    **dict.fromkeys(("turn", "tokens_a", "tokens_b"), _whole),
}
"""The columns whose cells are not just text, and what reads a cell of each. Raises UnreadableRow."""
