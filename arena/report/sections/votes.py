"""Each prompt with its answers, checks and votes; how all votes were cast, and what they say by dimension."""

from collections.abc import Iterator
from dataclasses import replace

from arena.checks import describe
from arena.recorded import Recorded
from arena.report.blocks import Block, Bullets, Column, Figure, Heading, Paragraph, Quote, SideBySide, Table
from arena.report.facts import ModelFacts, PromptFacts, ReportFacts, Run
from arena.report.sections.findings import count_fields, no_votes
from arena.report.texts import duration, gigabytes
from arena.results.figures import Figures, PairResult
from arena.results.plots import COLOURS, WIDTH, Spec, color_of, finished, nominal, pair_plot, quantitative
from arena.results.sentences import agreement_line, share_line, short, split_line
from arena.results.texts import dimension_name
from arena.results.verdict import conclude
from arena.statistics import PairCount
from arena.statistics.decision import Verdict
from arena.translations import percent

_DIMENSIONS = ("dimension", "votes_number", "first_won", "ties", "both_bad", "second_won", "share", "verdict")


def prompts(facts: ReportFacts) -> Iterator[Block]:
    """All prompts in order."""
    yield Heading(2, facts.text("prompts"))
    for number, prompt in enumerate(facts.prompts, start=1):
        yield from _prompt(facts, number, prompt)


def _prompt(facts: ReportFacts, number: int, prompt: PromptFacts) -> Iterator[Block]:
    asked = prompt.prompt
    title = f"{number}. {asked.title[facts.lang]}"
    if asked.dimension:
        title = f"{title} · {dimension_name(facts.lang, asked.dimension)}"
    yield Heading(3, title)
    for turn, question in enumerate(asked.turns, start=1):
        yield Quote(question, facts.text("prompt") if len(asked.turns) == 1 else facts.text("turn", turn=turn))
    answers = zip(facts.answering, prompt.runs, strict=True)
    yield SideBySide(tuple(_column(facts, model, runs) for model, runs in answers))
    if asked.reference and asked.reference.text:
        yield Quote(asked.reference.text, facts.text("known"))
    yield from _votes(facts, prompt)


def _column(facts: ReportFacts, model: ModelFacts, runs: tuple[Run, ...]) -> Column:
    parts: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, run in enumerate(runs, start=1):
        run_label = facts.text("repeat", number=number) if len(runs) > 1 else ""
        for entry in run.turns:
            turn_label = facts.text("turn", turn=entry.turn) if len(run.turns) > 1 else ""
            labels = [label for label in (run_label, turn_label) if label]
            answer = entry.side.answer
            shown = answer.text if answer.text.strip() or answer.error else facts.text("answer_empty")
            parts.append((" · ".join(labels), shown))
            notes.append(" · ".join([*labels, *_details(facts, entry)]))
        for check in run.checks:
            line = f"{'✓' if check.passed else '✗'} {describe(facts.lang, check)}"
            notes.append(" · ".join(filter(None, (run_label, line))))
    if not runs:
        parts.append(("", facts.text("no_answer")))
    return Column(model.name, tuple(parts), tuple(filter(None, notes)))


def _details(facts: ReportFacts, entry: Recorded) -> Iterator[str]:
    """How one answer ended and what it cost, as far as known."""
    answer, usage = entry.side.answer, entry.side.answer.usage
    if answer.error:
        yield facts.text("answer_failed", reason=answer.error.message)
    if answer.finish_reason == "length":
        yield facts.text("answer_cut")
    if usage.seconds is not None:
        yield duration(facts.lang, usage.seconds)
    if usage.new_tokens is not None:
        yield facts.text("tokens", count=usage.new_tokens)
    if usage.tokens_per_second is not None:
        yield facts.text("per_second", speed=f"{usage.tokens_per_second:.1f}")
    if entry.memory is not None:
        yield gigabytes(entry.memory)


