"""The votes by dimension, as a table and a plot, and time against quality."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Figure, Heading, Paragraph, Table
from arena.report.facts import ReportFacts
from arena.report.time_plot import time_plot, time_points
from arena.report.words import say
from arena.results.plots import Labels, pair_plot
from arena.results.sentences import short
from arena.results.verdict import Said
from arena.results.words import dimension_name, percent
from arena.statistics import PairCount
from arena.statistics.decision import Verdict


def comparison(lang: str, facts: ReportFacts, labels: Labels) -> Iterator[Block]:
    """What there is of it: without votes there is only the time."""
    points, pair = time_points(facts), facts.pair
    if not pair and not points:
        return
    yield Heading(2, say(lang, "comparison"))
    if pair:
        yield _table(lang, facts)
        yield Paragraph(say(lang, "comparison_note"))
        caption = say(lang, "results_plot", first=facts.name(pair.count.first))
        yield Figure("results", caption, pair_plot(labels, facts.figures, pair, facts.name))
    else:
        yield Paragraph(say(lang, "no_votes"))
    if points:
        words = "time_plot_votes" if facts.is_judged else "time_plot_checks"
        yield Figure("time", say(lang, words), time_plot(labels, facts))
    if labels.lang != lang:
        yield Paragraph(say(lang, "plot_english"))


def verdicts(facts: ReportFacts) -> dict[str, tuple[Verdict, Said]]:
    """The verdict by dimension, from the side of the report's first model."""
    if facts.pair is None:
        return {}
    first, second = (model.spec.id for model in facts.models)
    is_turned = facts.pair.count.first != first
    found = {}
    for name, numbers in facts.pair.dimensions.items():
        seen = numbers.turned if is_turned else numbers
        found[name] = seen, Said(seen.outcome, {True: first, False: second, None: None}[seen.prefers_first])
    return found


def _table(lang: str, facts: ReportFacts) -> Table:
    first, second = facts.models
    headers = (
        say(lang, "dimension"),
        say(lang, "votes_number"),
        say(lang, "wins_of", model=first.name),
        say(lang, "ties"),
        say(lang, "both_bad"),
        say(lang, "wins_of", model=second.name),
        say(lang, "share", model=first.name),
        say(lang, "verdict"),
    )
    by_dimension = verdicts(facts)
    rows = [
        _row(lang, facts, dimension_name(lang, name), count, *by_dimension.get(name, (None, None)))
        for name, count in facts.dimensions.items()
    ]
    overall = _row(lang, facts, say(lang, "all"), facts.overall, *_overall(facts))
    return Table(headers, (*rows, overall), say(lang, "votes_table"))


def _overall(facts: ReportFacts) -> tuple[Verdict | None, Said | None]:
    if facts.pair is None:
        return None, None
    verdict = facts.pair.verdict
    is_turned = verdict.first != facts.models[0].spec.id
    return verdict.numbers.turned if is_turned else verdict.numbers, verdict.said


def _row(
    lang: str, facts: ReportFacts, name: str, count: PairCount, numbers: Verdict | None, said: Said | None
) -> tuple[str, ...]:
    share = say(lang, "no_rater_done")
    if numbers and numbers.share is not None:
        ends = {"low": percent(numbers.interval.low), "high": percent(numbers.interval.high)}
        share = say(lang, "interval", rate=percent(numbers.share), **ends)
    votes = (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)
    return (name, *map(str, votes), share, short(lang, said, facts.name) if said else "")
