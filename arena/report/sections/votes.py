"""How the votes were cast, the votes by dimension as table and plot, and time against quality."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Bullets, Figure, Heading, Paragraph, Table
from arena.report.facts import PromptFacts, ReportFacts, Run
from arena.report.texts import text
from arena.results.bias import Share
from arena.results.figures import Figures, PairResult
from arena.results.plots import COLOURS, WIDTH, Spec, data_of, finished, pair_plot
from arena.results.selection import SUSPICIONS
from arena.results.sentences import short
from arena.results.texts import dimension_name
from arena.results.verdict import Conclusion, conclude
from arena.statistics import PairCount
from arena.statistics.decision import Verdict
from arena.texts import percent


def judging(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """How many votes of which kind, by whom, possible bias and agreement; nothing without votes."""
    if facts.pair is None:
        return
    yield Heading(2, text(lang, "judging"))
    yield Bullets(tuple(_ways(lang, facts)))
    headers = text(lang, "votes_each"), text(lang, "raters")
    rows = tuple((str(votes), str(raters)) for votes, raters in facts.votes_by_rater.items())
    yield Table(headers, rows, text(lang, "votes_each_caption"))
    if len(facts.figures.pairs) == 1:  # with more models, bias and agreement cover other models too
        yield Bullets(tuple(_bias_lines(lang, facts, facts.figures)))


def _ways(lang: str, facts: ReportFacts) -> Iterator[str]:
    assert facts.pair
    verdict, count = facts.pair.verdict, facts.pair.count
    blind = count.votes - verdict.sighted - verdict.leaked
    yield text(lang, "ways", votes=count.votes, blind=blind, sighted=verdict.sighted, leaked=verdict.leaked)
    yield text(lang, "ways_sides")
    yield text(lang, "ways_ties", ties=count.ties, both_bad=count.both_bad)
    if verdict.under_way:
        yield text(lang, "under_way", count=verdict.under_way, votes=verdict.votes_under_way)


def _bias_lines(lang: str, facts: ReportFacts, figures: Figures) -> Iterator[str]:
    bias, agreement = figures.bias, figures.agreement
    for key, share in (("left_wins", bias.left_wins), ("longer_wins", bias.longer_wins)):
        if share.total:
            yield _share(lang, key, share)
    first = min(model.spec.id for model in facts.models)  # splits are for the model whose id sorts first
    for name, split in bias.splits.items():
        values = {"more": percent(split.more), "less": percent(split.less)}
        votes = {"more_votes": split.more_votes, "less_votes": split.less_votes}
        yield text(lang, f"split_{name}", model=facts.name(first), **values, **votes)
    yield text(lang, "careless", **{kind: figures.suspicious[kind] for kind in SUSPICIONS})
    if bias.consistent.total:
        yield _share(lang, "consistent", bias.consistent)
    if agreement:
        numbers = {"judgements": agreement.judgements, "units": agreement.units}
        yield text(lang, "agreement", alpha=f"{agreement.alpha:.2f}", **numbers)
    else:
        yield text(lang, "no_agreement")


def _share(lang: str, key: str, share: Share) -> str:
    return text(lang, key, count=share.count, total=share.total, share=percent(share.value or 0.0))


def comparison(lang: str, facts: ReportFacts, plot_lang: str) -> Iterator[Block]:
    """Votes by dimension and time against quality, as far as there are votes and times."""
    points, pair = time_points(facts), facts.pair
    if not pair and not points:
        return
    yield Heading(2, text(lang, "comparison"))
    if pair:
        yield _dimension_table(lang, facts, pair)
        yield Paragraph(text(lang, "comparison_note"))
        caption = text(lang, "results_plot", first=facts.name(pair.count.first))
        yield Figure("results", caption, pair_plot(plot_lang, facts.figures, pair, facts.name))
    else:
        yield Paragraph(text(lang, "no_votes"))
    if points:
        key = "time_plot_votes" if facts.is_judged else "time_plot_checks"
        yield Figure("time", text(lang, key), time_plot(plot_lang, facts))
    if plot_lang != lang:
        yield Paragraph(text(lang, "plot_english"))


def verdicts(facts: ReportFacts) -> dict[str, tuple[Verdict, Conclusion]]:
    """The verdict by dimension, from the side of the report's first model."""
    dimensions = facts.pair.dimensions if facts.pair else {}
    return {name: _for_first_model(facts, numbers) for name, numbers in dimensions.items()}


