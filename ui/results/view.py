"""The results in words and as pictures: HTML for the page, and lines for a terminal."""

from collections.abc import Iterator, Sequence
from html import escape

from arena.errors import ArenaError
from arena.results.figures import Figures, ModelResult, PairResult
from arena.results.plots import color_of
from arena.results.sentences import first_sentences, hundredths, is_explained_away, opening, outcome_key, short
from arena.results.service import ReadingProgress
from arena.results.texts import dimension_name
from arena.results.texts import text as results_text
from arena.results.verdict import PairVerdict
from arena.statistics import PairCount
from arena.statistics.decision import Outcome, Verdict
from arena.text import columns_wide
from arena.translations import percent
from ui.markup import html_table, status, tiles
from ui.results.sections import Section, Table, sections
from ui.texts import error_text, text

# The classes of the parts of a bar, in their order.
_KINDS = ("a", "ties", "bad", "b")
_SCALE = '<div class="scale" aria-hidden="true"><span>0%</span><span>50%</span><span>100%</span></div>'


def verdict_html(lang: str, figures: Figures) -> str:
    """The verdict, how certain it is, and what to do next, as HTML with the models' names in bold."""

    def name(model: str) -> str:
        return f"\x02{model}\x03"

    lines = "".join(f"<p>{escape(line)}</p>" for line in first_sentences(lang, figures, name))
    return lines.replace("\x02", "<b>").replace("\x03", "</b>").replace("<p>", '<p class="lead">', 1)


def section_body(section: Section) -> str:
    """The sentences and the table of a section, as HTML."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = section.table
    if table is None or not table.rows:
        return lines
    return lines + html_table(table.headers, [[escape(cell) for cell in row] for row in table.rows])


def room_results(lang: str, figures: Figures) -> str:
    """The results of one room, as HTML: the results at a glance, the verdict, the outcomes and the counts."""
    counts = (section_body(part) for part in sections(lang, figures) if part.name in ("models", "counts"))
    more = f"<summary>{escape(text(lang, 'results_details'))}</summary>{verdict_html(lang, figures)}"
    return f"{picture(lang, figures)}<details>{more}{chart(lang, figures)}{''.join(counts)}</details>"


def locked(lang: str, error: ArenaError) -> str:
    """Why no results are shown, as HTML, with the way to what unlocks them."""
    way = f'<a class="button" href="#arena">{escape(text(lang, "go_rate"))}</a>' if error.code == "still_blind" else ""
    return f'<div class="locked"><h2>{escape(error_text(lang, error))}</h2>{way}</div>'


def reading_line(lang: str, progress: ReadingProgress | None) -> str:
    """How far the votes are read, as HTML."""
    if progress is None or not progress.total:
        return status(text(lang, "results_counting"))
    words = text(lang, "results_reading", share=100 * progress.done // progress.total)
    left = progress.seconds_left
    if left is not None:
        words += text(lang, "results_left", seconds=f"{left:.0f}")
    bar = f'<progress max="{progress.total}" value="{progress.done}" aria-label="{escape(words)}"></progress>'
    return status(words) + bar


def lines(lang: str, figures: Figures) -> Iterator[str]:
    """Everything that the results tab shows, in the same order."""
    yield from first_sentences(lang, figures)
    for section in sections(lang, figures):
        yield ""
        yield section.title
        yield from (f"  {line}" for line in section.lines)
        if section.table:
            yield from _aligned(section.table)


def _aligned(table: Table) -> Iterator[str]:
    rows: Sequence[tuple[str, ...]] = (table.headers, *table.rows)
    widths = [max(columns_wide(row[column]) for row in rows) for column in range(len(table.headers))]
    for row in rows:
        cells = (cell + " " * (width - columns_wide(cell)) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def picture(lang: str, figures: Figures) -> str:
    """The headline, a bar from 0 to 100% for two models or the ratings of more, and the tiles."""
    pairs = figures.pairs
    chart = _shares(lang, pairs[0].verdict) if len(pairs) == 1 else _ratings(lang, figures.models)
    return f'<div class="picture"><h2>{escape(headline(lang, figures))}</h2>{chart}{_tiles(lang, figures)}</div>'


def headline(lang: str, figures: Figures) -> str:
    """The verdict in at most fifteen words."""
    if not figures.votes:
        return first_sentences(lang, figures)[0]
    if len(figures.pairs) != 1:
        best = figures.models[0]
        key = "head_ranked" if best.worst_rank == 1 else "head_unranked"
        return text(lang, key, model=best.model, count=len(figures.models))
    verdict = figures.pairs[0].verdict
    models = {"first": verdict.first, "second": verdict.second}
    if verdict.numbers.share is None:
        return text(lang, "head_nobody_done")
    if is_explained_away(verdict):
        return text(lang, "head_swayed", **models)
    if verdict.outcome is Outcome.PREFERRED:
        return text(lang, "head_preferred", model=verdict.preferred or "")
    if verdict.outcome is Outcome.NOT_YET and verdict.numbers.share == 0.5:
        return text(lang, "head_even")
    return text(lang, f"head_{outcome_key(verdict.numbers)}", **models)


def chart(lang: str, figures: Figures) -> str:
    """For two models the outcomes by dimension and one model's share; for more, the shares of all pairs."""
    if len(figures.pairs) > 1:
        return _matrix(lang, figures)
    return _dimension_chart(lang, figures) if figures.pairs else ""


