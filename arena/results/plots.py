"""The plots that page and report share, each as one Vega-Lite specification: a pair's counts, or many ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.results.figures import Figures, PairResult
from arena.results.words import dimension_name, say
from arena.statistics import PairCount
from arena.statistics.decision import Verdict

# For the first model, ties, both bad, the second model: told apart by colour-blind eyes and in grey as well.
COLOURS = ("#3b6fb6", "#b8bcc4", "#6b7078", "#e08a3c")
# A chart that stands on A4 and on a phone; pixels.
WIDTH, ROW = 430, 30
MOST_TICKS = 8
Spec = dict[str, Any]
Names = Callable[[str], str]


@dataclass(frozen=True)
class Labels:
    """The language of what is written in plots; see `arena.report.fonts`."""

    lang: str

    def __call__(self, key: str, **numbers: object) -> str:
        return say(self.lang, key, **numbers)

    def dimension(self, name: str) -> str:
        """A dimension as a person reads it."""
        return dimension_name(self.lang, name)


def figures_plot(labels: Labels, figures: Figures) -> Spec | None:
    """The plot of the results; None where there is nothing to show."""
    if len(figures.pairs) == 1:
        return pair_plot(labels, figures, figures.pairs[0])
    return _ratings_plot(labels, figures) if any(model.rating is not None for model in figures.models) else None


def pair_plot(labels: Labels, figures: Figures, pair: PairResult, name: Names = str) -> Spec:
    """Wins, ties and losses by dimension and overall, above the share of the first model with the verdict's interval.
    `name` writes a model's id."""
    import altair as alt

    counts, numbers = {}, {}
    for dimension, verdict in pair.dimensions.items():
        numbers[labels.dimension(dimension)] = verdict
    for dimension, found in figures.by["dimension"].items():
        own = [count for count in found if {count.first, count.second} == {pair.count.first, pair.count.second}]
        if own:
            counts[labels.dimension(dimension)] = own[0].seen_from(pair.count.first)
    counts[labels("all")], numbers[labels("all")] = pair.count, pair.verdict.numbers
    names = [name(pair.count.first), name(pair.count.second)]
    size = {"width": WIDTH, "height": ROW * len(counts)}
    bars, shares = _bar_chart(labels, names, counts, size), _interval_chart(labels, names, counts, numbers, size)
    return finished(alt.vconcat(bars, shares))


def _bar_chart(labels: Labels, names: Sequence[str], counts: Mapping[str, PairCount], size: Mapping[str, int]) -> Any:
    import altair as alt

    outcomes = [labels("wins_of", model=names[0]), labels("ties"), labels("both_bad")]
    outcomes.append(labels("wins_of", model=names[1]))
    colour = alt.Color(
        "outcome:N",
        title=None,
        sort=outcomes,
        scale=alt.Scale(domain=outcomes, range=list(COLOURS)),
        legend=alt.Legend(orient="top", columns=2, labelLimit=260),
    )
    chart = alt.Chart(data_of(_bars(counts, outcomes))).mark_bar(height={"band": 0.7})
    # No more ticks than votes: there is no half of one. Vega takes no notice of the least step that it is told.
    ticks = min(MOST_TICKS, max([1, *(count.votes for count in counts.values())]))
    return chart.encode(
        x=alt.X("votes:Q", title=labels("plot_votes"), stack="zero", axis=alt.Axis(tickCount=ticks, format=",d")),
        y=_rows(counts),
        color=colour,
        order="place:Q",
        tooltip=["dimension:N", "outcome:N", "votes:Q"],
    ).properties(**size)


def _interval_chart(
    labels: Labels,
    names: Sequence[str],
    counts: Mapping[str, PairCount],
    numbers: Mapping[str, Verdict],
    size: Mapping[str, int],
) -> Any:
    import altair as alt

    values = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("share", "low", "high")]
    half = alt.Chart(data_of([{"half": 0.5}])).mark_rule(strokeDash=[4, 4], color="#888").encode(x="half:Q")
    share = labels("plot_share")
    shares = alt.Chart(data_of(_intervals(numbers))).encode(
        x=alt.X("low:Q", title=f"{names[0]}: {share}", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        y=_rows(counts),
        tooltip=["dimension:N", "raters:Q", *values],
    )
    lines = shares.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x2="high:Q")
    points = shares.mark_point(filled=True, size=70, color=COLOURS[0], opacity=1).encode(x="share:Q")
    return alt.layer(half, lines, points).properties(**size)


def _rows(counts: Mapping[str, PairCount]) -> Any:
    """The same rows in both charts, those without a decisive vote too."""
    import altair as alt

    order = list(counts)
    return alt.Y("dimension:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(labelLimit=200))


def _ratings_plot(labels: Labels, figures: Figures) -> dict[str, Any]:
    import altair as alt

    rated = [model for model in figures.models if model.rating is not None]
    rows = [{"model": one.model, "rating": one.rating, "low": one.rating_low, "high": one.rating_high} for one in rated]
    order = [model.model for model in rated]
    axis = alt.Axis(format="d", tickCount=5)
    chart = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("low:Q", title=labels("plot_rating"), scale=alt.Scale(zero=False), axis=axis),
        y=alt.Y("model:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["model:N", *(alt.Tooltip(f"{name}:Q", format=".0f") for name in ("rating", "low", "high"))],
    )
    lines = chart.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x2="high:Q")
    points = chart.mark_point(filled=True, size=70, color=COLOURS[0], opacity=1).encode(x="rating:Q")
    return finished(alt.layer(lines, points).properties(width=WIDTH, height=ROW * len(order)))


def as_chart(spec: Mapping[str, Any]) -> Any:
    """The plot as an altair chart, for a page that lets a reader point at it."""
    import altair as alt

    return alt.Chart.from_dict(dict(spec))


def data_of(rows: Iterable[Spec]) -> Any:
    """Rows that stand in the specification itself."""
    import altair as alt

    return alt.InlineData(values=list(rows))


def _bars(counts: Mapping[str, PairCount], outcomes: list[str]) -> Iterator[Spec]:
    for dimension, count in counts.items():
        numbers = (count.first_wins, count.ties, count.both_bad, count.second_wins)
        for place, (outcome, votes) in enumerate(zip(outcomes, numbers, strict=True)):
            yield {"dimension": dimension, "outcome": outcome, "votes": votes, "place": place}


def _intervals(numbers: Mapping[str, Verdict]) -> Iterator[Spec]:
    for dimension, verdict in numbers.items():
        if verdict.share is not None:
            interval = {"low": verdict.interval.low, "high": verdict.interval.high}
            yield {"dimension": dimension, "raters": verdict.raters, "share": verdict.share, **interval}


def finished(chart: Any) -> Spec:
    """The specification, its look the same on a white page everywhere."""
    plain = chart.configure_view(stroke=None).configure(background="white", font=FONTS)
    spec: Spec = plain.to_dict()
    # In a page: no menu, which has no name for a screen reader and an item that sends the data to an editor elsewhere.
    return {**spec, "usermeta": {"embedOptions": {"actions": False}}}


# The first that is there: sets Chinese and Latin alike.
FONTS = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, SimHei, sans-serif"
