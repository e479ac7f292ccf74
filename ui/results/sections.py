"""The results as sections with sentences and tables, for the page and the command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from arena.results.bias import Share
from arena.results.compute import GROUPS
from arena.results.figures import Figures, ModelResult, PairResult
from arena.results.sentences import agreement_line, hundredths, share_line, short, split_line
from arena.results.texts import dimension_name
from arena.results.texts import text as results_text
from arena.results.verdict import conclude
from arena.statistics import PairCount, total, wilson
from arena.translations import percent
from ui.texts import TEXTS, text

UNKNOWN = "–"
MAX_ROWS = 20  # unreadable rows that are listed
_MOST_WINS = 5  # of many models, these took longest against the other one
_COUNTS = ("first", "second", "votes", "wins", "losses", "ties", "both_bad", "rate", "wilson")

Names = Callable[[str], str]
"""The title of a prompt, by its id."""


@dataclass(frozen=True)
class Table:
    """Column names, and rows of cells as plain text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading, sentences and a table under it. `name` is the same in every language."""

    name: str
    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None


def sections(lang: str, figures: Figures, prompt_name: Names = str) -> Iterator[Section]:
    """Everything after the first sentences, without empty sections."""
    if figures.votes:
        if len(figures.models) > 2:
            yield _ranking(lang, figures)
        yield _counts(lang, figures)
        yield from _groups(lang, figures, prompt_name)
        yield _bias(lang, figures)
        yield _agreement(lang, figures, prompt_name)
        yield _cost(lang, figures, prompt_name)
    left_out = tuple(_left_out(lang, figures))
    if left_out:
        yield Section("left_out", text(lang, "section_left_out"), left_out)


def _ranking(lang: str, figures: Figures) -> Section:
    lines = [text(lang, "prior_note", prior=figures.prior)] if figures.prior else []
    headers = _headers(lang, ("rank", "first", *_COUNTS[2:], "rating", "rating_interval"))
    rows = tuple(_model(lang, model) for model in figures.models)
    return _section(lang, "models", (*lines, text(lang, "rating_note")), Table(headers, rows))


def _model(lang: str, model: ModelResult) -> tuple[str, ...]:
    _, _, *counts = _count(lang, model.count)
    rating = model.rating
    ends = (rating.low, rating.high) if rating else (None, None)
    return (
        model.ranks,
        model.model,
        *counts,
        points(rating.value if rating else None),
        UNKNOWN if None in ends else text(lang, "interval", low=points(ends[0]), high=points(ends[1])),
    )


def _counts(lang: str, figures: Figures) -> Section:
    rows = tuple(_count(lang, pair.count) for pair in figures.pairs)
    if len(rows) > 1:
        rows = tuple((*row, *_of_many(lang, pair)) for row, pair in zip(rows, figures.pairs, strict=True))
        headers = _headers(lang, (*_COUNTS, "share", "verdict", "signs"))
        return _section(lang, "counts", (text(lang, "rate_note"), text(lang, "signs_note")), Table(headers, rows))
    lines = [text(lang, "rate_note")]
    for pair in figures.pairs:
        signs, names = pair.prompts, {"first": pair.count.first, "second": pair.count.second}
        lines.append(text(lang, "sign_test", **names, a=signs.first, b=signs.second, c=signs.even, p=f"{signs.p:.3g}"))
    return _section(lang, "counts", lines, Table(_headers(lang, _COUNTS), rows))


def _of_many(lang: str, pair: PairResult) -> tuple[str, ...]:
    """The verdict on one of many pairs in cells, and its prompts with the p of their sign test."""
    numbers, signs = pair.verdict.numbers, pair.prompts
    share = UNKNOWN
    if numbers.share is not None:
        interval = text(lang, "interval", low=percent(numbers.interval.low), high=percent(numbers.interval.high))
        share = f"{percent(numbers.share)} ({interval})"
    prompts = text(lang, "signs", a=signs.first, b=signs.second, c=signs.even, p=f"{signs.p:.3g}")
    return share, short(lang, pair.verdict.conclusion), prompts


def _groups(lang: str, figures: Figures, prompt_name: Names) -> Iterator[Section]:
    for by in GROUPS:
        groups = figures.by[by]
        if list(groups) not in ([], [""]):  # nothing belongs to any
            of_group = _group_of_many if len(figures.pairs) > 1 else _group_of_two
            yield of_group(lang, figures, by, partial(group_name, lang, by, prompt_name=prompt_name))


def _group_of_many(lang: str, figures: Figures, by: str, title: Names) -> Section:
    """The votes on each model against all others, by group, with its rating there if there is one."""
    ratings = figures.group_ratings.get(by)
    rows = []
    for name, counts in figures.by[by].items():
        for model in figures.models:
            if any(model.model in count.models for count in counts):
                first, _, *cells = _count(lang, total(model.model, counts))
                rating = () if ratings is None else (points(ratings.get(name, {}).get(model.model)),)
                rows.append((title(name), first, *cells, *rating))
    rated = () if ratings is None else ("rating",)
    headers = _headers(lang, ("group", "first", *_COUNTS[2:], *rated))
    lines = () if ratings is None else (text(lang, "group_note"),)
    return _section(lang, by, lines, Table(headers, tuple(rows)))


def _group_of_two(lang: str, figures: Figures, by: str, title: Names) -> Section:
    # In every group the model that leads overall comes first.
    pair, rows = figures.pairs[0], []
    for name, (count,) in figures.by[by].items():
        cells = title(name), *_count(lang, count.seen_from(pair.count.first))
        numbers = pair.dimensions.get(name)
        verdict = short(lang, conclude(numbers, pair.count.first, pair.count.second)) if numbers else UNKNOWN
        rows.append((*cells, verdict) if by == "dimension" else cells)
    headers = _headers(lang, ("group", *_COUNTS, *(("verdict",) if by == "dimension" else ())))
    lines = (text(lang, "dimension_note"),) if by == "dimension" else ()
    return _section(lang, by, lines, Table(headers, tuple(rows)))


def group_name(lang: str, by: str, name: str, prompt_name: Names = str) -> str:
    """The name of a group on the page; an unknown one is shown as it is."""
    if not name:
        return text(lang, "group_own" if by == "prompt" else "group_none")
    if by == "prompt":
        return prompt_name(name)
    if by == "dimension":
        return dimension_name(lang, name)
    key = {"source": f"group_{name}", "language": f"language_{name}"}.get(by, "")
    return text(lang, key) if key in TEXTS else name


def _bias(lang: str, figures: Figures) -> Section:
    # The model whose name comes first in the alphabet.
    named = min(model.model for model in figures.models)
    lines = [_share(lang, name, share, named) for name, share in figures.bias.shares.items() if share and share.total]
    lines += [split_line(lang, name, split, named) for name, split in figures.bias.splits.items()]
    lines.append(results_text(lang, "careless", **figures.suspicious))
    return _section(lang, "bias", lines)


def _share(lang: str, name: str, share: Share, model: str) -> str:
    rate = wilson(share.count, share.total)
    ends = {"low": percent(rate.low), "high": percent(rate.high)}
    return text(lang, "wilson_line", line=share_line(lang, name, share, model), **ends)


def _agreement(lang: str, figures: Figures, prompt_name: Names) -> Section:
    agreement, disputed = figures.agreement, figures.disputed
    lines = [agreement_line(lang, agreement)]
    if agreement and agreement.low is not None and agreement.high is not None:
        lines.append(text(lang, "agree_interval", low=hundredths(agreement.low), high=hundredths(agreement.high)))
    if disputed:
        name = group_name(lang, "prompt", disputed.prompt, prompt_name)
        lines.append(text(lang, "disputed_line", prompt=name, share=percent(disputed.share), votes=disputed.votes))
    return _section(lang, "agreement", lines)


def _cost(lang: str, figures: Figures, prompt_name: Names) -> Section:
    measured = {
        "seconds": [cost.seconds for cost in figures.costs],
        "tokens": [cost.tokens for cost in figures.costs],
        "speed": [cost.tokens_per_second for cost in figures.costs],
        "memory": [cost.peak_memory and cost.peak_memory / 1e9 for cost in figures.costs],
        "joules": [cost.joules for cost in figures.costs],
    }
    # A column that nothing was measured for is left out.
    measured = {name: column for name, column in measured.items() if any(number is not None for number in column)}
    headers = _headers(lang, ("first", "precision", "answers", *measured))
    names = ((cost.model, cost.precision or UNKNOWN, str(cost.answers)) for cost in figures.costs)
    rows = [(*first, *map(_number, numbers)) for first, *numbers in zip(names, *measured.values(), strict=True)]
    lines = [text(lang, f"{name}_note") for name in ("memory", "joules") if name in measured]
    dearest = tuple(won for won in figures.prompt_costs if round(won.times, 1) > 1)
    if len(figures.pairs) > 1:
        dearest = tuple(sorted(dearest, key=lambda won: -won.times)[:_MOST_WINS])
    for won in dearest:
        named = {**vars(won), "prompt": prompt_name(won.prompt), "times": f"{won.times:.1f}"}
        lines.append(text(lang, "prompt_cost_line", **named))
    return _section(lang, "cost", lines, Table(headers, tuple(rows)))


def _left_out(lang: str, figures: Figures) -> Iterator[str]:
    excluded = figures.left_out
    counts = {"repeats": figures.repeats, "duplicates": excluded.duplicates}
    counts |= {"withdrawn": excluded.withdrawn, "unfinished": excluded.unfinished, "damaged": len(excluded.damaged)}
    yield from (text(lang, f"left_{name}", count=count) for name, count in counts.items() if count)
    bad = excluded.unreadable
    if bad:
        yield text(lang, "unreadable", count=len(bad))
        for row in bad[:MAX_ROWS]:
            yield text(lang, "unreadable_row", file=row.part, line=row.line, reason=row.reason)
        if len(bad) > MAX_ROWS:
            yield text(lang, "unreadable_more", count=len(bad) - MAX_ROWS)


def _section(lang: str, name: str, lines: Sequence[str], table: Table | None = None) -> Section:
    return Section(name, text(lang, f"section_{name}"), tuple(lines), table)


def _headers(lang: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(text(lang, f"column_{name}") for name in names)


def _count(lang: str, count: PairCount) -> tuple[str, ...]:
    numbers = (count.votes, count.first_wins, count.second_wins, count.ties, count.both_bad)
    cells = UNKNOWN, UNKNOWN
    if rate := count.win_rate():
        cells = percent(rate.rate), text(lang, "interval", low=percent(rate.low), high=percent(rate.high))
    return (count.first, count.second, *map(str, numbers), *cells)


def points(rating: float | None) -> str:
    """A rating, or a dash if there is none."""
    return UNKNOWN if rating is None else f"{rating:.0f}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"
