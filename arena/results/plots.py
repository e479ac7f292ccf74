"""The results as a plot: one pair's counts by dimension, or the ratings of more models. Draws nothing itself."""

from __future__ import annotations

from typing import Any

from arena.report.plots import COLOURS, ROW, WIDTH, Labels, counts_plot, finished
from arena.results.figures import Figures


def figures_plot(labels: Labels, figures: Figures) -> dict[str, Any] | None:
    """A Vega-Lite specification; None where there is nothing to show."""
    if len(figures.pairs) == 1:
        return _pair_plot(labels, figures)
    return _ratings_plot(labels, figures) if any(model.rating is not None for model in figures.models) else None


def _pair_plot(labels: Labels, figures: Figures) -> dict[str, Any]:
    count, groups = figures.pairs[0].count, figures.by["dimension"]
    counts = {labels.dimension(name): counts[0].seen_from(count.first) for name, counts in groups.items()}
    return counts_plot(labels, [count.first, count.second], {**counts, labels("all"): count})


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
