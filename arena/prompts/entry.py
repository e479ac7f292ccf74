"""Turns an entry of a prompt file into a Prompt. All functions raise ValueError that says what is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from arena.prompts.prompt import DIMENSIONS, Prompt, is_text, parse_reference
from arena.text import clean

_REQUIRED = {"id", "dimension", "title", "prompt"}
_OPTIONAL = {"more", "category", "reference"}
LONGEST_DIMENSION = 40
# Separates several texts in one cell of a CSV.
_SEPARATOR = "|"
_TITLE_WIDTH = 40
# The dimension of each category of MT-bench and of FastChat's sets.
_DIMENSION_OF = {name: name for name in DIMENSIONS} | {
    "math": "reasoning",
    "extraction": "reasoning",
    "stem": "knowledge",
    "humanities": "knowledge",
    "writing": "generation",
    "roleplay": "generation",
    "coding": "generation",
    "translation": "multilingual",
}


def full_prompt(entry: Any, _number: int) -> Prompt:
    """A prompt in the project's own format, which must have everything that the page shows."""
    if not isinstance(entry, dict) or not _REQUIRED <= set(entry) <= _REQUIRED | _OPTIONAL:
        raise ValueError(
            f"it needs the keys {', '.join(sorted(_REQUIRED))}, may have {', '.join(sorted(_OPTIONAL))}, and no others"
        )
    title = entry["title"]
    if not isinstance(title, dict) or set(title) != {"zh", "en"} or not all(map(is_text, title.values())):
        raise ValueError("the title needs a text for zh and for en")
    if not is_text(entry["id"]):
        raise ValueError("id and prompt must be texts")
    dimension = _dimension(entry["dimension"])
    return _prompt(entry["id"], dimension, title, [entry["prompt"], *_texts(entry, "more")], entry)


def imported_prompt(entry: Any, number: int) -> Prompt:
    """A prompt of a foreign set: FastChat's keys, or the project's, of which only the text is required.

    `number` counts entries from 1 and serves as the id if there is none.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    entry = {name: value for name, value in entry.items() if value is not None}
    if "turns" in entry:
        return _fastchat(entry)
    prompt_id = str(entry.get("id") or f"p{number}")
    turns = [entry.get("prompt"), *_texts(entry, "more")]
    dimension = entry.get("dimension")
    dimension = _dimension(dimension) if dimension else _DIMENSION_OF.get(str(entry.get("category")).lower(), "")
    title = entry.get("title")
    if not isinstance(title, dict) or not all(is_text(title.get(lang)) for lang in ("zh", "en")):
        title = _title(prompt_id, title if is_text(title) else turns[0])
    return _prompt(prompt_id, dimension, title, turns, _cells(entry))


def table_row(row: Mapping[str | None, Any], number: int) -> Prompt:
    """A prompt in a row of a csv.DictReader; see `imported_prompt`."""
    if None in row or None in row.values():  # how csv.DictReader marks such rows
        raise ValueError("it has more or fewer cells than there are columns")
    return imported_prompt(dict(row), number)


def _fastchat(entry: Mapping[str, Any]) -> Prompt:
    turns, question, category = entry["turns"], entry.get("question_id"), str(entry.get("category") or "")
    if not isinstance(turns, list) or not turns:
        raise ValueError("turns must be a list of texts")
    if isinstance(question, bool) or not isinstance(question, (int, str)) or not str(question).strip():
        raise ValueError("question_id must be a number or a text")
    details: dict[str, Any] = {"category": category}
    answers = entry.get("reference", [])
    answers = [answers] if isinstance(answers, str) else answers
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise ValueError("reference must be a text or a list of texts")
    if answers := list(filter(is_text, answers)):
        details["reference"] = {"text": "\n\n".join(answers)}
    dimension = _DIMENSION_OF.get(category.lower(), "")
    return _prompt(str(question), dimension, _title(str(question), turns[0]), turns, details)


def _prompt(
    prompt_id: str, dimension: str, title: Mapping[str, str], turns: list[Any], details: Mapping[str, Any]
) -> Prompt:
    if not all(map(is_text, turns)):
        raise ValueError("id and prompt must be texts")
    category = details.get("category", "")
    if not isinstance(category, str):
        raise ValueError("the category must be a text")
    reference = None if details.get("reference") is None else parse_reference(details["reference"])
    first, *more = [clean(turn) for turn in turns]
    return Prompt(clean(prompt_id), dimension, title, first, tuple(more), clean(category), reference)


def _dimension(value: Any) -> str:
    """A usual name, in lower case, or a short name of the set's own."""
    name = " ".join(clean(value).split()) if isinstance(value, str) else ""
    if not 0 < len(name) <= LONGEST_DIMENSION:
        usual = ", ".join(DIMENSIONS)
        raise ValueError(f"the dimension must be {usual}, or another name of at most {LONGEST_DIMENSION} characters")
    return name.casefold() if name.casefold() in DIMENSIONS else name


def _title(prompt_id: str, text: Any) -> Mapping[str, str]:
    """A unique title: the id and the first words."""
    words = textwrap.shorten(clean(str(text)), _TITLE_WIDTH, placeholder="…")
    if words == "…":  # a text without spaces
        words = clean(str(text)).strip()[:_TITLE_WIDTH] + "…"
    name = f"{prompt_id} {words}"
    return {"zh": name, "en": name}


def _cells(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of a CSV with the columns of its reference as one object; other entries unchanged."""
    cells = {key: row[key] for key in ("must", "must_not", "languages") if row.get(key)}
    reference = {key: cell if isinstance(cell, list) else _split(cell) for key, cell in cells.items()}
    return {**row, "reference": reference} if reference else row


def _texts(entry: Mapping[str, Any], key: str) -> list[Any]:
    texts = entry.get(key) or []
    if isinstance(texts, str):
        texts = _split(texts)
    if not isinstance(texts, list):
        raise ValueError(f"{key} must be a list of texts")
    return texts


def _split(cell: Any) -> list[str]:
    return [part.strip() for part in str(cell).split(_SEPARATOR) if part.strip()]
