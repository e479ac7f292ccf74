"""The plots that page and report share, as Vega-Lite specifications, and how they are drawn."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arena.results.figures import Figures, PairResult
from arena.results.sentences import Names
from arena.results.texts import dimension_name, text
from arena.statistics import PairCount
from arena.statistics.decision import Verdict

# First model, ties, both bad, second model; distinct for colour-blind readers and in greyscale.
COLOURS = ("#3b6fb6", "#b8bcc4", "#6b7078", "#e08a3c")
# Pixels; the width fits A4 and a phone.
WIDTH, ROW = 430, 30
MOST_TICKS = 8
# The first one installed sets both Chinese and Latin.
FONTS = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, SimHei, sans-serif"
_VEGA_LITE_VERSION = "6.4"
Spec = dict[str, Any]


def figures_plot(lang: str, figures: Figures) -> Spec | None:
    """The plot of the results page; None if there is nothing to show."""
    if len(figures.pairs) == 1:
        return pair_plot(lang, figures, figures.pairs[0])
    return _ratings_plot(lang, figures) if any(model.rating is not None for model in figures.models) else None


def pair_plot(lang: str, figures: Figures, pair: PairResult, name: Names = str) -> Spec:
    """Outcomes by dimension and overall, above the share of the first model with its interval.

    `name` gives the name of a model by id.
    """
    import altair as alt

    counts, numbers = {}, {}
    for dimension, verdict in pair.dimensions.items():
        numbers[dimension_name(lang, dimension)] = verdict
    for dimension, pairs in figures.by["dimension"].items():
        own = [count for count in pairs if {count.first, count.second} == {pair.count.first, pair.count.second}]
        if own:
            counts[dimension_name(lang, dimension)] = own[0].seen_from(pair.count.first)
    counts[text(lang, "all")], numbers[text(lang, "all")] = pair.count, pair.verdict.numbers
    names = [name(pair.count.first), name(pair.count.second)]
    size = {"width": WIDTH, "height": ROW * len(counts)}
    bars, shares = _bar_chart(lang, names, counts, size), _interval_chart(lang, names, counts, numbers, size)
    return finished(alt.vconcat(bars, shares))


def _bar_chart(lang: str, names: Sequence[str], counts: Mapping[str, PairCount], size: Mapping[str, int]) -> Any:
    import altair as alt

    outcomes = [text(lang, "wins_of", model=names[0]), text(lang, "ties"), text(lang, "both_bad")]
    outcomes.append(text(lang, "wins_of", model=names[1]))
    colour = alt.Color(
        "outcome:N",
        title=None,
        sort=outcomes,
        scale=alt.Scale(domain=outcomes, range=list(COLOURS)),
        legend=alt.Legend(orient="top", columns=2, labelLimit=260),
    )
    chart = alt.Chart(data_of(_bars(counts, outcomes))).mark_bar(height={"band": 0.7})
    # No more ticks than votes, since there are no half votes. Vega ignores a minimum step.
    ticks = min(MOST_TICKS, max([1, *(count.votes for count in counts.values())]))
    return chart.encode(
        x=alt.X("votes:Q", title=text(lang, "plot_votes"), stack="zero", axis=alt.Axis(tickCount=ticks, format=",d")),
        y=_rows(counts),
        color=colour,
        order="position:Q",
        tooltip=["dimension:N", "outcome:N", "votes:Q"],
    ).properties(**size)


def _interval_chart(
    lang: str,
    names: Sequence[str],
    counts: Mapping[str, PairCount],
    numbers: Mapping[str, Verdict],
    size: Mapping[str, int],
) -> Any:
    import altair as alt

    values = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("share", "low", "high")]
    half = alt.Chart(data_of([{"half": 0.5}])).mark_rule(strokeDash=[4, 4], color="#888").encode(x="half:Q")
    share = text(lang, "plot_share")
    shares = alt.Chart(data_of(_intervals(numbers))).encode(
        x=alt.X("low:Q", title=f"{names[0]}: {share}", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        y=_rows(counts),
        tooltip=["dimension:N", "raters:Q", *values],
    )
    lines = shares.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x2="high:Q")
    points = shares.mark_point(filled=True, size=70, color=COLOURS[0], opacity=1).encode(x="share:Q")
    return alt.layer(half, lines, points).properties(**size)


def _rows(counts: Mapping[str, PairCount]) -> Any:
    """The same rows in both charts, including those without scores."""
    import altair as alt

    order = list(counts)
    return alt.Y("dimension:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(labelLimit=200))


def _ratings_plot(lang: str, figures: Figures) -> dict[str, Any]:
    import altair as alt

    rated = [model for model in figures.models if model.rating is not None]
    rows = [
        {"model": model.model, "rating": model.rating, "low": model.rating_low, "high": model.rating_high}
        for model in rated
    ]
    order = [model.model for model in rated]
    axis = alt.Axis(format="d", tickCount=5)
    chart = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("low:Q", title=text(lang, "plot_rating"), scale=alt.Scale(zero=False), axis=axis),
        y=alt.Y("model:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["model:N", *(alt.Tooltip(f"{name}:Q", format=".0f") for name in ("rating", "low", "high"))],
    )
    lines = chart.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x2="high:Q")
    points = chart.mark_point(filled=True, size=70, color=COLOURS[0], opacity=1).encode(x="rating:Q")
    return finished(alt.layer(lines, points).properties(width=WIDTH, height=ROW * len(order)))


def as_chart(spec: Mapping[str, Any]) -> Any:
    """The plot as an altair chart, for an interactive page."""
    import altair as alt

    return alt.Chart.from_dict(dict(spec))


def data_of(rows: Iterable[Spec]) -> Any:
    """Rows as data inside the specification."""
    import altair as alt

    return alt.InlineData(values=list(rows))


def _bars(counts: Mapping[str, PairCount], outcomes: list[str]) -> Iterator[Spec]:
    for dimension, count in counts.items():
        numbers = (count.first_wins, count.ties, count.both_bad, count.second_wins)
        for position, (outcome, votes) in enumerate(zip(outcomes, numbers, strict=True)):
            yield {"dimension": dimension, "outcome": outcome, "votes": votes, "position": position}


def _intervals(numbers: Mapping[str, Verdict]) -> Iterator[Spec]:
    for dimension, verdict in numbers.items():
        if verdict.share is not None:
            interval = {"low": verdict.interval.low, "high": verdict.interval.high}
            yield {"dimension": dimension, "raters": verdict.raters, "share": verdict.share, **interval}


def finished(chart: Any) -> Spec:
    """The specification with the common look: a white background and fonts with Chinese."""
    plain = chart.configure_view(stroke=None).configure(background="white", font=FONTS)
    spec: Spec = plain.to_dict()
    # No menu in a page: it has no accessible name, and one item sends the data to an external editor.
    return {**spec, "usermeta": {"embedOptions": {"actions": False}}}


def as_svg(spec: Mapping[str, Any], label: str = "") -> str:
    """The plot as an SVG element. Screen readers read the label instead of the picture."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(dict(spec), vl_version=_VEGA_LITE_VERSION, allowed_base_urls=[])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1) if label else svg


def as_png(spec: Mapping[str, Any]) -> bytes:
    """The plot as PNG for print, with twice the pixels of the specification."""
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(dict(spec), vl_version=_VEGA_LITE_VERSION, scale=2, allowed_base_urls=[])
    return png
