"""What speaks for and against each model, what each is fit for, and what all of it does not show.

Every line is a count or somebody's words. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator

from arena.checks.words import describe
from arena.report.blocks import Block, Bullets, Heading, Links
from arena.report.details import Details
from arena.report.facts import ReportFacts
from arena.report.sections.opening import favourite, mean_seconds, outcome, passed_checks
from arena.report.sections.prompts import CRITERIA
from arena.report.words import dimension_name, duration, say

# So many of the raters' words stand for a model, and for as many as that a comment is short enough to be quoted again.
_MOST_QUOTES, _LONGEST_QUOTE = 3, 200


def assessment(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """Strengths and weaknesses of both, and fit for use."""
    yield Heading(2, say(lang, "assessment"))
    for place, model in enumerate(facts.models):
        for key, better in (("strengths", True), ("weaknesses", False)):
            yield Heading(3, say(lang, key, model=model.name))
            lines = tuple(_lines(lang, facts, place, better))
            yield Bullets(lines or (say(lang, "nothing_counted"),))
    yield Heading(3, say(lang, "fit"))
    yield Bullets(tuple(_fit(lang, facts)) or (say(lang, "nothing_counted"),))


def _lines(lang: str, facts: ReportFacts, place: int, better: bool) -> Iterator[str]:
    """What speaks for the model (`better`) or against it."""
    yield from _by_votes(lang, facts, place, better)
    yield from _by_checks(lang, facts, place, better)
    own, other = (mean_seconds(facts.models[at]) for at in (place, 1 - place))
    if own is not None and other is not None and own != other and (own < other) == better:
        key = "is_faster" if better else "is_slower"
        yield say(lang, key, mean=duration(lang, own), other=duration(lang, other))
    if facts.overall.votes:
        yield from _quotes(lang, facts, place if better else 1 - place)


def _by_votes(lang: str, facts: ReportFacts, place: int, better: bool) -> Iterator[str]:
    model = facts.models[place].spec.id
    for name, count in facts.dimensions.items():
        seen = count.seen_from(model)
        if seen.first_wins != seen.second_wins and (seen.first_wins > seen.second_wins) == better:
            yield say(lang, "ahead", dimension=dimension_name(lang, name), **outcome(seen))
    for name in CRITERIA:
        sums = [sum(prompt.criteria[name][at] for prompt in facts.prompts if name in prompt.criteria) for at in (0, 2)]
        wins, losses = sums[place], sums[1 - place]
        if wins != losses and (wins > losses) == better:
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


def _quotes(lang: str, facts: ReportFacts, winner: int) -> Iterator[str]:
    """Words of those who preferred the model at that place, where they are short enough."""
    name = facts.models[winner].name
    quotes = [
        say(lang, "quoted", comment=" ".join(comment.text.split()), prompt=prompt.title[lang], left=comment.left)
        for prompt in facts.prompts
        for comment in prompt.comments
        if comment.winner == name and len(comment.text) <= _LONGEST_QUOTE
    ]
    yield from quotes[:_MOST_QUOTES]


def _fit(lang: str, facts: ReportFacts) -> Iterator[str]:
    first, second = facts.models
    for name, count in facts.dimensions.items():
        dimension, side = dimension_name(lang, name), favourite(count)
        if side is None:
            names = {"first": first.name, "second": second.name}
            yield say(lang, "fit_undecided", dimension=dimension, **outcome(count), **names)
        else:
            wins = (count.first_wins, count.second_wins)[side]
            model = facts.models[side].name
            yield say(lang, "fit_dimension", dimension=dimension, model=model, wins=wins, decisive=count.decisive)
    means = mean_seconds(first), mean_seconds(second)
    if means[0] is not None and means[1] is not None and means[0] != means[1]:
        faster = 0 if means[0] < means[1] else 1
        texts = [duration(lang, means[at]) for at in (faster, 1 - faster)]
        yield say(lang, "fit_speed", model=facts.models[faster].name, mean=texts[0], other=texts[1])


def limits(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """What the votes do not show."""
    yield Heading(2, say(lang, "limits"))
    yield Bullets(tuple(_limits(lang, facts)))


def _limits(lang: str, facts: ReportFacts) -> Iterator[str]:
    runs = max((len(asked) for prompt in facts.prompts for asked in prompt.asked), default=0)
    yield say(lang, "limit_prompts", prompts=len(facts.prompts))
    yield say(lang, "limit_runs", runs=runs)
    if facts.overall.votes:
        yield say(lang, "limit_raters", votes=facts.overall.votes, raters=facts.raters)
        if facts.repeated:
            yield say(lang, "limit_consistency", repeated=facts.repeated, consistent=facts.consistent)
        else:
            yield say(lang, "limit_no_repeats")
        yield say(lang, "limit_preference", both_bad=facts.overall.both_bad, ties=facts.overall.ties)
    if passed_checks(facts, 0)[1] or passed_checks(facts, 1)[1]:
        yield say(lang, "limit_checks")
    if any(model.seconds is not None for model in facts.models):
        yield say(lang, "limit_times")
    if facts.unreadable or facts.duplicates or facts.withdrawn:
        left_out = {"unreadable": facts.unreadable, "duplicates": facts.duplicates, "withdrawn": facts.withdrawn}
        yield say(lang, "limit_rows", **left_out)
    if facts.elsewhere:
        yield say(lang, "limit_elsewhere", elsewhere=facts.elsewhere)
    if facts.others:
        yield say(lang, "limit_others", models=", ".join(facts.others))


def appendix(lang: str, details: Details) -> Iterator[Block]:
    """The public links, if there are any."""
    if details.links:
        yield Heading(2, say(lang, "links"))
        yield Links(details.links)
