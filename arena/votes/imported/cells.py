"""Rewrites cells that another program saved as the log writes them: TRUE as True, 84.0 as 84."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from arena.votes.rows import FLAGS, LARGEST_WHOLE, NUMERIC, WHOLE

# As spreadsheets, databases and pandas write them; no word has two meanings.
_TRUE = ("true", "1", "1.0", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "истина")
_FALSE = ("false", "0", "0.0", "falsch", "faux", "falso", "onwaar", "ложь")
_FLAGS = {"": "", **dict.fromkeys(_TRUE, "True"), **dict.fromkeys(_FALSE, "False")}

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_AMBIGUOUS = re.compile(r"[+-]?\d{1,3},000")  # 84, or 84 thousand
_LONG_GROUPS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3}){2,}|(?:\.\d{3}){2,}|(?:[ '’\u00a0\u202f]\d{3})+)")
_MIXED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+\.|(?:\.\d{3})+,)\d+")
# In seconds the year 5138: a larger number counts milliseconds or smaller units.
_LATEST = 1e11
_DATE = re.compile(
    r"(\d{4})(?P<mark>[-/.])(\d{1,2})(?P=mark)(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r" *(Z|UTC|[+-]\d{2}:?\d{2})?"
)
_TEXTS = ("conversation_a", "conversation_b", "settings")


def tidied(row: Mapping[str, str]) -> dict[str, str]:
    """The row as `to_row` would write it. Ambiguous cells are left unchanged, and `to_vote` refuses them."""
    return {name: _CELLS[name](cell) if name in _CELLS else cell for name, cell in row.items()}


def tidied_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Like `tidied`, for the columns of many rows."""
    return {name: [*map(_CELLS[name], cells)] if name in _CELLS else cells for name, cells in columns.items()}


def broken_texts(row: Mapping[str, str]) -> list[str]:
    """The optional columns with malformed JSON, for example a long cell that a spreadsheet has cut."""
    return [name for name in _TEXTS if row.get(name) and not _is_json(row[name])]


def _is_json(cell: str) -> bool:
    try:
        json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return True


def _flag(cell: str) -> str:
    return _FLAGS.get(cell.strip().casefold(), cell)


def _whole(cell: str) -> str:
    number = cell.strip()
    value = _value(number.replace(",", "") if _THOUSANDS.fullmatch(number) else number)
    if value is None or not value.is_integer() or abs(value) > LARGEST_WHOLE or _AMBIGUOUS.fullmatch(number):
        return number
    return str(int(value))


def _real(cell: str) -> str:
    value = _value(cell.strip())
    return cell.strip() if value is None else repr(value)


def _time(cell: str) -> str:
    text = cell.strip()
    value = _value(text)
    if value is None:
        value = _seconds(text)
    if value is None:
        return text
    while abs(value) > _LATEST:
        value /= 1000
    return repr(value)


def _value(number: str) -> float | None:
    """The finite number in the notation of any country; a single comma is a decimal comma."""
    if _LONG_GROUPS.fullmatch(number):
        number = re.sub(r"[^\d+-]", "", number)
    elif _MIXED.fullmatch(number):
        point = max(number.rfind(","), number.rfind("."))
        number = f"{re.sub('[,.]', '', number[:point])}.{number[point + 1 :]}"
    elif number.count(",") == 1 and "." not in number:
        number = number.replace(",", ".")
    with suppress(ValueError):
        value = float(number)
        return value if math.isfinite(value) else None
    return None


def _seconds(date: str) -> float | None:
    """Unix seconds of a date that begins with the year; UTC if it has no time zone."""
    with suppress(ValueError):
        if match := _DATE.fullmatch(date):
            year, _, month, day, hour, minute, second, fraction, zone = match.groups("0")
            time = f"{hour:0>2}:{minute:0>2}:{second:0>2}.{fraction}{'Z' if zone in ('0', 'UTC') else zone}"
            return datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{time}").timestamp()
    return None


_CELLS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys(("winner", "source", "finish_a", "finish_b"), str.strip),
    **dict.fromkeys(NUMERIC, _real),
    **dict.fromkeys(WHOLE, _whole),
    "tstamp": _time,
}
