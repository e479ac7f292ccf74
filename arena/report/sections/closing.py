"""What the verdict supports for and against each model, the conclusion, and what the votes do not show."""

from __future__ import annotations

from collections.abc import Iterator

from arena.checks.words import describe
from arena.report.blocks import Block, Bullets, Heading, Links
from arena.report.details import Details
from arena.report.facts import ReportFacts
from arena.report.sections.comparison import verdicts
from arena.report.sections.opening import mean_seconds, outcome, passed_checks, verdict_lines
from arena.report.words import duration, say
from arena.results.sentences import short
from arena.results.words import dimension_name, listed, percent
from arena.statistics.decision import Outcome


def assessment(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """Strengths and weaknesses of both, and fit for use."""
    yield Heading(2, say(lang, "assessment"))
    for place, model in enumerate(facts.models):
        for key, better in (("strengths", True), ("weaknesses", False)):
            yield Heading(3, say(lang, key, model=model.name))
            lines = tuple(_lines(lang, facts, place, better))
            yield Bullets(lines or (say(lang, "nothing_supported"),))
    yield Heading(3, say(lang, "fit"))
    yield Bullets(tuple(_fit(lang, facts)) or (say(lang, "nothing_supported"),))


def _lines(lang: str, facts: ReportFacts, place: int, better: bool) -> Iterator[str]:
    """What speaks for the model (`better`) or against it."""
    yield from _by_votes(lang, facts, place, better)
    yield from _by_checks(lang, facts, place, better)
    own, other = (mean_seconds(facts.models[at]) for at in (place, 1 - place))
    if own is not None and other is not None and own != other and (own < other) == better:
        key = "is_faster" if better else "is_slower"
        yield say(lang, key, mean=duration(lang, own), other=duration(lang, other))


def _by_votes(lang: str, facts: ReportFacts, place: int, better: bool) -> Iterator[str]:
    """Dimensions and criteria in which raters prefer one of the two, beyond what chance gives."""
    wanted = facts.models[place if better else 1 - place].spec.id
    for name, (numbers, said) in verdicts(facts).items():
        if said.preferred == wanted and numbers.share is not None:
            share = numbers.share if place == 0 else 1 - numbers.share
            values = {"share": percent(share), "raters": numbers.raters}
            yield say(lang, "ahead", dimension=dimension_name(lang, name), **values)
    pair = facts.pair
    for name, criterion in pair.criteria.items() if pair else ():
        first = pair.count.first if pair else ""
        if criterion.numbers.prefers_first is not None and criterion.numbers.prefers_first == (first == wanted):
            wins, losses = criterion.wins, criterion.losses
            if first != facts.models[place].spec.id:
                wins, losses = losses, wins
            yield say(lang, "ahead_criterion", criterion=say(lang, name), wins=wins, losses=losses)


def _by_checks(lang: str, facts: ReportFacts, place: int, better: bool) -> Iterator[str]:
    (passed, checks), (others, of) = passed_checks(facts, place), passed_checks(facts, 1 - place)
    # Shares compared without dividing: one of the two may have none.
    if better and passed and passed * of >= others * checks:
        yield say(lang, "check_good", passed=passed, checks=checks)
    for prompt in facts.prompts if not better else ():
        failed = [check for asked in prompt.asked[place] for check in asked.checks if not check.passed]
        for check in dict.fromkeys(failed):
            yield say(lang, "check_failed", prompt=prompt.title[lang], check=describe(lang, check))


def _fit(lang: str, facts: ReportFacts) -> Iterator[str]:
    for name, (numbers, said) in verdicts(facts).items():
        key = {Outcome.PREFERRED: "fit_preferred", Outcome.ALIKE: "fit_alike"}.get(said.outcome, "fit_open")
        values = {"said": short(lang, said, facts.name), "raters": numbers.raters}
        model = facts.name(said.preferred) if said.preferred else ""
        yield say(lang, key, dimension=dimension_name(lang, name), model=model, **values)
    first, second = facts.models
    means = mean_seconds(first), mean_seconds(second)
    if means[0] is not None and means[1] is not None and means[0] != means[1]:
        faster = 0 if means[0] < means[1] else 1
        texts = [duration(lang, means[at]) for at in (faster, 1 - faster)]
        yield say(lang, "fit_speed", model=facts.models[faster].name, mean=texts[0], other=texts[1])


def conclusion(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """The verdict once more: nothing else is concluded."""
    yield Heading(2, say(lang, "conclusion"))
    lines = tuple(verdict_lines(lang, facts)) or (say(lang, "no_votes"),)
    yield Bullets((*lines, say(lang, "one_prompt_set", prompts=len(facts.prompts))))


def limits(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """What the votes do not show."""
    yield Heading(2, say(lang, "limits"))
    yield Bullets(tuple(_limits(lang, facts)))


def _limits(lang: str, facts: ReportFacts) -> Iterator[str]:
    runs = max((len(asked) for prompt in facts.prompts for asked in prompt.asked), default=0)
    yield say(lang, "limit_prompts", prompts=len(facts.prompts))
    yield say(lang, "limit_runs", runs=runs)
    if facts.pair:
        yield say(lang, "limit_raters")
        if not facts.figures.repeats:
            yield say(lang, "limit_no_repeats")
        yield say(lang, "limit_preference", **outcome(facts.overall))
    if passed_checks(facts, 0)[1] or passed_checks(facts, 1)[1]:
        yield say(lang, "limit_checks")
    if any(model.seconds is not None for model in facts.models):
        yield say(lang, "limit_times")
    found = facts.figures.left_out
    if found.unreadable or found.duplicates or found.withdrawn:
        left_out = {"unreadable": len(found.unreadable), "duplicates": found.duplicates, "withdrawn": found.withdrawn}
        yield say(lang, "limit_rows", **left_out)
    if found.damaged:
        yield say(lang, "limit_damaged", damaged=len(found.damaged))
    if facts.elsewhere:
        yield say(lang, "limit_elsewhere", elsewhere=facts.elsewhere)
    if facts.others:
        yield say(lang, "limit_others", models=listed(lang, facts.others))


def appendix(lang: str, details: Details) -> Iterator[Block]:
    """The public links, if there are any."""
    if details.links:
        yield Heading(2, say(lang, "links"))
        yield Links(details.links)
