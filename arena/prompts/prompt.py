"""A prompt, and the reference for its answers, which `arena.checks` compares them with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The usual dimensions, which come first in grouped results; a set may have others of its own.
DIMENSIONS = ("reasoning", "knowledge", "generation", "multilingual")
# The languages that `arena.checks` can tell apart.
_EUROPEAN = ("English", "Russian", "German", "French", "Spanish", "Italian", "Portuguese", "Dutch")
LANGUAGES = ("Chinese", "Japanese", "Korean", "Arabic", *_EUROPEAN)
_KEYS = {"must", "must_not", "languages", "code", "text"}
_CODE_KEYS = {"function", "results"}


@dataclass(frozen=True)
class CodeReference:
    """What Python code in an answer must do: parse, and define `function` (any function if that is empty).

    `results` are pairs of an input, as written in Python, and its numeric result. An answer that gives a number for
    such an input must give this one.
    """

    function: str = ""
    results: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Reference:
    """What an answer must contain: each fact of `must`, none of `must_not`, text in each of `languages`, the code.

    A fact is a tuple of wordings, any of which states it. `text` is a complete good answer.
    """

    must: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[tuple[str, ...], ...] = ()
    languages: tuple[str, ...] = ()
    code: CodeReference | None = None
    text: str = ""


@dataclass(frozen=True)
class Prompt:
    """One prompt of the set.

    `dimension` is what it tests, "" if an imported set does not say; `title` is by language (`zh`, `en`); `text` is the
    first turn and `more` the later ones; `category` is the set's own word for its kind.
    """

    id: str
    dimension: str
    title: Mapping[str, str]
    text: str
    more: tuple[str, ...] = ()
    category: str = ""
    reference: Reference | None = None

    @property
    def turns(self) -> tuple[str, ...]:
        """The user's messages, in order."""
        return (self.text, *self.more)


def parse_reference(entry: Any) -> Reference:
    """The reference in a JSON object. Raises ValueError that says what is wrong."""
    if not isinstance(entry, dict) or not entry or not set(entry) <= _KEYS:
        raise ValueError(f"the reference needs one or more of the keys {', '.join(sorted(_KEYS))}, and no others")
    languages = entry.get("languages", [])
    if not isinstance(languages, list) or not all(map(is_text, languages)):
        raise ValueError("the reference's languages must be a list of texts")
    if not set(languages) <= set(LANGUAGES):
        raise ValueError(f"the reference's languages must be among {', '.join(LANGUAGES)}")
    text = entry.get("text", "")
    if not isinstance(text, str):
        raise ValueError("the reference's text must be a text")
    languages = tuple(dict.fromkeys(languages))
    return Reference(_facts(entry, "must"), _facts(entry, "must_not"), languages, _code(entry), text)


def to_json(reference: Reference) -> dict[str, Any]:
    """The reference as an object that `parse_reference` reads, without what it does not have."""
    facts = {"must": reference.must, "must_not": reference.must_not}
    entry: dict[str, Any] = {key: [fact[0] if len(fact) == 1 else list(fact) for fact in facts[key]] for key in facts}
    entry |= {"languages": list(reference.languages), "text": reference.text}
    if code := reference.code:
        entry["code"] = {"function": code.function, "results": dict(code.results)}
    return {key: value for key, value in entry.items() if value}


def is_text(value: Any) -> bool:
    """Whether the value is a string that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def _facts(entry: Mapping[str, Any], key: str) -> tuple[tuple[str, ...], ...]:
    """Each fact as its wordings; a plain string is a fact with one wording."""
    values = entry.get(key, [])
    facts = [fact if isinstance(fact, list) else [fact] for fact in values] if isinstance(values, list) else [[]]
    if not all(fact and all(map(is_text, fact)) for fact in facts):
        raise ValueError(f"the reference's {key} needs a list of texts, or of lists of wordings that mean the same")
    return tuple(dict.fromkeys(tuple(fact) for fact in facts))


def _code(entry: Mapping[str, Any]) -> CodeReference | None:
    if "code" not in entry:
        return None
    code = entry["code"]
    if not isinstance(code, dict) or not set(code) <= _CODE_KEYS or not isinstance(code.get("function", ""), str):
        raise ValueError("the reference's code must be an object with the keys function, results, both or none")
    results = code.get("results", {})
    if not isinstance(results, dict) or not all(type(result) in (int, float) for result in results.values()):
        raise ValueError("the reference's results must map inputs to numbers")
    return CodeReference(code.get("function", ""), tuple(results.items()))
