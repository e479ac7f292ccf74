"""Automatic checks of an answer against its prompt's reference: hints for raters, not verdicts. Runs no code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from arena.checks.code import Claim, check_code
from arena.checks.wording import languages_in, says
from arena.prompts import Reference

Kind = Literal["says", "does not say", "language", "parses", "function", "result"]


@dataclass(frozen=True)
class Check:
    """The result for one fact, which may have several wordings.

    `expected` is its first wording, `found` what the answer says, or "".
    """

    kind: Kind
    expected: str
    found: str
    passed: bool


def check_answer(reference: Reference, text: str) -> tuple[Check, ...]:
    """The checks of an answer in the order of the reference; none if the reference is only for reading."""
    return tuple(_checks(reference, text))


def _checks(reference: Reference, text: str) -> Iterator[Check]:
    for wordings in reference.must:
        match = _first_match(text, wordings)
        yield Check("says", wordings[0], match, bool(match))
    for wordings in reference.must_not:
        match = _first_match(text, wordings)
        yield Check("does not say", wordings[0], match, not match)
    if reference.languages:
        languages = languages_in(text)
        for language in reference.languages:
            yield Check("language", language, ", ".join(sorted(languages)), language in languages)
    if reference.code:
        code = check_code(text, reference.code)
        yield Check("parses", "Python", code.syntax_error, code.parses)
        if code.parses:
            name = reference.code.function
            is_defined = name in code.functions if name else bool(code.functions)
            yield Check("function", name, ", ".join(code.functions), is_defined)
        yield from _results(code.claims)


def _first_match(text: str, wordings: Sequence[str]) -> str:
    """The first of the wordings that the text says, or ""."""
    return next((wording for wording in wordings if says(text, wording)), "")


def _results(claims: Sequence[Claim]) -> Iterator[Check]:
    """One check per input: a single wrong claim about it fails the check."""
    by_input: dict[str, list[Claim]] = {}
    for claim in claims:
        by_input.setdefault("".join(claim.written.split()), []).append(claim)
    for same in by_input.values():
        worst = next((claim for claim in same if claim.claimed != claim.right), same[0])
        expected = f"{worst.written} → {worst.right:g}"
        yield Check("result", expected, f"{worst.claimed:g}", worst.claimed == worst.right)
