"""What is known of a good answer to a prompt, as a value; `arena.checks` compares answers with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What `arena.checks` can tell apart.
LANGUAGES = (
    "Chinese",
    "English",
    "Japanese",
    "Korean",
    "Russian",
    "Arabic",
    "German",
    "French",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
)
_KEYS = {"must", "must_not", "languages", "code", "text"}
_CODE_KEYS = {"function", "results"}


@dataclass(frozen=True)
class CodeReference:
    """What Python code in an answer has to be: it parses, and defines `function` (any function if that is empty).

    `results` are pairs of an input, as it is written in Python, and the number that comes out. Where an answer shows
    one of the inputs and claims a number for it, it has to be this one.
    """

    function: str = ""
    results: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Reference:
    """What an answer has to say: each fact of `must`, no claim of `must_not`, something in each of `languages`, code.

    A fact or a claim is given as its wordings, and any one of them says it. `text` is a good answer in full, to read.
    """

    must: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[tuple[str, ...], ...] = ()
    languages: tuple[str, ...] = ()
    code: CodeReference | None = None
    text: str = ""


def parse_reference(entry: Any) -> Reference:
    """A reference out of its JSON object. Raises ValueError that says what is wrong."""
    if not isinstance(entry, dict) or not entry or not set(entry) <= _KEYS:
        raise ValueError(f"the reference needs one or more of the keys {', '.join(sorted(_KEYS))}, and no others")
    languages = _texts(entry, "languages")
    for language in languages:
        if language not in LANGUAGES:
            raise ValueError(f"the reference's languages must be among {', '.join(LANGUAGES)}")
    text = entry.get("text", "")
    if not isinstance(text, str):
        raise ValueError("the reference's text must be a text")
    return Reference(_facts(entry, "must"), _facts(entry, "must_not"), languages, _code(entry), text)


def _facts(entry: Mapping[str, Any], key: str) -> tuple[tuple[str, ...], ...]:
    """Each fact as its wordings; a plain text is a fact with one wording."""
    found = entry.get(key, [])
    facts = [fact if isinstance(fact, list) else [fact] for fact in found] if isinstance(found, list) else [[]]
    if not all(fact and all(_filled(wording) for wording in fact) for fact in facts):
        raise ValueError(f"the reference's {key} needs a list of texts, or of lists of wordings that mean the same")
    return tuple(dict.fromkeys(tuple(fact) for fact in facts))


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = entry.get(key, [])
    if not isinstance(found, list) or not all(_filled(one) for one in found):
        raise ValueError(f"the reference's {key} must be a list of texts")
    return tuple(dict.fromkeys(found))


def _code(entry: Mapping[str, Any]) -> CodeReference | None:
    if "code" not in entry:
        return None
    code = entry["code"]
    if not isinstance(code, dict) or not set(code) <= _CODE_KEYS or not isinstance(code.get("function", ""), str):
        raise ValueError("the reference's code is an object with a function's name, results, both or none")
    results = code.get("results", {})
    if not isinstance(results, dict) or not all(_number(value) for value in results.values()):
        raise ValueError("the reference's results must be numbers by the input that gives them")
    return CodeReference(code.get("function", ""), tuple(results.items()))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
