"""The plots of a report as Vega-Lite specifications, how they are drawn, and the models' colours."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arena.results.figures import Figures, PairResult
from arena.results.sentences import Names
from arena.results.texts import dimension_name, text
from arena.statistics import PairCount
from arena.statistics.decision import Verdict

# A colour for each model, ties, both bad; distinct for colour-blind readers and in greyscale. page.css has the same.
COLOURS = {"a": "#3b7cf4", "b": "#f0813a"}
TIES, BOTH_BAD = "#b8bcc4", "#6b7078"
# Pixels; the width fits A4 and a phone.
WIDTH, ROW = 430, 30
MOST_TICKS = 8
# The first installed font is used for both Chinese and Latin text.
FONTS = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, SimHei, sans-serif"
_VEGA_LITE_VERSION, _SCHEMA = "6.4", "https://vega.github.io/schema/vega-lite/v6.json"
Spec = dict[str, Any]


def color_of(model: str, models: Iterable[str]) -> str:
    """The colour of one of two models, "a" or "b": the same on every page and in every report."""
    return "a" if model == max(models) else "b"


def pair_plot(lang: str, figures: Figures, pair: PairResult, name: Names = str) -> Spec:
    """Outcomes by dimension and overall, above the share of the first model with its interval.

    `name` gives the name of a model by id.
    """
    counts = {dimension_name(lang, name): count for name, count in figures.dimensions_of(pair.count).items()}
    numbers = {dimension_name(lang, name): verdict for name, verdict in pair.dimensions.items()}
    counts[text(lang, "all")], numbers[text(lang, "all")] = pair.count, pair.verdict.numbers
    models = pair.count.first, pair.count.second
    names = [name(model) for model in models]
    colours = [COLOURS[color_of(model, models)] for model in models]
    bars, shares = _bars(lang, names, colours, counts), _shares(lang, names[0], colours[0], list(counts), numbers)
    size = {"width": WIDTH, "height": ROW * len(counts)}
    return finished({"vconcat": [bars | size, shares | size]})


def _bars(lang: str, names: Sequence[str], colours: Sequence[str], counts: Mapping[str, PairCount]) -> Spec:
    first, second = (text(lang, "wins_of", model=name) for name in names)
    outcomes = [first, text(lang, "ties"), text(lang, "both_bad"), second]
    rows = []
    for dimension, count in counts.items():
        numbers = (count.first_wins, count.ties, count.both_bad, count.second_wins)
        for position, (outcome, votes) in enumerate(zip(outcomes, numbers, strict=True)):
            rows.append({"dimension": dimension, "outcome": outcome, "votes": votes, "position": position})
    # No more ticks than votes, since there are no half votes. Vega ignores a minimum step.
    ticks = min(MOST_TICKS, max([1, *(count.votes for count in counts.values())]))
    scale = {"domain": outcomes, "range": [colours[0], TIES, BOTH_BAD, colours[1]]}
    legend = {"orient": "top", "columns": 2, "labelLimit": 260}
    encoding = {
        "x": quantitative(
            "votes", title=text(lang, "plot_votes"), stack="zero", axis={"tickCount": ticks, "format": ",d"}
        ),
        "y": _rows_axis(list(counts)),
        "color": nominal("outcome", title=None, sort=outcomes, scale=scale, legend=legend),
        "order": quantitative("position"),
        "tooltip": [nominal("dimension"), nominal("outcome"), quantitative("votes")],
    }
    return {"data": {"values": rows}, "mark": {"type": "bar", "height": {"band": 0.7}}, "encoding": encoding}


def _shares(lang: str, name: str, colour: str, dimensions: Sequence[str], numbers: Mapping[str, Verdict]) -> Spec:
    """The shares of the model `name`, with the same rows as the bars, including those without scores."""
    rows = [
        {"dimension": dimension, "raters": verdict.raters, "share": verdict.share, **vars(verdict.interval)}
        for dimension, verdict in numbers.items()
        if verdict.share is not None
    ]
    values = [quantitative(name, format=".1%") for name in ("share", "low", "high")]
    common = {"y": _rows_axis(dimensions), "tooltip": [nominal("dimension"), quantitative("raters"), *values]}
    title = f"{name}: " + text(lang, "plot_share")
    x = quantitative("low", title=title, scale={"domain": [0, 1]}, axis={"format": "%"})
    half = {"data": {"values": [{"half": 0.5}]}, "mark": {"type": "rule", "strokeDash": [4, 4], "color": "#888"}}
    line = {"type": "rule", "strokeWidth": 2, "color": colour}
    point = {"type": "point", "filled": True, "size": 70, "color": colour, "opacity": 1}
    layers = [
        half | {"encoding": {"x": quantitative("half")}},
        {"mark": line, "encoding": {**common, "x": x, "x2": {"field": "high"}}},
        {"mark": point, "encoding": {**common, "x": quantitative("share")}},
    ]
    return {"data": {"values": rows}, "layer": layers}


def _rows_axis(names: Sequence[str]) -> Spec:
    return nominal("dimension", sort=names, scale={"domain": names}, title=None, axis={"labelLimit": 200})


def quantitative(field: str, **more: Any) -> Spec:
    """The encoding of a field of numbers."""
    return {"field": field, "type": "quantitative", **more}


def nominal(field: str, **more: Any) -> Spec:
    """The encoding of a field of names."""
    return {"field": field, "type": "nominal", **more}


def finished(chart: Spec) -> Spec:
    """The whole specification with the common look: white, fonts with Chinese, no label for each mark."""
    silent = {key: {"aria": False} for key in ("axis", "legend", "mark", "title")}
    return {"$schema": _SCHEMA, "config": {"background": "white", "font": FONTS, **silent}, **chart}


def as_svg(spec: Mapping[str, Any], label: str) -> str:
    """The plot as an SVG element. Screen readers read the label instead of the picture."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(dict(spec), vl_version=_VEGA_LITE_VERSION, allowed_base_urls=[])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def as_png(spec: Mapping[str, Any]) -> bytes:
    """The plot as PNG for print, with twice the pixels of the specification."""
    import vl_convert

    png: bytes = vl_convert.vegalite_to_png(dict(spec), vl_version=_VEGA_LITE_VERSION, scale=2, allowed_base_urls=[])
    return png
