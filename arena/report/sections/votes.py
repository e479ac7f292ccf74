"""Each prompt with its answers, checks and votes; how all votes were cast, and what they say by dimension."""

from collections.abc import Iterator, Mapping

from arena.answers import Recorded
from arena.checks import describe
from arena.report.blocks import Block, Bullets, Column, Figure, Heading, Paragraph, Quote, SideBySide, Table
from arena.report.facts import ModelFacts, PromptFacts, ReportFacts, Run
from arena.report.sections.findings import count_fields
from arena.report.texts import duration, gigabytes, text
from arena.results.figures import Figures, PairResult
from arena.results.plots import COLOURS, WIDTH, Spec, color_of, finished, nominal, pair_plot, quantitative
from arena.results.sentences import agreement_line, share_line, short, split_line
from arena.results.texts import dimension_name
from arena.results.verdict import conclude
from arena.statistics import PairCount
from arena.statistics.decision import Verdict
from arena.translations import percent


def prompts(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """All prompts in order."""
    yield Heading(2, text(lang, "prompts"))
    for number, prompt in enumerate(facts.prompts, start=1):
        yield from _prompt(lang, number, prompt, facts)


def _prompt(lang: str, number: int, prompt: PromptFacts, facts: ReportFacts) -> Iterator[Block]:
    asked = prompt.prompt
    title = f"{number}. {asked.title[lang]}"
    if asked.dimension:
        title = f"{title} · {dimension_name(lang, asked.dimension)}"
    yield Heading(3, title)
    for turn, question in enumerate(asked.turns, start=1):
        yield Quote(question, text(lang, "prompt") if len(asked.turns) == 1 else text(lang, "turn", turn=turn))
    answers = zip(facts.answering, prompt.runs, strict=True)
    yield SideBySide(tuple(_column(lang, model, runs) for model, runs in answers))
    if asked.reference and asked.reference.text:
        yield Quote(asked.reference.text, text(lang, "known"))
    yield from _votes(lang, prompt, facts.names)


def _column(lang: str, model: ModelFacts, runs: tuple[Run, ...]) -> Column:
    parts: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, run in enumerate(runs, start=1):
        run_label = text(lang, "repeat", number=number) if len(runs) > 1 else ""
        for entry in run.turns:
            turn_label = text(lang, "turn", turn=entry.turn) if len(run.turns) > 1 else ""
            labels = [label for label in (run_label, turn_label) if label]
            parts.append((" · ".join(labels), _answer(lang, entry)))
            notes.append(" · ".join([*labels, *_details(lang, entry)]))
        for check in run.checks:
            line = f"{'✓' if check.passed else '✗'} {describe(lang, check)}"
            notes.append(f"{run_label} · {line}" if run_label else line)
    if not runs:
        parts.append(("", text(lang, "no_answer")))
    return Column(model.name, tuple(parts), tuple(filter(None, notes)))


def _answer(lang: str, entry: Recorded) -> str:
    answer = entry.side.answer
    if answer.text.strip():
        return answer.text
    return "" if answer.error else text(lang, "answer_empty")


def _details(lang: str, entry: Recorded) -> Iterator[str]:
    """How one answer ended and what it cost, as far as known."""
    answer, usage = entry.side.answer, entry.side.answer.usage
    if answer.error:
        yield text(lang, "answer_failed", reason=answer.error.message)
    if answer.finish_reason == "length":
        yield text(lang, "answer_cut")
    if usage.seconds is not None:
        yield duration(lang, usage.seconds)
    if usage.new_tokens is not None:
        yield text(lang, "tokens", count=usage.new_tokens)
    if usage.tokens_per_second is not None:
        yield text(lang, "per_second", speed=f"{usage.tokens_per_second:.1f}")
    if entry.memory is not None:
        yield gigabytes(entry.memory)


def _votes(lang: str, prompt: PromptFacts, names: Mapping[str, str]) -> Iterator[Block]:
    votes = prompt.votes
    if not votes.count.votes:
        return
    lines = [text(lang, "count", **count_fields(votes.count), **names)]
    for name, (wins, ties, losses) in votes.criteria.items():
        numbers = {"wins": wins, "ties": ties, "losses": losses}
        lines.append(text(lang, "criterion", criterion=text(lang, name), **numbers, **names))
    if votes.any_right or votes.none_right:
        lines.append(text(lang, "rightness", any_right=votes.any_right, none_right=votes.none_right))
    yield Paragraph(text(lang, "votes"))
    yield Bullets(tuple(lines))
    if votes.comments:
        yield Paragraph(text(lang, "comments"))
    for comment in votes.comments:
        choice = text(lang, comment.winner) if comment.winner in ("tie", "tie (bothbad)") else comment.winner
        yield Quote(comment.text, text(lang, "comment_about", left=comment.left, choice=choice))


# ---- all votes


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
    shares = figures.bias.shares
    first = facts.name(min(model.spec.id for model in facts.models))  # splits are for the model whose id sorts first
    lines = {name: share_line(lang, name, share) for name, share in shares.items() if share and share.total}
    yield from (lines[name] for name in ("left_wins", "longer_wins") if name in lines)
    yield from (split_line(lang, name, split, first) for name, split in figures.bias.splits.items())
    yield text(lang, "careless", **figures.suspicious)
    if "consistent" in lines:
        yield lines["consistent"]
    yield agreement_line(lang, figures.agreement)


def comparison(lang: str, facts: ReportFacts, plot_lang: str) -> Iterator[Block]:
    """Votes by dimension and time against quality, as far as there are votes and times."""
    points, pair = time_points(facts), facts.pair
    if not pair and not points:
        return
    yield Heading(2, text(lang, "comparison"))
    if pair:
        yield _dimension_table(lang, facts, pair)
        yield Paragraph(text(lang, "comparison_note"))
        leader = pair.verdict.first  # stands first, as on the page
        plot = pair_plot(plot_lang, facts.figures, pair.seen_from(leader), facts.name)
        yield Figure("results", text(lang, "results_plot", first=facts.name(leader)), plot)
    else:
        yield Paragraph(text(lang, "no_votes"))
    if points:
        key = "time_plot_votes" if facts.is_judged else "time_plot_checks"
        yield Figure("time", text(lang, key), time_plot(plot_lang, facts))
    if plot_lang != lang:
        yield Paragraph(text(lang, "plot_english"))


def _dimension_table(lang: str, facts: ReportFacts, pair: PairResult) -> Table:
    first, second = (model.name for model in facts.models)
    headers = (
        text(lang, "dimension"),
        text(lang, "votes_number"),
        text(lang, "wins_of", model=first),
        text(lang, "ties"),
        text(lang, "both_bad"),
        text(lang, "wins_of", model=second),
        text(lang, "share", model=first),
        text(lang, "verdict"),
    )
    rows = [
        _row(lang, facts, dimension_name(lang, name), count, pair.dimensions.get(name))
        for name, count in facts.figures.dimensions_of(pair.count).items()
    ]
    rows.append(pair_row(lang, facts, text(lang, "all"), pair))
    return Table(headers, tuple(rows), text(lang, "votes_table"))


def pair_row(lang: str, facts: ReportFacts, name: str, pair: PairResult) -> tuple[str, ...]:
    """All votes on a pair, its share and its verdict."""
    verdict = pair.verdict
    overall = verdict.numbers if verdict.first == pair.count.first else verdict.numbers.swapped
    return _row(lang, facts, name, pair.count, overall)


def _row(lang: str, facts: ReportFacts, name: str, count: PairCount, numbers: Verdict | None) -> tuple[str, ...]:
    share = text(lang, "no_rater_done")
    if numbers and numbers.share is not None:
        ends = {"low": percent(numbers.interval.low), "high": percent(numbers.interval.high)}
        share = text(lang, "interval", rate=percent(numbers.share), **ends)
    votes = (count.votes, count.first_wins, count.ties, count.both_bad, count.second_wins)
    conclusion = short(lang, conclude(numbers, count.first, count.second), facts.name) if numbers else ""
    return (name, *map(str, votes), share, conclusion)


def time_plot(lang: str, facts: ReportFacts) -> Spec:
    """Time per prompt against quality for each model, as a Vega-Lite specification."""
    names, ids = [model.name for model in facts.models], [model.spec.id for model in facts.models]
    colours = {"domain": names, "range": [COLOURS[color_of(model, ids)] for model in ids]}
    shapes = {"domain": names, "range": ["circle", "triangle-up"]}
    log, axis = {"type": "log", "nice": False, "padding": 20}, {"tickCount": 4, "labelOverlap": True}
    score = text(lang, "plot_score" if facts.is_judged else "plot_checks")
    encoding = {
        "x": quantitative("seconds", title=text(lang, "plot_seconds"), scale=log, axis=axis),
        "y": quantitative("score", title=score, scale={"domain": [0, 1]}, axis={"format": "%"}),
        "color": nominal("model", title=None, scale=colours, legend={"orient": "top", "labelLimit": 260}),
        "shape": nominal("model", title=None, scale=shapes),
        "tooltip": [
            nominal("model"),
            nominal("prompt"),
            quantitative("seconds", format=".1f"),
            quantitative("score", format=".0%"),
        ],
    }
    rows = [{**point, "prompt": point["prompt"][lang]} for point in time_points(facts)]
    mark = {"type": "point", "size": 80, "filled": True, "opacity": 0.8}
    return finished({"data": {"values": rows}, "mark": mark, "encoding": encoding, "width": WIDTH, "height": 220})


def time_points(facts: ReportFacts) -> list[Spec]:
    """Model, prompt (its titles by language), mean seconds and score (0 to 1) wherever both are known.

    The score comes from the votes, or from the checks if no prompt has votes.
    """
    points: list[Spec] = []
    for prompt in facts.prompts:
        for index, model in enumerate(facts.models):
            seconds, score = _mean_seconds(prompt.runs[index]), _score(facts, prompt, index)
            if seconds and score is not None:
                points.append({"model": model.name, "prompt": prompt.prompt.title, "seconds": seconds, "score": score})
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
