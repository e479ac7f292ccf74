"""The verdict in sentences, for page, command and report."""

from collections.abc import Callable, Iterable, Iterator

from arena.results.bias import Agreement, Share, Split
from arena.results.exclusions import Exclusion, summary
from arena.results.figures import Figures, Mixture
from arena.results.selection import Filters
from arena.results.texts import text
from arena.results.verdict import Basis, Conclusion, PairVerdict
from arena.statistics.confidence_sequence import Interval
from arena.statistics.decision import Outcome, Verdict, few_raters, raters_needed
from arena.statistics.regression import Estimate
from arena.translations import listed, percent

Names = Callable[[str], str]  # gives the name of a model by id

VOTES_PER_RATER = 8
_MOST_VALUES = 3
_MOST_PAIRS = 3


def first_sentences(lang: str, figures: Figures, name: Names = str) -> list[str]:
    """The verdict, what it adds up and leaves out, possible biases, how robust it is, and what to do next."""
    if not figures.votes and figures.filters != Filters(room=figures.filters.room):
        return [text(lang, "verdict_nothing_passes"), *excluded_lines(lang, figures.excluded)]
    if not figures.votes:
        return [text(lang, "verdict_no_votes"), *excluded_lines(lang, figures.excluded), planner(lang)]
    mixtures = [*mixture_lines(lang, figures.mixtures, name), *excluded_lines(lang, figures.excluded)]
    if len(figures.pairs) > 1:
        return [*_many_models(lang, figures, name), *mixtures]
    verdict = figures.pairs[0].verdict
    scope = text(lang, "one_prompt_set", prompts=verdict.prompts) if verdict.prompts else ""
    headline = joined(lang, sentence(lang, verdict, name), scope)
    return [headline, *mixtures, *caveats(lang, verdict, name), *advice(lang, verdict)]


def sentence(lang: str, verdict: PairVerdict, name: Names = str) -> str:
    """The verdict on two models with the votes it rests on."""
    numbers = verdict.numbers
    models = {"first": name(verdict.first), "second": name(verdict.second)}
    if numbers.share is None:
        return opening(lang, verdict) + text(lang, "verdict_nobody_done", **models)
    values = {"share": percent(numbers.share), **_ends(numbers.interval), "basis": _basis(lang, verdict, name)}
    if numbers.change:
        change = numbers.change
        values |= {"early_raters": str(change.raters), "late_raters": str(numbers.raters - change.raters)}
        values |= {"early": percent(change.early), "late": percent(change.late)}
    if numbers.is_fragile:
        values |= {"few": str(few_raters(numbers.raters)), "raters": str(numbers.raters)}
    return opening(lang, verdict) + text(lang, f"verdict_{outcome_key(numbers)}", **models, **values)


def outcome_key(numbers: Verdict) -> str:
    """The end of the keys of texts on an outcome."""
    return "fragile" if numbers.is_fragile else str(numbers.outcome)


def mixture_lines(lang: str, mixtures: Iterable[Mixture], name: Names = str) -> Iterator[str]:
    """Which models' votes add up several revisions or settings."""
    for mixture in mixtures:
        for key, values in (("mixed_revisions", mixture.revisions), ("mixed_settings", mixture.settings)):
            if len(values) > 1:
                names = [value or text(lang, "mixed_none") for value in values[:_MOST_VALUES]]
                shown = "; ".join(names + ["…"] * (len(values) > _MOST_VALUES))
                yield text(lang, key, model=name(mixture.model), count=len(values), values=shown)


def excluded_lines(lang: str, exclusions: tuple[Exclusion, ...]) -> Iterator[str]:
    """How many raters do not count and why, and how many do because the host says so."""
    counts = summary(exclusions)
    if counts["raters"]:
        yield text(lang, "excluded", raters=counts["raters"], votes=counts["votes"], **counts["reasons"])
    if counts["included"]:
        yield text(lang, "included", raters=counts["included"])


def caveats(lang: str, verdict: PairVerdict, name: Names = str) -> Iterator[str]:
    """Whether position, length or Markdown bias the votes, and whether a few votes or raters change the verdict."""
    effects, share = (verdict.adjusted.effects, verdict.adjusted.share) if verdict.adjusted else ({}, None)
    for covariate in verdict.swayed_by:
        difference = effects[covariate].value
        direction = "more" if difference > 0 else "less"
        yield text(lang, f"sway_{covariate}_{direction}", points=percent(abs(difference)))
    for covariate, has_more in verdict.confounded.items():
        keys = {"length": ("shorter", "longer"), "markdown": ("less", "more")}.get(covariate)
        more = text(lang, keys[has_more]) if keys else ""
        yield text(lang, f"confounded_{covariate}", first=name(verdict.first), more=more)
    if verdict.swayed_by and share:
        key = "adjusted_no_call" if is_explained_away(verdict) else "adjusted"
        yield text(lang, key, first=name(verdict.first), share=percent(share.value), **_ends(share))
    if verdict.without_suspicious:
        is_same = verdict.without_suspicious == verdict.conclusion
        said = short(lang, verdict.without_suspicious, name)
        key = "suspicious_agree" if is_same else "suspicious_differ"
        yield text(lang, key, count=verdict.suspicious, said=said)
    if verdict.numbers.flips_with:
        yield text(lang, "flips", count=verdict.numbers.flips_with, raters=verdict.numbers.raters)


def is_explained_away(verdict: PairVerdict) -> bool:
    """Whether votes are biased and the preferred model no longer leads with position, length and Markdown balanced."""
    share = verdict.adjusted.share if verdict.adjusted else None
    return bool(verdict.swayed_by) and verdict.outcome is Outcome.PREFERRED and share is not None and share.low <= 0.5