def _for_first_model(facts: ReportFacts, numbers: Verdict) -> tuple[Verdict, Conclusion]:
    first, second = (model.spec.id for model in facts.models)
    if facts.pair and facts.pair.count.first != first:
        numbers = numbers.swapped
    return numbers, conclude(numbers, first, second)


def _dimension_table(lang: str, facts: ReportFacts, pair: PairResult) -> Table:
    first, second = facts.models
    headers = (
        text(lang, "dimension"),
        text(lang, "votes_number"),
        text(lang, "wins_of", model=first.name),
        text(lang, "ties"),
        text(lang, "both_bad"),
        text(lang, "wins_of", model=second.name),
        text(lang, "share", model=first.name),
        text(lang, "verdict"),
    )
    by_dimension = verdicts(facts)
    rows = [
        _row(lang, facts, dimension_name(lang, name), count, *by_dimension.get(name, (None, None)))
        for name, count in facts.dimensions.items()
    ]
    overall = _row(lang, facts, text(lang, "all"), facts.overall, *_for_first_model(facts, pair.verdict.numbers))
    return Table(headers, (*rows, overall), text(lang, "votes_table"))


def _row(
    lang: str, facts: ReportFacts, name: str, count: PairCount, numbers: Verdict | None, conclusion: Conclusion | None
) -> tuple[str, ...]:
    share = text(lang, "no_rater_done")
    if numbers and numbers.share is not None:
        ends = {"low": percent(numbers.interval.low), "high": percent(numbers.interval.high)}
        share = text(lang, "interval", rate=percent(numbers.share), **ends)
    votes = (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)
    return (name, *map(str, votes), share, short(lang, conclusion, facts.name) if conclusion else "")


def time_plot(lang: str, facts: ReportFacts) -> Spec:
    """Time per prompt against quality for each model, as a Vega-Lite specification."""
    import altair as alt

    names = [model.name for model in facts.models]
    score = "plot_score" if facts.is_judged else "plot_checks"
    rows = [{**point, "prompt": point["prompt"][lang]} for point in time_points(facts)]
    seconds = alt.X(
        "seconds:Q",
        title=text(lang, "plot_seconds"),
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=alt.Axis(tickCount=4, labelOverlap=True),
    )
    colour = alt.Color(
        "model:N",
        title=None,
        scale=alt.Scale(domain=names, range=[COLOURS[0], COLOURS[-1]]),
        legend=alt.Legend(orient="top", labelLimit=260),
    )
    numbers = alt.Tooltip("seconds:Q", format=".1f"), alt.Tooltip("score:Q", format=".0%")
    points = alt.Chart(data_of(rows)).mark_point(size=80, filled=True, opacity=0.8)
    chart = points.encode(
        x=seconds,
        y=alt.Y("score:Q", title=text(lang, score), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=colour,
        shape=alt.Shape("model:N", title=None, scale=alt.Scale(domain=names, range=["circle", "triangle-up"])),
        tooltip=["model:N", "prompt:N", *numbers],
    )
    return finished(chart.properties(width=WIDTH, height=220))


def time_points(facts: ReportFacts) -> list[Spec]:
    """Model, prompt (its titles by language), mean seconds and score (0 to 1) wherever both are known.

    The score comes from the votes, or from the checks if no prompt has votes.
    """
    points: list[Spec] = []
    for prompt in facts.prompts:
        for index, model in enumerate(facts.models):
            seconds, score = _mean_seconds(prompt.runs[index]), _score(facts, prompt, index)
            if seconds and score is not None:
                points.append({"model": model.name, "prompt": prompt.title, "seconds": seconds, "score": score})
    return points


def _mean_seconds(runs: tuple[Run, ...]) -> float | None:
    """The mean over the runs in which every turn has a time."""
    times = [[entry.side.answer.usage.seconds for entry in run.turns] for run in runs]
    totals = [sum(known) for turns in times if len(known := [time for time in turns if time is not None]) == len(turns)]
    return sum(totals) / len(totals) if totals else None


def _score(facts: ReportFacts, prompt: PromptFacts, index: int) -> float | None:
    if facts.is_judged:
        count = prompt.votes.count.seen_from(facts.models[index].spec.id)
        return (count.first_wins + count.ties / 2) / count.votes if count.votes else None
    checks = [check for run in prompt.runs[index] for check in run.checks]
    return sum(check.passed for check in checks) / len(checks) if checks else None
