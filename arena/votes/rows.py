"""Turns one vote into one row of votes.csv, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, cast, get_args

from arena.errors import InputError
from arena.text import clean
from arena.types import (
    Answer,
    Battle,
    FinishReason,
    GenerationConfig,
    Message,
    ModelSpec,
    Role,
    Side,
    SideName,
    Usage,
    Vote,
    Winner,
)

SCHEMA = 1
"""The version of COLUMNS. Change both together: another header starts a new part of the log."""

# fmt: off
COLUMNS = (
    "question_id", "model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp", "vote_id",
    "prompt_id", "dimension", "prompt", "response_a", "response_b", "conversation_a", "conversation_b",
    "precision_a", "precision_b", "revision_a", "revision_b", "finish_a", "finish_b", "tokens_a", "tokens_b",
    "first_token_a", "first_token_b", "seconds_a", "seconds_b", "criteria", "any_right", "comment", "leaked",
    "source", "room", "repeat_of", "settings", "dwell_s", "schema",
)
# fmt: on

NUMERIC = frozenset(
    {"turn", "tstamp", "tokens_a", "tokens_b", "first_token_a", "first_token_b", "seconds_a", "seconds_b", "dwell_s"}
)
"""The columns whose cells are numbers or empty, checked by `to_vote`."""

WHOLE = ("turn", "tokens_a", "tokens_b", "schema")
"""The columns of whole numbers; `to_vote` does not check `schema`."""

FLAGS = ("anony", "any_right", "leaked")
"""The columns of True, False or empty."""

LARGEST_WHOLE = 2**53
"""Up to here a float represents every whole number."""

REQUIRED = ("question_id", "model_a", "model_b", "winner")
"""The columns that a row needs to count as a vote."""


class UnreadableRow(ValueError):
    """A row that is not a vote; the message says why."""


def to_row(vote: Vote) -> dict[str, str]:
    """The vote's cells by column, in the order of COLUMNS. Raises ValueError for a vote that could not be read back."""
    battle = vote.battle
    row = {
        "question_id": battle.id,
        "winner": Winner(vote.winner).value,
        "judge": vote.judge,
        "turn": str(battle.turn),
        "anony": str(battle.blind),
        "language": vote.language,
        "tstamp": _number_cell(vote.time),
        "vote_id": vote.id,
        "prompt_id": battle.prompt_id,
        "dimension": battle.dimension,
        "prompt": battle.prompt,
        "criteria": _json_cell({clean(name): clean(side) for name, side in vote.criteria.items()}),
        "any_right": _flag_cell(vote.any_right),
        "comment": vote.comment,
        "leaked": _flag_cell(vote.leaked),
        "source": battle.source,
        "room": vote.room,
        "repeat_of": vote.repeat_of,
        "settings": _json_cell({name.value: cell for name in SideName if (cell := _settings(battle.side(name)))}),
        "dwell_s": _number_cell(vote.dwell),
        "schema": str(SCHEMA),
    }
    for name in SideName:
        row |= {f"{column}_{name}": cell for column, cell in _side_cells(battle.side(name)).items()}
    missing = [name for name in REQUIRED if not row[name]]
    if missing:
        raise ValueError(f"A vote cannot be stored without its {missing[0]}.")
    if row["model_a"] == row["model_b"]:
        raise ValueError("A vote on two answers of the same model cannot be stored.")
    return {column: clean(row[column]) for column in COLUMNS}


def _side_cells(side: Side) -> dict[str, str]:
    answer, usage = side.answer, side.answer.usage
    conversation = (*side.messages, Message("assistant", answer.text))
    # Cleaned before the JSON: JSON would write NUL as \u0000, and a reader would get the NUL back.
    turns = [{"role": message.role, "content": clean(message.content)} for message in conversation]
    return {
        "model": side.model.id,
        "response": answer.text,
        "conversation": _json_cell(turns),
        "precision": side.model.precision,
        "revision": side.model.revision,
        "finish": answer.finish_reason or "",
        "tokens": "" if usage.new_tokens is None else str(usage.new_tokens),
        "first_token": _number_cell(usage.first_token_seconds),
        "seconds": _number_cell(usage.seconds),
    }


def _settings(side: Side) -> dict[str, Any]:
    """The generation settings; with cached tokens of the prompt the answer may differ by rounding."""
    cached = side.answer.usage.cached_tokens
    config = asdict(side.config) if side.config else {}
    return {**config, **({"cached_tokens": cached} if cached else {})}


def _number_cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def _flag_cell(value: bool | None) -> str:
    return "" if value is None else str(value)


