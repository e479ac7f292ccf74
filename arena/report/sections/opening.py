"""The cover and the summary."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Bullets, Contents, Cover, Heading
from arena.report.facts import COVER_FIELDS, Details, ModelFacts, ReportFacts
from arena.report.texts import duration, text
from arena.results.sentences import explanations, joined, robustness, sentence
from arena.statistics import PairCount


def title_of(lang: str, facts: ReportFacts, details: Details) -> str:
    """The author's title, or else one from the names of the models."""
    first, second = facts.models
    return details.title or text(lang, "title", first=first.name, second=second.name)


def opening(lang: str, facts: ReportFacts, details: Details) -> Iterator[Block]:
    """The cover with the fields that are filled in, and the table of contents."""
    filled = [name for name in COVER_FIELDS if name != "university" and getattr(details, name)]
    rows = tuple((text(lang, name), getattr(details, name)) for name in filled)
    yield Cover(title_of(lang, facts, details), details.university, rows)
    yield Contents(text(lang, "contents"))


def summary(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """What was compared and the results, with their counts."""
    yield Heading(2, text(lang, "summary"))
    yield Bullets(tuple(_summary_lines(lang, facts)))


def _summary_lines(lang: str, facts: ReportFacts) -> Iterator[str]:
    first, second = facts.models
    names = {"first": first.name, "second": second.name}
    yield text(lang, "scope", prompts=len(facts.prompts), answers=first.answers + second.answers, **names)
    if facts.pair:
        yield from verdict_lines(lang, facts)
        yield text(lang, "overall", **count_fields(facts.overall), **names)
    else:
        yield text(lang, "no_votes")
    if times := _times(lang, first, second):
        yield times
    checks_first, checks_second = facts.checks(0), facts.checks(1)
    if checks_first or checks_second:
        yield text(
            lang,
            "checks_passed",
            passed_first=sum(check.passed for check in checks_first),
            checks_first=len(checks_first),
            passed_second=sum(check.passed for check in checks_second),
            checks_second=len(checks_second),
            **names,
        )


def verdict_lines(lang: str, facts: ReportFacts) -> Iterator[str]:
    """The verdict as on the page, with possible biases and how robust it is."""
    if facts.pair:
        verdict = facts.pair.verdict
        yield sentence(lang, verdict, facts.name)
        yield from explanations(lang, verdict, facts.name)
        yield from robustness(lang, verdict, facts.name)


def count_fields(count: PairCount) -> dict[str, int]:
    """The numbers for sentences about votes."""
    return {
        "votes": count.votes,
        "wins": count.first_wins,
        "losses": count.second_wins,
        "ties": count.ties,
        "both_bad": count.both_bad,
    }


def _times(lang: str, first: ModelFacts, second: ModelFacts) -> str:
    if first.seconds is None or second.seconds is None:
        return ""
    line = text(
        lang,
        "times",
        first=first.name,
        second=second.name,
        timed_first=first.timed,
        timed_second=second.timed,
        seconds_first=duration(lang, first.seconds),
        seconds_second=duration(lang, second.seconds),
    )
    faster, slower = sorted((first, second), key=lambda model: model.seconds or 0.0)
    # Totals over different numbers of answers cannot be compared.
    if first.timed != second.timed or not faster.seconds or slower.seconds is None:
        return line
    ratio = f"{slower.seconds / faster.seconds:.1f}"
    return joined(lang, line, text(lang, "times_ratio", slower=slower.name, faster=faster.name, ratio=ratio))
