"""The cover and the summary."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Bullets, Contents, Cover, Heading
from arena.report.details import COVER, Details
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.words import duration, say
from arena.results.sentences import explanations, firmness, joined, sentence
from arena.statistics import PairCount


def title_of(lang: str, facts: ReportFacts, details: Details) -> str:
    """The given title, or one of the models' names."""
    first, second = facts.models
    return details.title or say(lang, "title", first=first.name, second=second.name)


def opening(lang: str, facts: ReportFacts, details: Details) -> Iterator[Block]:
    """The cover with those of the fields that are filled, and the table of contents."""
    filled = [name for name in COVER if name != "university" and getattr(details, name)]
    rows = tuple((say(lang, name), getattr(details, name)) for name in filled)
    yield Cover(title_of(lang, facts, details), details.university, rows)
    yield Contents(say(lang, "contents"))


def summary(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """What was compared and what came out, a few sentences with their counts."""
    yield Heading(2, say(lang, "summary"))
    yield Bullets(tuple(_sentences(lang, facts)))


def _sentences(lang: str, facts: ReportFacts) -> Iterator[str]:
    first, second = facts.models
    names = {"first": first.name, "second": second.name}
    yield say(lang, "scope", prompts=len(facts.prompts), answers=first.answers + second.answers, **names)
    if facts.pair:
        yield from verdict_lines(lang, facts)
        yield say(lang, "overall", **outcome(facts.overall), **names)
    else:
        yield say(lang, "no_votes")
    if times := _times(lang, first, second):
        yield times
    passed = [passed_checks(facts, place) for place in (0, 1)]
    if passed[0][1] or passed[1][1]:
        numbers = {"passed_first": passed[0][0], "checks_first": passed[0][1]}
        numbers |= {"passed_second": passed[1][0], "checks_second": passed[1][1]}
        yield say(lang, "checks_passed", **numbers, **names)


def verdict_lines(lang: str, facts: ReportFacts) -> Iterator[str]:
    """The verdict as the page says it, with what speaks against it and how firm it is."""
    if facts.pair:
        verdict = facts.pair.verdict
        yield sentence(lang, verdict, facts.name)
        yield from explanations(lang, verdict, facts.name)
        yield from firmness(lang, verdict, facts.name)


def outcome(count: PairCount) -> dict[str, int]:
    """The numbers that sentences about votes are filled with."""
    return {
        "votes": count.votes,
        "wins": count.first_wins,
        "losses": count.second_wins,
        "ties": count.ties,
        "both_bad": count.both_bad,
    }


def passed_checks(facts: ReportFacts, place: int) -> tuple[int, int]:
    """How many checks the first (0) or second (1) model passed, and how many there were."""
    checks = [check for prompt in facts.prompts for asked in prompt.asked[place] for check in asked.checks]
    return sum(check.passed for check in checks), len(checks)


def mean_seconds(model: ModelFacts) -> float | None:
    """Of its timed answers."""
    return model.seconds / model.timed if model.seconds is not None and model.timed else None


def _times(lang: str, first: ModelFacts, second: ModelFacts) -> str:
    if first.seconds is None or second.seconds is None:
        return ""
    line = say(
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
    # As long as each answered as often: else the sums say nothing of the models.
    if first.timed != second.timed or not faster.seconds or slower.seconds is None:
        return line
    ratio = f"{slower.seconds / faster.seconds:.1f}"
    return joined(lang, line, say(lang, "times_ratio", slower=slower.name, faster=faster.name, ratio=ratio))
