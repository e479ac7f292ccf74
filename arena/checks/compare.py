"""All comparisons that a prompt's reference asks for, as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from arena.checks.code import Claim, check_code
from arena.checks.phrases import says
from arena.checks.spoken import languages_in
from arena.prompts import Reference

Kind = Literal["says", "does not say", "language", "parses", "function", "result"]


@dataclass(frozen=True)
class Check:
    """One fact that was looked for, however many wordings it has.

    `expected` is its first wording, `found` what the answer says instead or as well ("" is nothing).
    """

    kind: Kind
    expected: str
    found: str
    passed: bool


def check_answer(reference: Reference, text: str) -> tuple[Check, ...]:
    """The comparisons of an answer, in the order of the reference; none for a reference that is only there to read."""
    return tuple(_checks(reference, text))


def _checks(reference: Reference, text: str) -> Iterator[Check]:
    for wordings in reference.must:
        said = _said(text, wordings)
        yield Check("says", wordings[0], said, bool(said))
    for wordings in reference.must_not:
        said = _said(text, wordings)
        yield Check("does not say", wordings[0], said, not said)
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
        yield from _results(code.claims)


def _said(text: str, wordings: Sequence[str]) -> str:
    """The first of the wordings that stands in the text, "" if none does."""
    return next((wording for wording in wordings if says(text, wording)), "")


def _results(claims: Sequence[Claim]) -> Iterator[Check]:
    """One check for each input, however often the answer states its result: a single wrong statement fails it."""
    by_input: dict[str, list[Claim]] = {}
    for claim in claims:
        by_input.setdefault("".join(claim.written.split()), []).append(claim)
    for same in by_input.values():
        worst = next((claim for claim in same if claim.claimed != claim.right), same[0])
        expected = f"{worst.written} → {worst.right:g}"
        yield Check("result", expected, f"{worst.claimed:g}", worst.claimed == worst.right)
