"""What a prompt needs, whatever file it came from. Raises ValueError that says what is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from arena.prompts.prompt import DIMENSIONS, Prompt
from arena.prompts.reference import Reference, parse_reference
from arena.text import clean

_REQUIRED = {"id", "dimension", "title", "prompt"}
_OPTIONAL = {"more", "category", "reference"}
LONGEST_DIMENSION = 40
# A row of a CSV holds texts alone: several of them in one cell stand between these.
_BETWEEN = "|"
_TITLE_WIDTH = 40
# The kinds of MT-bench and of FastChat's sets, as what they test.
_DIMENSION_OF = {
    "reasoning": "reasoning",
    "math": "reasoning",
    "extraction": "reasoning",
    "stem": "knowledge",
    "humanities": "knowledge",
    "knowledge": "knowledge",
    "writing": "generation",
    "roleplay": "generation",
    "coding": "generation",
    "generation": "generation",
    "translation": "multilingual",
    "multilingual": "multilingual",
}


def full_prompt(entry: Any, _number: int) -> Prompt:
    """An entry of the project's own format, in which nothing may be missing that the page shows."""
    if not isinstance(entry, dict) or not _REQUIRED <= set(entry) <= _REQUIRED | _OPTIONAL:
        raise ValueError(
            f"it needs the keys {', '.join(sorted(_REQUIRED))}, may have {', '.join(sorted(_OPTIONAL))}, and no others"
        )
    title = entry["title"]
    if not isinstance(title, dict) or set(title) != {"zh", "en"} or not all(_filled(text) for text in title.values()):
        raise ValueError("the title needs a text for zh and for en")
    if not _filled(entry["id"]):
        raise ValueError("id and prompt must be texts")
    dimension = _dimension(entry["dimension"])
    return _prompt(entry["id"], dimension, title, [entry["prompt"], *_texts(entry, "more")], entry)


def imported_prompt(entry: Any, number: int) -> Prompt:
    """An entry of somebody else's set: FastChat's keys, or the project's with all but the text left out.

    `number` counts entries from 1 and becomes the id where there is none.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    entry = {name: value for name, value in entry.items() if value is not None}
    if "turns" in entry:
        return _fastchat(entry)
    prompt_id = str(entry.get("id") or f"p{number}")
    turns = [entry.get("prompt"), *_texts(entry, "more")]
    given = entry.get("dimension")
    dimension = _dimension(given) if given else _DIMENSION_OF.get(str(entry.get("category")).lower(), "")
    title = entry.get("title")
    if not isinstance(title, dict) or not all(_filled(title.get(lang)) for lang in ("zh", "en")):
        title = _title(prompt_id, title if _filled(title) else turns[0])
    return _prompt(prompt_id, dimension, title, turns, _cells(entry))


def table_row(row: Mapping[str | None, Any], number: int) -> Prompt:
    """A row of a CSV, which the csv module has read, as `imported_prompt`."""
    if None in row or None in row.values():  # its way to say so
        raise ValueError("it has more or fewer cells than there are columns")
    return imported_prompt(dict(row), number)


def _fastchat(entry: Mapping[str, Any]) -> Prompt:
    turns, question, category = entry["turns"], entry.get("question_id"), str(entry.get("category") or "")
    if not isinstance(turns, list) or not turns:
        raise ValueError("turns must be a list of texts")
    if isinstance(question, bool) or not isinstance(question, (int, str)) or not str(question).strip():
        raise ValueError("question_id must be a number or a text")
    told: dict[str, Any] = {"category": category}
    answers = entry.get("reference", [])
    answers = [answers] if isinstance(answers, str) else answers
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        raise ValueError("reference must be a text or a list of texts")
    if known := [one for one in answers if one.strip()]:
        told["reference"] = {"text": "\n\n".join(known)}
    dimension = _DIMENSION_OF.get(category.lower(), "")
    return _prompt(str(question), dimension, _title(str(question), turns[0]), turns, told)


def _prompt(
    prompt_id: str, dimension: str, title: Mapping[str, str], turns: list[Any], told: Mapping[str, Any]
) -> Prompt:
    if not all(_filled(turn) for turn in turns):
        raise ValueError("id and prompt must be texts")
    category = told.get("category", "")
    if not isinstance(category, str):
        raise ValueError("the category must be a text")
    reference: Reference | None = parse_reference(told["reference"]) if told.get("reference") is not None else None
    first, *more = [clean(turn) for turn in turns]
    return Prompt(clean(prompt_id), dimension, title, first, tuple(more), clean(category), reference)


def _dimension(value: Any) -> str:
    """One of the usual names, whatever its case, or a short name of the set's own."""
    name = " ".join(clean(value).split()) if isinstance(value, str) else ""
    if not 0 < len(name) <= LONGEST_DIMENSION:
        usual = ", ".join(DIMENSIONS)
        raise ValueError(f"the dimension must be {usual}, or another name of {LONGEST_DIMENSION} characters at most")
    return name.casefold() if name.casefold() in DIMENSIONS else name


def _title(prompt_id: str, text: Any) -> Mapping[str, str]:
    """One that no other prompt has: the first words, after the id."""
    words = textwrap.shorten(clean(str(text)), _TITLE_WIDTH, placeholder="…")
    if words == "…":  # a text without spaces
        words = clean(str(text)).strip()[:_TITLE_WIDTH] + "…"
    name = f"{prompt_id} {words}"
    return {"zh": name, "en": name}


def _cells(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of a CSV with its reference in the project's keys; anything else as it is."""
    told = {key: row[key] for key in ("must", "must_not", "languages") if row.get(key)}
    found = {key: cell if isinstance(cell, list) else _split(cell) for key, cell in told.items()}
    return {**row, "reference": found} if found else row


def _texts(entry: Mapping[str, Any], key: str) -> list[Any]:
    found = entry.get(key) or []
    if isinstance(found, str):
        found = _split(found)
    if not isinstance(found, list):
        raise ValueError(f"{key} must be a list of texts")
    return found


def _split(cell: Any) -> list[str]:
    return [part.strip() for part in str(cell).split(_BETWEEN) if part.strip()]


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
