"""The report's plots, each as one Vega-Lite specification. Knows no format and draws nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.report.facts import Asked, PromptFacts, ReportFacts
from arena.report.words import dimension_name, say
from arena.statistics import PairCount

# For the first model, ties, both bad, the second model: told apart by colour-blind eyes and in grey as well.
COLOURS = ("#3b6fb6", "#b8bcc4", "#6b7078", "#e08a3c")
# A chart that stands on A4 and on a phone; pixels.
WIDTH, ROW = 430, 30
MOST_TICKS = 8
_Spec = dict[str, Any]


@dataclass(frozen=True)
class Labels:
    """The language of what is written in plots; see `arena.report.fonts`."""

    lang: str

    def __call__(self, key: str, **numbers: object) -> str:
        return say(self.lang, key, **numbers)

    def dimension(self, name: str) -> str:
        """A dimension as a person reads it."""
        return dimension_name(self.lang, name)


def results_plot(labels: Labels, facts: ReportFacts) -> _Spec:
    """Wins, ties and losses by dimension and overall, above the share of the first model with its interval."""
    return counts_plot(labels, [model.name for model in facts.models], dict(_counts(labels, facts)))


def counts_plot(labels: Labels, names: Sequence[str], counts: Mapping[str, PairCount]) -> _Spec:
    """The same of any counts of two models, a row each."""
    import altair as alt

    size = {"width": WIDTH, "height": ROW * len(counts)}
    return finished(alt.vconcat(_bar_chart(labels, names, counts, size), _interval_chart(labels, names, counts, size)))


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
    chart = alt.Chart(_data(_bars(counts, outcomes))).mark_bar(height={"band": 0.7})
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
    labels: Labels, names: Sequence[str], counts: Mapping[str, PairCount], size: Mapping[str, int]
) -> Any:
    import altair as alt

    figures = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("rate", "low", "high")]
    half = alt.Chart(_data([{"half": 0.5}])).mark_rule(strokeDash=[4, 4], color="#888").encode(x="half:Q")
    share = labels("plot_share")
    shares = alt.Chart(_data(_intervals(counts))).encode(
        x=alt.X(
            "low:Q",
            title=f"{names[0]}: {share}",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%"),
        ),
        y=_rows(counts),
        tooltip=["dimension:N", "decisive:Q", *figures],
    )
    lines = shares.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x2="high:Q")
    points = shares.mark_point(filled=True, size=70, color=COLOURS[0], opacity=1).encode(x="rate:Q")
    return alt.layer(half, lines, points).properties(**size)


def _rows(counts: Mapping[str, PairCount]) -> Any:
    """The same rows in both charts, those without a decisive vote too."""
    import altair as alt

    order = list(counts)
    return alt.Y("dimension:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(labelLimit=200))


def time_plot(labels: Labels, facts: ReportFacts) -> _Spec:
    """How long each model took for a prompt against how well it did there."""
    import altair as alt

    names = [model.name for model in facts.models]
    score = "plot_score" if facts.is_judged else "plot_checks"
    values = [{**point, "prompt": point["title"][labels.lang]} for point in time_points(facts)]
    chart = (
        alt.Chart(_data([{name: point[name] for name in point if name != "title"} for point in values]))
        .mark_point(size=80, filled=True, opacity=0.8)
        .encode(
            x=alt.X(
                "seconds:Q",
                title=labels("plot_seconds"),
                scale=alt.Scale(type="log", nice=False, padding=20),
                axis=alt.Axis(tickCount=4, labelOverlap=True),
            ),
            y=alt.Y("score:Q", title=labels(score), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
            color=alt.Color(
                "model:N",
                title=None,
                scale=alt.Scale(domain=names, range=[COLOURS[0], COLOURS[-1]]),
                legend=alt.Legend(orient="top", labelLimit=260),
            ),
            shape=alt.Shape("model:N", title=None, scale=alt.Scale(domain=names, range=["circle", "triangle-up"])),
            tooltip=[
                "model:N",
                "prompt:N",
                alt.Tooltip("seconds:Q", format=".1f"),
                alt.Tooltip("score:Q", format=".0%"),
            ],
        )
        .properties(width=WIDTH, height=220)
    )
    return finished(chart)


def as_chart(spec: Mapping[str, Any]) -> Any:
    """The plot as an altair chart, for a page that lets a reader point at it."""
    import altair as alt

    return alt.Chart.from_dict(dict(spec))


def time_points(facts: ReportFacts) -> list[_Spec]:
    """Model, prompt, mean seconds and score from 0 to 1, where all of these are known: the score is by votes, and by
    checks where nobody has voted on any."""
    points = []
    for prompt in facts.prompts:
        for place, model in enumerate(facts.models):
            seconds, score = _seconds(prompt.asked[place]), _score(facts, prompt, place)
            if seconds and score is not None:
                points.append({"model": model.name, "title": prompt.title, "seconds": seconds, "score": score})
    return points


def _data(rows: Iterable[_Spec]) -> Any:
    """Rows that stand in the specification itself."""
    import altair as alt

    return alt.InlineData(values=list(rows))


def _counts(labels: Labels, facts: ReportFacts) -> Iterator[tuple[str, PairCount]]:
    for name, count in facts.dimensions.items():
        yield labels.dimension(name), count
    yield labels("all"), facts.overall


def _bars(counts: Mapping[str, PairCount], outcomes: list[str]) -> Iterator[_Spec]:
    for dimension, count in counts.items():
        numbers = (count.first_wins, count.ties, count.both_bad, count.second_wins)
        for place, (outcome, votes) in enumerate(zip(outcomes, numbers, strict=True)):
            yield {"dimension": dimension, "outcome": outcome, "votes": votes, "place": place}


def _intervals(counts: Mapping[str, PairCount]) -> Iterator[_Spec]:
    for dimension, count in counts.items():
        if rate := count.win_rate():
            shares = {"rate": rate.rate, "low": rate.low, "high": rate.high}
            yield {"dimension": dimension, "decisive": count.decisive, **shares}


def _seconds(asked: tuple[Asked, ...]) -> float | None:
    """The mean of the runs whose answers all tell."""
    sums = []
    for one in asked:
        seconds = [entry.side.answer.usage.seconds for entry in one.turns]
        known = [value for value in seconds if value is not None]
        if len(known) == len(seconds):
            sums.append(sum(known))
    return sum(sums) / len(sums) if sums else None


def _score(facts: ReportFacts, prompt: PromptFacts, place: int) -> float | None:
    if facts.is_judged:
        count = prompt.count.seen_from(facts.models[place].spec.id)
        return (count.first_wins + count.ties / 2) / count.votes if count.votes else None
    checks = [check for asked in prompt.asked[place] for check in asked.checks]
    return sum(check.passed for check in checks) / len(checks) if checks else None


def finished(chart: Any) -> _Spec:
    """The specification, its look the same on a white page everywhere."""
    plain = chart.configure_view(stroke=None).configure(background="white", font=FONTS)
    spec: _Spec = plain.to_dict()
    # In a page: no menu, which has no name for a screen reader and an item that sends the data to an editor elsewhere.
    return {**spec, "usermeta": {"embedOptions": {"actions": False}}}


# The first that is there: sets Chinese and Latin alike.
FONTS = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, SimHei, sans-serif"