def advice(lang: str, verdict: PairVerdict) -> Iterator[str]:
    """What to do next."""
    match verdict.outcome:
        case Outcome.PREFERRED | Outcome.ALIKE:
            if verdict.basis is not Basis.BLIND:
                yield text(lang, "advice_blind")
            elif not (verdict.swayed_by or verdict.confounded) and (
                verdict.without_suspicious in (None, verdict.conclusion)
            ):
                yield text(lang, "advice_decided")
        case Outcome.RATERS_CHANGED:
            yield text(lang, "advice_changed")
        case _ if verdict.numbers.more:
            yield text(lang, "advice_more", more=verdict.numbers.more)
        case _:
            yield text(lang, "advice_keep")
    if verdict.under_way:
        yield text(lang, "under_way", count=verdict.under_way, votes=verdict.votes_under_way)


def planner(lang: str, votes: int = VOTES_PER_RATER) -> str:
    """How many raters a class needs, as an estimate before there are any."""
    needed = {f"raters{share}": raters_needed(share / 100, votes) or "1000+" for share in (60, 70)}
    return text(lang, "planner", votes=votes, **needed)


def short(lang: str, conclusion: Conclusion, name: Names = str) -> str:
    """A conclusion in a few words."""
    model = name(conclusion.preferred) if conclusion.preferred else ""
    return text(lang, f"said_{conclusion.outcome}", model=model)


def joined(lang: str, *sentences: str) -> str:
    """Sentences joined, with a space between them unless they are Chinese."""
    return ("" if lang == "zh" else " ").join(filter(None, sentences))


def share_line(lang: str, name: str, share: Share, model: str = "") -> str:
    """One of the shares of `Bias`; `model` is the first model."""
    return text(lang, name, **vars(share), share=percent(share.value or 0.0), model=model)


def split_line(lang: str, name: str, split: Split, model: str) -> str:
    """One of the splits of `Bias`; `model` is the first model."""
    shares = {"more": percent(split.more), "less": percent(split.less)}
    return text(lang, f"split_{name}", model=model, **(vars(split) | shares))


def agreement_line(lang: str, agreement: Agreement | None) -> str:
    """Whether raters agree with each other, or that it cannot be measured."""
    if agreement is None:
        return text(lang, "no_agreement")
    return text(lang, "agreement", **(vars(agreement) | {"alpha": hundredths(agreement.alpha)}))


def hundredths(value: float) -> str:
    """The value with two decimals and a typographic minus, which never stands before zero."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _many_models(lang: str, figures: Figures, name: Names) -> Iterator[str]:
    """Who may rank first, and the verdicts on the pairs of the highest places."""
    models, count = figures.models, len(figures.models)
    basis = text(lang, "many_basis", **vars(figures))
    if all(model.rating is None for model in models):
        is_blind = any(pair.verdict.basis is Basis.BLIND for pair in figures.pairs)
        yield text(lang, "many_apart_blind" if is_blind else "many_apart", count=count, basis=basis)
    elif models[0].worst_rank == 1:
        yield text(lang, "many_first", count=count, first=name(models[0].model), basis=basis)
    else:
        names = listed(lang, [name(model.model) for model in models if model.best_rank == 1])
        yield text(lang, "many_open", count=count, models=names, basis=basis)
    places = {model.model: place for place, model in enumerate(models)}
    pairs = sorted(figures.pairs, key=lambda pair: sorted((places[model] for model in pair.count.models), reverse=True))
    for pair in pairs[:_MOST_PAIRS]:
        yield joined(lang, *_of_pair(lang, pair.verdict, name))
    if len(pairs) > _MOST_PAIRS:
        yield text(lang, "many_pairs", count=len(pairs) - _MOST_PAIRS)


def _of_pair(lang: str, verdict: PairVerdict, name: Names) -> Iterator[str]:
    """The verdict on one of many pairs, with everything that a verdict on two models says."""
    models = {"first": name(verdict.first), "second": name(verdict.second)}
    yield opening(lang, verdict) + text(lang, "pair_line", **models, said=short(lang, verdict.conclusion, name))
    if verdict.votes:
        yield text(lang, "pair_basis", basis=_basis(lang, verdict, name))
    yield from caveats(lang, verdict, name)
    yield from advice(lang, verdict)


def opening(lang: str, verdict: PairVerdict) -> str:
    """What comes before a verdict that rests on votes that were not blind; "" before others."""
    if verdict.basis is Basis.BLIND:
        return ""
    return text(lang, "begins_sighted_leaked" if verdict.sighted and verdict.leaked else f"begins_{verdict.basis}")


def _basis(lang: str, verdict: PairVerdict, name: Names) -> str:
    is_blind = verdict.basis is Basis.BLIND
    values = {"raters": verdict.numbers.raters, "others": _others(lang, verdict, name) if is_blind else ""}
    return text(lang, "basis_blind" if is_blind else "basis", **vars(verdict), **values)


def _others(lang: str, verdict: PairVerdict, name: Names) -> str:
    """The votes that the verdict leaves out, and what they would change."""
    if verdict.with_others is None:
        return ""
    kinds = [kind for kind in ("sighted", "leaked") if getattr(verdict, kind)]
    others = text(lang, "and").join(text(lang, f"others_{kind}", **vars(verdict)) for kind in kinds)
    key = "others_agree" if verdict.with_others == verdict.conclusion else "others_differ"
    return text(lang, key, others=others, said=short(lang, verdict.with_others, name))


def _ends(interval: Interval | Estimate) -> dict[str, str]:
    return {"low": percent(interval.low), "high": percent(interval.high)}
