"""The verdict in words: the first sentences of the page, the command and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from arena.results.figures import Figures
from arena.results.verdict import Basis, PairVerdict, Said
from arena.results.words import listed, percent, say
from arena.statistics.decision import Outcome, raters_needed
from arena.statistics.regression import Estimate
from arena.statistics.sequential import Interval

Names = Callable[[str], str]
"""What a model is called, by its id."""

VOTES_A_RATER = 8


def first_sentences(lang: str, figures: Figures, name: Names = str) -> list[str]:
    """The verdict, what explains it, how firm it is, and what to do: nobody who reads the first three is misled."""
    if not figures.votes:
        return [say(lang, "verdict_no_votes"), planner(lang)]
    if len(figures.pairs) > 1:
        return list(_of_many(lang, figures, name))
    verdict = figures.pairs[0].verdict
    headline = joined(lang, sentence(lang, verdict, name), say(lang, "one_prompt_set", prompts=figures.prompts))
    return [headline, *explanations(lang, verdict, name), *firmness(lang, verdict, name), *advice(lang, verdict)]


def sentence(lang: str, verdict: PairVerdict, name: Names = str) -> str:
    """The verdict on two models in one sentence, with what it rests on."""
    numbers = verdict.numbers
    models = {"first": name(verdict.first), "second": name(verdict.second)}
    if numbers.share is None:
        return _beginning(lang, verdict) + say(lang, "verdict_nobody_done", **models)
    values = {"share": percent(numbers.share), **_ends(numbers.interval), "basis": _basis(lang, verdict, name)}
    if numbers.change:
        change = numbers.change
        values |= {"early_raters": str(change.raters), "late_raters": str(numbers.raters - change.raters)}
        values |= {"early": percent(change.early), "late": percent(change.late)}
    return _beginning(lang, verdict) + say(lang, f"verdict_{verdict.outcome}", **models, **values)


def explanations(lang: str, verdict: PairVerdict, name: Names = str) -> Iterator[str]:
    """Whether position, length or Markdown explain the votes."""
    adjusted = verdict.adjusted
    if adjusted is None:
        return
    for covariate in verdict.swayed_by:
        yield _sway(lang, covariate, adjusted.effects[covariate].value)
    for covariate, has_more in verdict.one_way.items():
        words = {"length": ("shorter", "longer"), "markdown": ("less", "more")}.get(covariate)
        more = say(lang, words[has_more]) if words else ""
        yield say(lang, f"confounded_{covariate}", first=name(verdict.first), more=more)
    if verdict.swayed_by and adjusted.share:
        key = "adjusted_no_call" if is_explained_away(verdict) else "adjusted"
        values = {"share": percent(adjusted.share.value), **_ends(adjusted.share)}
        yield say(lang, key, first=name(verdict.first), **values)


def is_explained_away(verdict: PairVerdict) -> bool:
    """Whether the model that raters prefer is no longer ahead with position, length and Markdown evened out."""
    share = verdict.adjusted.share if verdict.adjusted else None
    return verdict.outcome is Outcome.PREFERRED and share is not None and share.low <= 0.5


def firmness(lang: str, verdict: PairVerdict, name: Names = str) -> Iterator[str]:
    """What careless votes and single raters change."""
    if verdict.without_suspicious:
        is_same = verdict.without_suspicious == verdict.said
        said = short(lang, verdict.without_suspicious, name)
        key = "suspicious_agree" if is_same else "suspicious_differ"
        yield say(lang, key, count=verdict.suspicious, said=said)
    if verdict.numbers.flips_with:
        yield say(lang, "flips", count=verdict.numbers.flips_with, raters=verdict.numbers.raters)


def advice(lang: str, verdict: PairVerdict) -> Iterator[str]:
    """What to do now."""
    match verdict.outcome:
        case Outcome.PREFERRED | Outcome.ALIKE:
            if verdict.basis is not Basis.BLIND:
                yield say(lang, "advice_blind")
            elif not verdict.swayed_by and verdict.without_suspicious in (None, verdict.said):
                yield say(lang, "advice_decided")
        case Outcome.RATERS_CHANGED:
            yield say(lang, "advice_changed")
        case _ if verdict.numbers.more:
            yield say(lang, "advice_more", more=verdict.numbers.more)
        case _:
            yield say(lang, "advice_keep")
    if verdict.under_way:
        yield say(lang, "under_way", count=verdict.under_way, votes=verdict.votes_under_way)


def planner(lang: str, votes: int = VOTES_A_RATER) -> str:
    """How many raters a class needs, before there are any."""
    needed = {f"raters{share}": raters_needed(share / 100, votes) or "1000+" for share in (60, 70)}
    return say(lang, "planner", votes=votes, **needed)


def short(lang: str, said: Said, name: Names = str) -> str:
    """An outcome in a few words."""
    return say(lang, f"said_{said.outcome}", model=name(said.preferred) if said.preferred else "")


def joined(lang: str, *sentences: str) -> str:
    """Sentences one after the other; Chinese has no space between them."""
    return ("" if lang == "zh" else " ").join(filter(None, sentences))


def _of_many(lang: str, figures: Figures, name: Names) -> Iterator[str]:
    models, count = figures.models, len(figures.models)
    numbers = {"votes": figures.votes, "raters": figures.raters, "prompts": figures.prompts}
    basis = say(lang, "many_basis", **numbers)
    if all(model.rating is None for model in models):
        yield say(lang, "many_apart", count=count, basis=basis)
    elif models[0].worst_rank == 1:
        yield say(lang, "many_first", count=count, first=name(models[0].model), basis=basis)
    else:
        names = listed(lang, [name(model.model) for model in models if model.best_rank == 1])
        yield say(lang, "many_open", count=count, models=names, basis=basis)
    for pair in figures.pairs:
        yield joined(lang, *_of_pair(lang, pair.verdict, name))


def _of_pair(lang: str, verdict: PairVerdict, name: Names) -> Iterator[str]:
    """The verdict on one pair of many, with all that a verdict on two models alone says."""
    models = {"first": name(verdict.first), "second": name(verdict.second)}
    yield _beginning(lang, verdict) + say(lang, "pair_line", **models, said=short(lang, verdict.said, name))
    if verdict.votes:
        yield say(lang, "pair_basis", basis=_basis(lang, verdict, name))
    yield from explanations(lang, verdict, name)
    yield from firmness(lang, verdict, name)
    yield from advice(lang, verdict)


def _beginning(lang: str, verdict: PairVerdict) -> str:
    if verdict.basis is Basis.BLIND:
        return ""
    return say(lang, "begins_sighted_leaked" if verdict.sighted and verdict.leaked else f"begins_{verdict.basis}")


def _basis(lang: str, verdict: PairVerdict, name: Names) -> str:
    numbers = {"votes": verdict.votes, "raters": verdict.numbers.raters, "ties": verdict.ties}
    if verdict.basis is not Basis.BLIND:
        return say(lang, "basis", **numbers, others="")
    return say(lang, "basis_blind", **numbers, others=_others(lang, verdict, name))


def _others(lang: str, verdict: PairVerdict, name: Names) -> str:
    """The votes that are not in the verdict, and what they would change."""
    if verdict.with_others is None:
        return ""
    kinds = [kind for kind in ("sighted", "leaked") if getattr(verdict, kind)]
    others = say(lang, "and").join(say(lang, f"others_{kind}", **{kind: getattr(verdict, kind)}) for kind in kinds)
    key = "others_agree" if verdict.with_others == verdict.said else "others_differ"
    return say(lang, key, others=others, said=short(lang, verdict.with_others, name))


def _sway(lang: str, covariate: str, difference: float) -> str:
    points = percent(abs(difference))
    if covariate == "side":
        return say(lang, "sway_side", place=say(lang, "left" if difference > 0 else "right"), points=points)
    return say(lang, f"sway_{covariate}_{'more' if difference > 0 else 'less'}", points=points)


def _ends(interval: Interval | Estimate) -> dict[str, str]:
    return {"low": percent(interval.low), "high": percent(interval.high)}
