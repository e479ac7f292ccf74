"""Strengths and weaknesses of both models, the conclusion, and what the votes do not show."""

from __future__ import annotations

from collections.abc import Iterator

from arena.checks.texts import describe
from arena.report.blocks import Block, Bullets, Heading
from arena.report.facts import Details, ReportFacts
from arena.report.sections.opening import count_fields, verdict_lines
from arena.report.sections.votes import verdicts
from arena.report.texts import duration, text
from arena.results.sentences import short
from arena.results.texts import dimension_name
from arena.statistics.decision import Outcome
from arena.texts import listed, percent


def assessment(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """Strengths and weaknesses of both models, and which to use."""
    yield Heading(2, text(lang, "assessment"))
    for index, model in enumerate(facts.models):
        for key, is_better in (("strengths", True), ("weaknesses", False)):
            yield Heading(3, text(lang, key, model=model.name))
            lines = tuple(_points(lang, facts, index, is_better))
            yield Bullets(lines or (text(lang, "nothing_supported"),))
    yield Heading(3, text(lang, "fit"))
    yield Bullets(tuple(_fit(lang, facts)) or (text(lang, "nothing_supported"),))


def _points(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """The points for a model (`is_better`) or against it, by votes, checks and speed."""
    yield from _by_votes(lang, facts, index, is_better)
    yield from _by_checks(lang, facts, index, is_better)
    own, other = facts.models[index].mean_seconds, facts.models[1 - index].mean_seconds
    if own is not None and other is not None and own != other and (own < other) == is_better:
        key = "is_faster" if is_better else "is_slower"
        yield text(lang, key, mean=duration(lang, own), other=duration(lang, other))


def _by_votes(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    """Dimensions and criteria in which raters prefer one of the models."""
    preferred = facts.models[index if is_better else 1 - index].spec.id
    for name, (numbers, conclusion) in verdicts(facts).items():
        if conclusion.preferred == preferred and numbers.share is not None:
            share = numbers.share if index == 0 else 1 - numbers.share
            values = {"share": percent(share), "raters": numbers.raters}
            yield text(lang, "ahead", dimension=dimension_name(lang, name), **values)
    if not facts.pair:
        return
    first = facts.pair.count.first
    for name, criterion in facts.pair.criteria.items():
        if criterion.numbers.prefers_first == (first == preferred):
            wins, losses = criterion.wins, criterion.losses
            if first != facts.models[index].spec.id:
                wins, losses = losses, wins
            yield text(lang, "ahead_criterion", criterion=text(lang, name), wins=wins, losses=losses)


def _by_checks(lang: str, facts: ReportFacts, index: int, is_better: bool) -> Iterator[str]:
    own, other = facts.checks(index), facts.checks(1 - index)
    passed, other_passed = (sum(check.passed for check in checks) for checks in (own, other))
    # Compares the two shares by products, since either model may have no checks.
    if is_better and passed and passed * len(other) >= other_passed * len(own):
        yield text(lang, "check_good", passed=passed, checks=len(own))
    for prompt in facts.prompts if not is_better else ():
        failed = [check for run in prompt.runs[index] for check in run.checks if not check.passed]
        for check in dict.fromkeys(failed):
            yield text(lang, "check_failed", prompt=prompt.title[lang], check=describe(lang, check))


def _fit(lang: str, facts: ReportFacts) -> Iterator[str]:
    for name, (numbers, conclusion) in verdicts(facts).items():
        key = {Outcome.PREFERRED: "fit_preferred", Outcome.ALIKE: "fit_alike"}.get(conclusion.outcome, "fit_open")
        values = {"said": short(lang, conclusion, facts.name), "raters": numbers.raters}
        model = facts.name(conclusion.preferred) if conclusion.preferred else ""
        yield text(lang, key, dimension=dimension_name(lang, name), model=model, **values)
    timed = [(model.mean_seconds, model.name) for model in facts.models if model.mean_seconds is not None]
    if len(timed) == 2 and timed[0][0] != timed[1][0]:
        (faster, name), (slower, _) = sorted(timed)
        yield text(lang, "fit_speed", model=name, mean=duration(lang, faster), other=duration(lang, slower))


def conclusion(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """The verdict again, and the prompts it applies to."""
    yield Heading(2, text(lang, "conclusion"))
    lines = tuple(verdict_lines(lang, facts)) or (text(lang, "no_votes"),)
    yield Bullets((*lines, text(lang, "one_prompt_set", prompts=len(facts.prompts))))


def limits(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """What the votes do not show."""
    yield Heading(2, text(lang, "limits"))
    yield Bullets(tuple(_limits(lang, facts)))


def _limits(lang: str, facts: ReportFacts) -> Iterator[str]:
    runs = max((len(runs) for prompt in facts.prompts for runs in prompt.runs), default=0)
    yield text(lang, "limit_prompts", prompts=len(facts.prompts))
    yield text(lang, "limit_runs", runs=runs)
    if facts.pair:
        yield text(lang, "limit_raters")
        if not facts.figures.repeats:
            yield text(lang, "limit_no_repeats")
        yield text(lang, "limit_preference", **count_fields(facts.overall))
    if facts.checks(0) or facts.checks(1):
        yield text(lang, "limit_checks")
    if any(model.seconds is not None for model in facts.models):
        yield text(lang, "limit_times")
    log = facts.figures.left_out
    if log.unreadable or log.duplicates or log.withdrawn:
        numbers = {"unreadable": len(log.unreadable), "duplicates": log.duplicates, "withdrawn": log.withdrawn}
        yield text(lang, "limit_rows", **numbers)
    if log.damaged:
        yield text(lang, "limit_damaged", damaged=len(log.damaged))
    if facts.elsewhere:
        yield text(lang, "limit_elsewhere", elsewhere=facts.elsewhere)
    if facts.others:
        yield text(lang, "limit_others", models=listed(lang, facts.others))


def appendix(lang: str, details: Details) -> Iterator[Block]:
    """The public links, if there are any."""
    if details.links:
        yield Heading(2, text(lang, "links"))
        yield Bullets(details.links)
