"""All comparisons that a prompt's reference asks for, as values. Knows no page and no words for the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from arena.checks.code import check_code
from arena.checks.facts import says
from arena.checks.spoken import languages_in
from arena.prompts import Reference

Kind = Literal["says", "does not say", "language", "parses", "function", "result"]


@dataclass(frozen=True)
class Check:
    """One comparison: what was `expected`, what was `found` instead or as well ("" is nothing), and the outcome."""

    kind: Kind
    expected: str
    found: str
    passed: bool


def check_answer(reference: Reference, text: str) -> tuple[Check, ...]:
    """The comparisons of an answer, in the order of the reference; none for a reference that is only there to read."""
    return tuple(_checks(reference, text))


def _checks(reference: Reference, text: str) -> Iterator[Check]:
    for wordings in reference.must:
        said = next((wording for wording in wordings if says(text, wording)), "")
        yield Check("says", wordings[0], said, bool(said))
    for wording in reference.must_not:
        wrong = says(text, wording)
        yield Check("does not say", wording, wording if wrong else "", not wrong)
    if reference.languages:
        spoken = languages_in(text)
        for language in reference.languages:
            yield Check("language", language, ", ".join(sorted(spoken)), language in spoken)
    if reference.code:
        code = check_code(text, reference.code)
        yield Check("parses", "Python", code.mistake, code.parses)
        if code.parses:
            found = ", ".join(code.functions)
            wanted = reference.code.function
            yield Check("function", wanted, found, wanted in code.functions if wanted else bool(code.functions))
        for claim in code.claims:
            expected = f"{claim.written} → {claim.right:g}"
            yield Check("result", expected, f"{claim.claimed:g}", claim.claimed == claim.right)