def _dimension_chart(lang: str, figures: Figures) -> str:
    verdict = figures.pairs[0].verdict
    left, right = _in_order(verdict)
    pair = figures.pairs[0].seen_from(left)
    names = [results_text(lang, "wins_of", model=left), results_text(lang, "ties"), results_text(lang, "both_bad")]
    names.append(results_text(lang, "wins_of", model=right))
    rows = [
        _row(lang, left, names, dimension_name(lang, name), count, pair.dimensions.get(name))
        for name, count in figures.dimensions_of(pair.count).items()
    ]
    rows.append(_row(lang, left, names, results_text(lang, "all"), pair.count, verdict.numbers_of(left)))
    legend = "".join(
        f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in zip(_KINDS, names, strict=True)
    )
    note = escape(text(lang, "results_chart_note", model=left))
    rows.append(f'<div class="line axis"><span></span><span></span>{_SCALE}</div><p class="note">{note}</p>')
    return f'<div class="chart"><p class="legend">{legend}</p>{"".join(rows)}</div>'


def _row(lang: str, model: str, names: Sequence[str], title: str, count: PairCount, numbers: Verdict | None) -> str:
    outcomes = (count.first_wins, count.ties, count.both_bad, count.second_wins)
    words = ", ".join(f"{name}: {votes}" for name, votes in zip(names, outcomes, strict=True))
    parts = [
        f'<i class="{kind}" style="flex:{votes}">{votes}</i>'
        for kind, votes in zip(_KINDS, outcomes, strict=True)
        if votes
    ]
    track = _track(lang, model, numbers) if numbers and numbers.share is not None else ""
    bar = f'<div class="stack" role="img" aria-label="{escape(words)}">{"".join(parts)}</div>'
    return f'<div class="line"><span>{escape(title)}</span>{bar}{track}</div>'


def _in_order(verdict: PairVerdict) -> list[str]:
    """The two models, the one with the colour a first."""
    models = verdict.first, verdict.second
    return sorted(models, key=lambda model: color_of(model, models))


def _shares(lang: str, verdict: PairVerdict) -> str:
    """The bar with its caption; "" if no rater has finished."""
    models = _in_order(verdict)
    if verdict.numbers.share is None:
        return ""
    numbers = verdict.numbers_of(models[0])
    share = float(percent(verdict.numbers.share)) / 100  # rounded as in the sentence, so that the two add up to 100
    shares = {verdict.first: share, verdict.second: 1 - share}
    names = "".join(
        f'<span data-color="{color}"><i class="dot"></i>{escape(model)} <b>{_percent(shares[model])}</b></span>'
        for model, color in zip(models, "ab", strict=True)
    )
    fill = f'<i class="a" style="width:{numbers.share:.1%}"></i><i class="b"></i>'
    ends = {"low": _percent(numbers.interval.low), "high": _percent(numbers.interval.high)}
    caption = escape(opening(lang, verdict) + text(lang, "picture_note", **ends))
    return (
        f'<div class="panel"><div class="ends">{names}</div>{_track(lang, models[0], numbers, fill)}'
        f'{_SCALE}</div><p class="note">{caption}</p>'
    )


