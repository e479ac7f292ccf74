"""The results as JSON, the public contract for scripts and notebooks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from arena.results.bias import Bias, Share
from arena.results.figures import Figures, ModelResult, PairResult
from arena.results.verdict import Conclusion, CriterionResult, PairVerdict
from arena.statistics import PairCount, WinRate
from arena.statistics.confidence_sequence import Interval
from arena.statistics.decision import Outcome, Verdict
from arena.statistics.regression import Adjusted
from arena.votes.reader import BadRow

MOST_ROWS = 1000
"""At most this many unreadable rows are listed."""


def as_json(figures: Figures) -> dict[str, Any]:
    """All results as JSON values; None if unknown or undefined. Shares are from 0 to 1.

    The fields of Filters, PairCount, SignTest, Split, Agreement, Disputed, Cost and PromptCost are JSON keys as named.
    `verdict` is the one on two models and None if there are more; each of `pairs` has its own.
    """
    left_out, agreement, disputed = figures.left_out, figures.agreement, figures.disputed
    return {
        "votes": figures.votes,
        "raters": figures.raters,
        "prompts": figures.prompts,
        "repeats": figures.repeats,
        "skipped_rows": len(left_out.unreadable),
        "skipped": [_bad_row(row) for row in left_out.unreadable[:MOST_ROWS]],
        "duplicates": left_out.duplicates,
        "withdrawn": left_out.withdrawn,
        "unfinished_parts": left_out.unfinished,
        "damaged_rows": len(left_out.damaged),
        "filters": asdict(figures.filters),
        "votes_if_filtered": dict(figures.switches),
        "suspicious": dict(figures.suspicious),
        "verdict": verdict_json(figures),
        "models": [_model(model) for model in figures.models],
        "prior": figures.prior,
        "pairs": [_pair(pair) for pair in figures.pairs],
        **{
            f"by_{name}": {group: [_count(count) for count in counts] for group, counts in groups.items()}
            for name, groups in figures.by.items()
        },
        "bias": _bias(figures.bias),
        "agreement": agreement and asdict(agreement),
        "most_disputed": disputed and asdict(disputed),
        "cost": [asdict(cost) for cost in figures.costs],
        "prompt_cost": [asdict(cost) for cost in figures.prompt_costs],
    }


def verdict_json(figures: Figures) -> dict[str, Any] | None:
    """The verdict on two models, or that there are no votes; None if there are more models."""
    if not figures.votes:
        return {**_verdict(PairVerdict("", "", Verdict(Outcome.NO_VOTES))), "first": None, "second": None}
    return _verdict(figures.pairs[0].verdict) if len(figures.pairs) == 1 else None


def _verdict(verdict: PairVerdict) -> dict[str, Any]:
    numbers, change = verdict.numbers, verdict.numbers.change
    return {
        "outcome": str(verdict.outcome),
        "preferred": verdict.preferred,
        "first": verdict.first,
        "second": verdict.second,
        "share": numbers.share,
        "interval": _ends(numbers.interval),
        "raters": numbers.raters,
        "votes": verdict.votes,
        "ties": verdict.ties,
        "basis": str(verdict.basis),
        "sighted": verdict.sighted,
        "leaked": verdict.leaked,
        "with_others": _conclusion(verdict.with_others),
        "suspicious": verdict.suspicious,
        "without_suspicious": _conclusion(verdict.without_suspicious),
        "raters_under_way": verdict.under_way,
        "votes_under_way": verdict.votes_under_way,
        "more_raters": numbers.more,
        "flips_with": numbers.flips_with,
        "change": change and {"early_raters": change.raters, "early_share": change.early, "late_share": change.late},
        "swayed_by": list(verdict.swayed_by),
        "adjusted": verdict.adjusted and _adjusted(verdict.adjusted),
    }


def _adjusted(adjusted: Adjusted) -> dict[str, Any]:
    return {
        "share": adjusted.share and adjusted.share.value,
        "interval": adjusted.share and [adjusted.share.low, adjusted.share.high],
        "effects": {
            name: {"difference": effect.value, "interval": [effect.low, effect.high], "p": effect.p}
            for name, effect in adjusted.effects.items()
        },
        "confounded": list(adjusted.confounded),
    }


def _conclusion(conclusion: Conclusion | None) -> dict[str, Any] | None:
    return None if conclusion is None else {"outcome": str(conclusion.outcome), "preferred": conclusion.preferred}


def _model(model: ModelResult) -> dict[str, Any]:
    return {
        "model": model.model,
        "votes": model.votes,
        "wins": model.wins,
        "losses": model.losses,
        "ties": model.ties,
        "both_bad": model.both_bad,
        "win_rate": model.rate and model.rate.rate,
        "interval": _ends(model.rate),
        "best_rank": model.best_rank,
        "worst_rank": model.worst_rank,
        "rating": model.rating,
        "rating_interval": None if model.rating_low is None else [model.rating_low, model.rating_high],
        "elo_in_order_of_votes": model.elo,
    }


def _pair(pair: PairResult) -> dict[str, Any]:
    return {
        **_count(pair.count),
        "verdict": _verdict(pair.verdict),
        "sign_test": asdict(pair.prompts),
        "dimensions": {name: _part(numbers) for name, numbers in pair.dimensions.items()},
        "criteria": {name: _criterion(criterion) for name, criterion in pair.criteria.items()},
    }


def _part(numbers: Verdict) -> dict[str, Any]:
    return {
        "outcome": str(numbers.outcome),
        "share": numbers.share,
        "interval": _ends(numbers.interval),
        "raters": numbers.raters,
    }


def _criterion(criterion: CriterionResult) -> dict[str, Any]:
    counts = {"wins": criterion.wins, "ties": criterion.ties, "losses": criterion.losses}
    return {**counts, **_part(criterion.numbers)}


def _count(count: PairCount) -> dict[str, Any]:
    rate = count.win_rate()
    return {**asdict(count), "votes": count.votes, "win_rate": rate and rate.rate, "interval": _ends(rate)}


def _bad_row(row: BadRow) -> dict[str, Any]:
    return {"file": row.part, "line": row.line, "reason": row.reason}


def _bias(bias: Bias) -> dict[str, Any]:
    names = "left_wins", "longer_wins", "early", "late", "early_wins", "late_wins", "leaked", "consistent"
    shares = {name: _share(getattr(bias, name)) for name in names}
    return {**shares, "splits": {name: asdict(split) for name, split in bias.splits.items()}}


def _share(share: Share | None) -> dict[str, Any] | None:
    return None if share is None else {"count": share.count, "total": share.total, "share": share.value}


def _ends(interval: Interval | WinRate | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
