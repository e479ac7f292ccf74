"""The first sentences of the results: who is preferred, how sure that is, and what to do. Knows no component."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arena.results.figures import Figures, PairResult
from arena.statistics.verdict import Call, Verdict
from ui.outcomes.sections import percent, points
from ui.texts import listed, text

Names = Callable[[str], str]


def lead(lang: str, figures: Figures, name: Names = str) -> str:
    """One sentence, and what it is based on. `name` writes a model's id."""
    if not figures.votes:
        return text(lang, "no_votes")
    basis = text(lang, "basis", votes=figures.votes, raters=figures.raters, prompts=figures.prompts)
    if len(figures.pairs) > 1:
        return _of_many(lang, figures, name, basis)
    (pair,) = figures.pairs
    told = {**_models(pair, name), **_shares(pair.verdict), "basis": basis}
    if pair.verdict.share is None:
        return text(lang, "lead_nobody", **told)
    return text(lang, "lead_called" if pair.preferred else "lead_open", **told)


def advice(lang: str, figures: Figures, name: Names = str) -> tuple[str, ...]:
    """What to do now, for each pair if there are more, and how many raters are not counted yet."""
    lines = []
    for pair in figures.pairs:
        words = _advice(lang, pair.verdict)
        if len(figures.pairs) > 1:
            words = text(lang, "advice_pair", **_models(pair, name), advice=words)
        lines.append(words)
    under_way = max((pair.under_way for pair in figures.pairs), default=0)
    if under_way:
        lines.append(text(lang, "under_way", count=under_way))
    return tuple(lines)


def _advice(lang: str, verdict: Verdict) -> str:
    if verdict.call is Call.CALL_IT:
        return text(lang, "advice_call")
    if verdict.call is Call.MORE_RATERS:
        return text(lang, "advice_more", more=verdict.more)
    return text(lang, "advice_keep")


def _of_many(lang: str, figures: Figures, name: Names, basis: str) -> str:
    ranked, count = figures.models, len(figures.models)
    first, second = ranked[0], ranked[1]
    if first.rank is None:
        pair = figures.pairs[0]
        between = _between(lang, figures, {pair.count.first, pair.count.second}, name)
        return text(lang, "lead_apart", count=count, **_models(pair, name), between=between, basis=basis)
    best = [model.model for model in ranked if model.rank == 1]
    if len(best) > 1:
        models = listed(lang, map(name, best))
        return text(lang, "lead_equal", count=count, models=models, rating=points(first.rating), basis=basis)
    told = {"rating": points(first.rating), "next": points(second.rating), "count": count, "basis": basis}
    between = _between(lang, figures, {first.model, second.model}, name)
    return text(lang, "lead_many", first=name(first.model), second=name(second.model), between=between, **told)


def _between(lang: str, figures: Figures, models: set[str], name: Names) -> str:
    pair = next((pair for pair in figures.pairs if {pair.count.first, pair.count.second} == models), None)
    if pair is None:
        return text(lang, "between_none")
    if pair.preferred is None:
        return text(lang, "between_open")
    return text(lang, "between_called", preferred=name(pair.preferred), **_shares(pair.verdict))


def _models(pair: PairResult, name: Names) -> dict[str, str]:
    """The pair with the one first whom raters gave more; that may be another than the one with more votes."""
    count = pair.count
    first, second = (count.second, count.first) if _is_turned(pair.verdict) else (count.first, count.second)
    return {"first": name(first), "second": name(second)}


def _shares(verdict: Verdict) -> dict[str, Any]:
    share, low, high = verdict.share or 0.0, verdict.interval.low, verdict.interval.high
    if _is_turned(verdict):
        share, low, high = 1 - share, 1 - high, 1 - low
    return {"share": percent(share), "low": percent(low), "high": percent(high)}


def _is_turned(verdict: Verdict) -> bool:
    return verdict.share is not None and verdict.share < 0.5