def _track(lang: str, model: str, numbers: Verdict, fill: str = "") -> str:
    """A line from 0 to 100% with the share and its interval; `fill` is below it, as HTML."""
    share, low, high = numbers.share or 0.0, numbers.interval.low, numbers.interval.high
    ends = {"share": _percent(share), "low": _percent(low), "high": _percent(high)}
    words = escape(text(lang, "picture_bar", model=model, **ends))
    return (
        f'<div class="track" role="img" aria-label="{words}">{fill}<i class="half"></i>{_marks(share, low, high)}</div>'
    )


def _marks(value: float, low: float, high: float) -> str:
    """An interval with its middle, all from 0 to 1."""
    interval = f'<i class="interval" style="left:{low:.1%};width:{high - low:.1%}"></i>'
    return f'{interval}<i class="at" style="left:{value:.1%}"></i>'


def _ratings(lang: str, models: Sequence[ModelResult]) -> str:
    """The ratings with their intervals on one scale; "" if there are none."""
    rated = {model.model: model.rating for model in models if model.rating}
    ranks = {model.model: model.ranks for model in models}
    if not rated:
        return ""
    ends = {
        name: [rating.value if end is None else end for end in (rating.value, rating.low, rating.high)]
        for name, rating in rated.items()
    }
    least, most = min(map(min, ends.values())), max(map(max, ends.values()))
    rows = "".join(
        f'<div class="line"><em>{ranks[name]}</em><span>{escape(name)}</span><div class="track">'
        f"{_marks(*((end - least) / (most - least or 1) for end in marks))}</div><b>{marks[0]:.0f}</b></div>"
        for name, marks in ends.items()
    )
    note = escape(text(lang, "ratings_note", low=f"{least:.0f}", high=f"{most:.0f}"))
    return f'<div class="panel chart ratings">{rows}</div><p class="note">{note}</p>'


def _matrix(lang: str, figures: Figures) -> str:
    """A table with the share of each row's model against each column's, and the votes; the columns have numbers."""
    models = [model.model for model in figures.models]
    pairs = {pair.count.models: pair for pair in figures.pairs}
    head = "".join(f'<th scope="col" title="{escape(name)}">{number}</th>' for number, name in enumerate(models, 1))
    rows = ""
    for number, first in enumerate(models, 1):
        cells = "".join(_cell(lang, first, second, pairs.get(frozenset((first, second)))) for second in models)
        name = f'<span title="{escape(first)}">{number}. {escape(first)}</span>'
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    title, note = (escape(text(lang, key)) for key in ("matrix_title", "matrix_note"))
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>"
    region = f'<div class="matrix" role="region" aria-label="{title}" tabindex="0">{table}</div>'
    return f'<div class="chart">{region}<p class="note">{note}</p></div>'


def _cell(lang: str, first: str, second: str, pair: PairResult | None) -> str:
    if pair is None:
        return "<td></td>"
    numbers = pair.verdict.numbers_of(first)
    number = 0.5 if numbers.share is None else numbers.share
    share = "–" if numbers.share is None else _percent(number)
    said = short(lang, pair.verdict.conclusion)
    words = text(lang, "matrix_cell", first=first, second=second, share=share, votes=pair.count.votes, said=said)
    kind = ("a" if number > 0.5 else "b") + (" called" if pair.verdict.preferred else "")
    inner = f"{share.removesuffix('%')}<small>{pair.count.votes}</small>"
    return f'<td class="{kind}" style="--mix:{120 * abs(number - 0.5):.0f}%" title="{escape(words)}">{inner}</td>'


def _tiles(lang: str, figures: Figures) -> str:
    agreement = hundredths(figures.agreement.alpha) if figures.agreement else "–"
    counts = {"tile_votes": figures.votes, "tile_raters": figures.raters, "tile_prompts": figures.prompts}
    return tiles(lang, {**counts, "tile_agreement": agreement})


def _percent(share: float) -> str:
    return f"{percent(share)}%"