def _votes(facts: ReportFacts, prompt: PromptFacts) -> Iterator[Block]:
    votes = prompt.votes
    if not votes.count.votes:
        return
    lines = [facts.text("count", **count_fields(votes.count))]
    for name, (wins, ties, losses) in votes.criteria.items():
        lines.append(facts.text("criterion", criterion=facts.text(name), wins=wins, ties=ties, losses=losses))
    if votes.any_right or votes.none_right:
        lines.append(facts.text("rightness", **vars(votes)))
    yield Paragraph(facts.text("votes"))
    yield Bullets(tuple(lines))
    if votes.comments:
        yield Paragraph(facts.text("comments"))
    for comment in votes.comments:
        choice = facts.text(comment.winner) if comment.winner in ("tie", "tie (bothbad)") else comment.winner
        yield Quote(comment.text, facts.text("comment_about", left=comment.left, choice=choice))


# ---- all votes


def judging(facts: ReportFacts) -> Iterator[Block]:
    """How many votes of which kind, by whom, possible bias and agreement; nothing without votes."""
    if facts.pair is None:
        return
    yield Heading(2, facts.text("judging"))
    yield Bullets(tuple(_ways(facts, facts.pair)))
    rows = ((str(votes), str(raters)) for votes, raters in facts.votes_by_rater.items())
    yield facts.table(("votes_each", "raters"), rows, "votes_each_caption")
    if len(facts.figures.pairs) == 1:  # with more models, bias and agreement cover other models too
        yield Bullets(tuple(_bias_lines(facts, facts.figures)))


def _ways(facts: ReportFacts, pair: PairResult) -> Iterator[str]:
    verdict, count = pair.verdict, pair.count
    blind = count.votes - verdict.sighted - verdict.leaked
    yield facts.text("ways", **(vars(verdict) | {"votes": count.votes, "blind": blind}))
    yield facts.text("ways_sides")
    yield facts.text("ways_ties", **count_fields(count))
    if verdict.under_way:
        yield facts.text("under_way", count=verdict.under_way, votes=verdict.votes_under_way)


def _bias_lines(facts: ReportFacts, figures: Figures) -> Iterator[str]:
    shares = figures.bias.shares
    first = facts.name(min(model.spec.id for model in facts.models))  # splits are for the model whose id sorts first
    lines = {name: share_line(facts.lang, name, share) for name, share in shares.items() if share and share.total}
    yield from (lines[name] for name in ("left_wins", "longer_wins") if name in lines)
    yield from (split_line(facts.lang, name, split, first) for name, split in figures.bias.splits.items())
    yield facts.text("careless", **figures.suspicious)
    if "consistent" in lines:
        yield lines["consistent"]
    yield agreement_line(facts.lang, figures.agreement)


def comparison(facts: ReportFacts, plot_lang: str) -> Iterator[Block]:
    """Votes by dimension and time against quality, as far as there are votes and times."""
    in_plot, pair = replace(facts, lang=plot_lang), facts.pair
    points = time_points(in_plot)
    if not pair and not points:
        return
    yield Heading(2, facts.text("comparison"))
    if pair:
        yield _dimension_table(facts, pair)
        yield Paragraph(facts.text("comparison_note"))
        leader = pair.verdict.first  # stands first, as on the page
        plot = pair_plot(plot_lang, facts.figures, pair.seen_from(leader), facts.name)
        yield Figure("results", facts.text("results_plot", first=facts.name(leader)), plot)
    else:
        yield Paragraph(no_votes(facts))
    if points:
        key = "time_plot_votes" if facts.is_judged else "time_plot_checks"
        yield Figure("time", facts.text(key), _time_plot(in_plot, points))
    if plot_lang != facts.lang:
        yield Paragraph(facts.text("plot_english"))


