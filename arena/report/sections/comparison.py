"""The votes by dimension, as a table and a plot, and time against quality. Knows no format."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Figure, Heading, Paragraph, Table
from arena.report.facts import ReportFacts
from arena.report.plots import Labels, results_plot, time_plot, time_points
from arena.report.words import dimension_name, percent, say
from arena.statistics import PairCount


def comparison(lang: str, facts: ReportFacts, labels: Labels) -> Iterator[Block]:
    """What there is of it: without votes there is only the time."""
    first, _ = facts.models
    points = time_points(facts)
    if not facts.overall.votes and not points:
        return
    yield Heading(2, say(lang, "comparison"))
    if facts.overall.votes:
        yield _table(lang, facts)
        yield Figure("results", say(lang, "results_plot", first=first.name), results_plot(labels, facts))
    else:
        yield Paragraph(say(lang, "no_votes"))
    if points:
        words = "time_plot_votes" if facts.is_judged else "time_plot_checks"
        yield Figure("time", say(lang, words), time_plot(labels, facts))
    if labels.lang != lang:
        yield Paragraph(say(lang, "plot_english"))


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
    )
    rows = [_row(lang, dimension_name(lang, name), count) for name, count in facts.dimensions.items()]
    return Table(headers, (*rows, _row(lang, say(lang, "all"), facts.overall)), say(lang, "votes_table"))


def _row(lang: str, name: str, count: PairCount) -> tuple[str, ...]:
    rate = count.win_rate()
    share = say(lang, "no_decisive")
    if rate:
        share = say(lang, "interval", rate=percent(rate.rate), low=percent(rate.low), high=percent(rate.high))
    numbers = (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)
    return (name, *map(str, numbers), share)
