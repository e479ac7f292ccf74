"""Automatic checks of an answer against its prompt's reference: hints for raters, not verdicts. Runs no code."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from arena.checks.code import check_code, claimed_results
from arena.checks.wording import languages_in, says
from arena.prompts import CodeReference, Reference
from arena.translations import Texts, read_table

Kind = Literal["says", "does not say", "language", "parses", "function", "result"]


@dataclass(frozen=True)
class Check:
    """The result for one fact, which may have several wordings.

    `expected` is its first wording, `actual` what the answer says, or "".
    """

    kind: Kind
    expected: str
    actual: str
    passed: bool


def check_answer(reference: Reference, text: str) -> tuple[Check, ...]:
    """The checks of an answer in the order of the reference; none if the reference is only for reading."""
    return tuple(_checks(reference, text))


def _checks(reference: Reference, text: str) -> Iterator[Check]:
    kinds: tuple[Kind, ...] = ("says", "does not say")
    for kind, facts in zip(kinds, (reference.must, reference.must_not), strict=True):
        for wordings in facts:
            match = next((wording for wording in wordings if says(text, wording)), "")
            yield Check(kind, wordings[0], match, bool(match) == (kind == "says"))
    if reference.languages:
        languages = languages_in(text)
        for language in reference.languages:
            yield Check("language", language, ", ".join(sorted(languages)), language in languages)
    if reference.code:
        code = check_code(text)
        yield Check("parses", "Python", code.syntax_error, code.parses)
        if code.parses:
            name = reference.code.function
            is_defined = name in code.functions if name else bool(code.functions)
            yield Check("function", name, ", ".join(code.functions), is_defined)
        yield from _results(text, reference.code)


def _results(text: str, reference: CodeReference) -> Iterator[Check]:
    """One check per input that the text states a result for: a single wrong claim about it fails the check."""
    inputs: set[str] = set()
    for written, right in reference.results:
        key = "".join(written.split())
        claims = [] if key in inputs else list(claimed_results(text, written, right))
        inputs.add(key)
        if claims:
            worst = next((claim for claim in claims if claim != right), right)
            yield Check("result", f"{written} → {right:g}", f"{worst:g}", worst == right)


# ---- each outcome in one short line

text = Texts(read_table(Path(__file__).with_name("texts.toml"))).text


def describe(lang: str, check: Check) -> str:
    """The outcome of a check, for example: says “20 minutes”."""
    expected = text(lang, check.expected) if check.kind == "language" else check.expected
    key = f"{check.kind.replace(' ', '_')}_{'passed' if check.passed else 'failed'}"
    line = text(lang, key, expected=expected, actual=check.actual)
    return f"{line} ({check.actual})" if key == "parses_failed" and check.actual else line