def _dimension_table(facts: ReportFacts, pair: PairResult) -> Table:
    rows = [
        _row(facts, dimension_name(facts.lang, name), count, pair.dimensions.get(name))
        for name, count in facts.figures.dimensions_of(pair.count).items()
    ]
    rows.append(pair_row(facts, facts.text("all"), pair))
    return facts.table(_DIMENSIONS, rows, "votes_table")


def pair_row(facts: ReportFacts, name: str, pair: PairResult) -> tuple[str, ...]:
    """All votes on a pair, its share and its verdict."""
    return _row(facts, name, pair.count, pair.verdict.numbers_of(pair.count.first))


def _row(facts: ReportFacts, name: str, count: PairCount, numbers: Verdict | None) -> tuple[str, ...]:
    share = facts.text("no_rater_done")
    if numbers and numbers.share is not None:
        ends = {"low": percent(numbers.interval.low), "high": percent(numbers.interval.high)}
        share = facts.text("interval", rate=percent(numbers.share), **ends)
    conclusion = short(facts.lang, conclude(numbers, count.first, count.second), facts.name) if numbers else ""
    return (name, *vote_cells(count), share, conclusion)


def vote_cells(count: PairCount) -> tuple[str, ...]:
    """The votes, and how many of them were wins, ties, both bad and losses of the first model."""
    return tuple(map(str, (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)))


def _time_plot(facts: ReportFacts, points: list[Spec]) -> Spec:
    """Time per prompt against quality for each model, as a Vega-Lite specification."""
    names, ids = [model.name for model in facts.models], [model.spec.id for model in facts.models]
    colours = {"domain": names, "range": [COLOURS[color_of(model, ids)] for model in ids]}
    shapes = {"domain": names, "range": ["circle", "triangle-up"]}
    log, axis = {"type": "log", "nice": False, "padding": 20}, {"tickCount": 4, "labelOverlap": True}
    score = facts.text("plot_score" if facts.is_judged else "plot_checks")
    numbers = quantitative("seconds", format=".1f"), quantitative("score", format=".0%")
    encoding = {
        "x": quantitative("seconds", title=facts.text("plot_seconds"), scale=log, axis=axis),
        "y": quantitative("score", title=score, scale={"domain": [0, 1]}, axis={"format": "%"}),
        "color": nominal("model", title=None, scale=colours, legend={"orient": "top", "labelLimit": 260}),
        "shape": nominal("model", title=None, scale=shapes),
        "tooltip": [*map(nominal, ("model", "prompt")), *numbers],
    }
    mark = {"type": "point", "size": 80, "filled": True, "opacity": 0.8}
    return finished({"data": {"values": points}, "mark": mark, "encoding": encoding, "width": WIDTH, "height": 220})


def time_points(facts: ReportFacts) -> list[Spec]:
    """Model, prompt, mean seconds and score (0 to 1) wherever both are known.

    The score comes from the votes, or from the checks if no prompt has votes.
    """
    points: list[Spec] = []
    for prompt in facts.prompts:
        title = prompt.prompt.title[facts.lang]
        for index, model in enumerate(facts.models):
            seconds, score = _mean_seconds(prompt.runs[index]), _score(facts, prompt, index)
            if seconds and score is not None:
                points.append({"model": model.name, "prompt": title, "seconds": seconds, "score": score})
    return points


def _mean_seconds(runs: tuple[Run, ...]) -> float | None:
    """The mean over the runs in which every turn has a time."""
    times = [[entry.side.answer.usage.seconds for entry in run.turns] for run in runs]
    totals = [sum(filter(None, turns)) for turns in times if None not in turns]
    return sum(totals) / len(totals) if totals else None


def _score(facts: ReportFacts, prompt: PromptFacts, index: int) -> float | None:
    if facts.is_judged:
        count = prompt.votes.count.seen_from(facts.models[index].spec.id)
        return (count.first_wins + count.ties / 2) / count.votes if count.votes else None
    checks = [check for run in prompt.runs[index] for check in run.checks]
    return sum(check.passed for check in checks) / len(checks) if checks else None