def _json_cell(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def named_cells(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of a row by column, without the empty cells that spreadsheets add after the last column.

    Raises UnreadableRow if there are more or fewer cells than columns.
    """
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise UnreadableRow(f"{len(cells)} cells, not {len(header)}")
    return dict(zip(header, cells, strict=False))


def to_vote(row: Mapping[str, str]) -> Vote:
    """The vote in a row. A missing column counts as empty.

    An unknown time is 0, an unknown turn 1, an unknown source live; other unknown fields are empty. Raises
    UnreadableRow for a cell that is not as `to_row` writes it: nothing is guessed.
    """
    for name in REQUIRED:
        if not row.get(name):
            raise UnreadableRow(f"{name} is missing")
    if row["model_a"] == row["model_b"]:
        raise UnreadableRow("both sides are the same model")
    settings = _settings_in(row.get("settings", ""))
    battle = Battle(
        id=row["question_id"],
        prompt=row.get("prompt", ""),
        a=_side(row, SideName.A, settings),
        b=_side(row, SideName.B, settings),
        prompt_id=row.get("prompt_id", ""),
        dimension=row.get("dimension", ""),
        turn=_whole(row, "turn") or 1,
        blind=_flag(row, "anony") or False,
        source="recorded" if _label(row, "source", ("live", "recorded")) == "recorded" else "live",
    )
    return Vote(
        id=row.get("vote_id", ""),
        battle=battle,
        winner=Winner(_label(row, "winner", tuple(Winner))),
        judge=row.get("judge", ""),
        time=_number(row, "tstamp") or 0.0,
        language=row.get("language", ""),
        criteria=_criteria(row),
        any_right=_flag(row, "any_right"),
        comment=row.get("comment", ""),
        leaked=_flag(row, "leaked"),
        room=row.get("room", ""),
        repeat_of=row.get("repeat_of", ""),
        dwell=_number(row, "dwell_s"),
    )


JSON_COLUMNS = ("settings", "criteria", "conversation_a", "conversation_b")
"""The columns whose cells are JSON or empty."""


def check_json(column: str, cell: str) -> None:
    """Raises UnreadableRow for a cell of one of JSON_COLUMNS that `to_vote` would refuse."""
    row = {column: cell}
    if column == "settings":
        _settings_in(cell)
    elif column == "criteria":
        _criteria(row)
    else:
        _messages(row, column)


_SideSettings = tuple[GenerationConfig | None, int | None]


@lru_cache(maxsize=1024)  # most votes of a log have the same settings
def _settings_in(cell: str) -> Mapping[SideName, _SideSettings]:
    """The generation settings of each side, and how many tokens of its prompt were cached."""
    settings = _json({"settings": cell}, "settings", dict)
    own = {name: settings.get(name, {}) for name in SideName}
    return {name: (_config(own[name]), _cached(own[name])) for name in SideName}


def _side(row: Mapping[str, str], name: SideName, settings: Mapping[SideName, _SideSettings]) -> Side:
    model = row[f"model_{name}"]
    precision, revision = row.get(f"precision_{name}", ""), row.get(f"revision_{name}", "")
    config, cached = settings[name]
    usage = Usage(
        cached_tokens=cached,
        new_tokens=_whole(row, f"tokens_{name}"),
        first_token_seconds=_number(row, f"first_token_{name}"),
        seconds=_number(row, f"seconds_{name}"),
    )
    finish = _label(row, f"finish_{name}", get_args(FinishReason)) or None
    return Side(
        model=ModelSpec(model, model, family="", source="", runtime="", precision=precision, revision=revision),
        messages=_messages(row, f"conversation_{name}")[:-1],  # the last one is the answer
        config=config,
        answer=Answer(row.get(f"response_{name}", ""), finish_reason=cast("FinishReason | None", finish), usage=usage),
    )


def _cached(settings: Any) -> int | None:
    cached = settings.get("cached_tokens") if isinstance(settings, dict) else None
    if cached is not None and (not isinstance(cached, int) or isinstance(cached, bool) or cached < 0):
        raise UnreadableRow("settings: cached_tokens must be a whole number")
    return cached


def _config(settings: Any) -> GenerationConfig | None:
    try:
        given = dict(settings)
        given.pop("cached_tokens", None)
        return GenerationConfig().with_settings(given) if given else None
    except (InputError, TypeError, ValueError) as error:
        raise UnreadableRow(f"settings: {error}") from error


def _messages(row: Mapping[str, str], name: str) -> tuple[Message, ...]:
    turns = _json(row, name, list)
    if not all(isinstance(turn, dict) and set(turn) == {"role", "content"} for turn in turns):
        raise UnreadableRow(f"{name} is not a list of messages")
    if not all(turn["role"] in get_args(Role) and isinstance(turn["content"], str) for turn in turns):
        raise UnreadableRow(f"{name} has an unknown role or no text")
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)


def _criteria(row: Mapping[str, str]) -> dict[str, str]:
    criteria: dict[str, str] = _json(row, "criteria", dict)
    if not all(isinstance(side, str) for side in criteria.values()):
        raise UnreadableRow("criteria: every value must be text")
    return criteria


def _json(row: Mapping[str, str], name: str, kind: type) -> Any:
    cell = row.get(name)
    try:
        value = json.loads(cell) if cell else kind()
    except (ValueError, RecursionError) as error:
        raise UnreadableRow(f"{name} is not JSON") from error
    if not isinstance(value, kind):
        raise UnreadableRow(f"{name} is not a JSON {kind.__name__}")
    return value


def _label(row: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    label = row.get(name, "")
    if label and label not in known:
        raise UnreadableRow(f"unknown {name} {label[:40]!r}")
    return label


def _flag(row: Mapping[str, str], name: str) -> bool | None:
    return {"True": True, "False": False, "": None}[_label(row, name, ("True", "False"))]


def _whole(row: Mapping[str, str], name: str) -> int | None:
    cell = row.get(name, "")
    try:
        value = int(cell) if cell else None
    except ValueError as error:
        raise UnreadableRow(f"{name} {cell[:40]!r} is not a whole number") from error
    if value is not None and abs(value) > LARGEST_WHOLE:
        raise UnreadableRow(f"{name} is too large")
    return value


def _number(row: Mapping[str, str], name: str) -> float | None:
    cell = row.get(name, "")
    try:
        value = float(cell) if cell else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        kind = "neither Unix seconds nor a date like 2025-11-24 16:00:00" if name == "tstamp" else "not a number"
        raise UnreadableRow(f"{name} {cell[:40]!r} is {kind}")
    return value
