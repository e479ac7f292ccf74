"""The report's own plot: time against quality, as a Vega-Lite specification."""

from __future__ import annotations

from arena.report.facts import Asked, PromptFacts, ReportFacts
from arena.results.plots import COLOURS, WIDTH, Labels, Spec, data_of, finished


def time_plot(labels: Labels, facts: ReportFacts) -> Spec:
    """How long each model took for a prompt against how well it did there."""
    import altair as alt

    names = [model.name for model in facts.models]
    score = "plot_score" if facts.is_judged else "plot_checks"
    values = [{**point, "prompt": point["title"][labels.lang]} for point in time_points(facts)]
    chart = (
        alt.Chart(data_of([{name: point[name] for name in point if name != "title"} for point in values]))
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


def time_points(facts: ReportFacts) -> list[Spec]:
    """Model, prompt, mean seconds and score from 0 to 1, where all of these are known: the score is by votes, and by
    checks where nobody has voted on any."""
    points = []
    for prompt in facts.prompts:
        for place, model in enumerate(facts.models):
            seconds, score = _seconds(prompt.asked[place]), _score(facts, prompt, place)
            if seconds and score is not None:
                points.append({"model": model.name, "title": prompt.title, "seconds": seconds, "score": score})
    return points


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
        count = prompt.votes.count.seen_from(facts.models[place].spec.id)
        return (count.first_wins + count.ties / 2) / count.votes if count.votes else None
    checks = [check for asked in prompt.asked[place] for check in asked.checks]
    return sum(check.passed for check in checks) / len(checks) if checks else None
