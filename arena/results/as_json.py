"""The figures as JSON: the public contract for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arena.results.bias import Bias, Disputed, Share, Split
from arena.results.cost import Cost, PromptCost
from arena.results.figures import Criterion, Figures, ModelResult, PairResult
from arena.results.selection import Filters
from arena.results.verdict import PairVerdict, Said
from arena.statistics import PairCount, WinRate
from arena.statistics.adjusted import Adjusted
from arena.statistics.agreement import Agreement
from arena.statistics.decision import Outcome, Verdict
from arena.statistics.sequential import Interval
from arena.votes.reader import BadRow

# Of rows that could not be read so many are named.
MOST_NAMED = 1000


def as_json(figures: Figures) -> dict[str, Any]:
    """Numbers, texts, lists and objects; what is not known or says nothing is None. Shares are from 0 to 1.

    `verdict` is that on the only two models, None where there are more: each of `pairs` has its own.
    """
    left_out, agreement, disputed = figures.left_out, figures.agreement, figures.disputed
    return {
        "votes": figures.votes,
        "raters": figures.raters,
        "prompts": figures.prompts,
        "repeats": figures.repeats,
        "skipped_rows": len(left_out.unreadable),
        "skipped": [_bad_row(row) for row in left_out.unreadable[:MOST_NAMED]],
        "duplicates": left_out.duplicates,
        "withdrawn": left_out.withdrawn,
        "unfinished_parts": left_out.unfinished,
        "damaged_rows": len(left_out.damaged),
        "filters": _filters(figures.filters),
        "votes_if_filtered": dict(figures.switches),
        "suspicious": dict(figures.suspicious),
        "verdict": verdict_json(figures),
        "models": [_model(model) for model in figures.models],
        "prior": figures.prior,
        "pairs": [_pair(pair) for pair in figures.pairs],
        **{f"by_{name}": {group: _counts(some) for group, some in by.items()} for name, by in figures.by.items()},
        "bias": _bias(figures.bias),
        "agreement": agreement and _agreement(agreement),
        "most_disputed": disputed and _disputed(disputed),
        "cost": [_cost(cost) for cost in figures.costs],
        "prompt_cost": [_prompt_cost(cost) for cost in figures.prompt_costs],
    }


def verdict_json(figures: Figures) -> dict[str, Any] | None:
    """The verdict on the only two models, or that there are no votes; None where there are more models."""
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
        "with_others": _said(verdict.with_others),
        "suspicious": verdict.suspicious,
        "without_suspicious": _said(verdict.without_suspicious),
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


def _said(said: Said | None) -> dict[str, Any] | None:
    return None if said is None else {"outcome": str(said.outcome), "preferred": said.preferred}


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
    signs = pair.prompts
    return {
        **_count(pair.count),
        "verdict": _verdict(pair.verdict),
        "sign_test": {"first": signs.first, "second": signs.second, "even": signs.even, "p": signs.p},
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


def _criterion(criterion: Criterion) -> dict[str, Any]:
    counts = {"wins": criterion.wins, "ties": criterion.ties, "losses": criterion.losses}
    return {**counts, **_part(criterion.numbers)}


def _counts(counts: Iterable[PairCount]) -> list[dict[str, Any]]:
    return [_count(count) for count in counts]


def _count(count: PairCount) -> dict[str, Any]:
    rate = count.win_rate()
    return {
        "first": count.first,
        "second": count.second,
        "votes": count.votes,
        "first_wins": count.first_wins,
        "second_wins": count.second_wins,
        "ties": count.ties,
        "both_bad": count.both_bad,
        "win_rate": rate and rate.rate,
        "interval": _ends(rate),
    }


def _filters(filters: Filters) -> dict[str, Any]:
    return {
        "blind": filters.blind,
        "complete": filters.complete,
        "not_leaked": filters.not_leaked,
        "not_suspicious": filters.not_suspicious,
        "room": filters.room,
    }


def _bad_row(row: BadRow) -> dict[str, Any]:
    return {"file": row.part, "line": row.line, "reason": row.reason}


def _bias(bias: Bias) -> Mapping[str, Any]:
    return {
        "left_wins": _share(bias.left_wins),
        "longer_wins": _share(bias.longer_wins),
        "early": _share(bias.early),
        "late": _share(bias.late),
        "early_wins": _share(bias.early_wins),
        "late_wins": _share(bias.late_wins),
        "leaked": _share(bias.leaked),
        "consistent": _share(bias.consistent),
        "splits": {name: _split(split) for name, split in bias.splits.items()},
    }


def _share(share: Share | None) -> dict[str, Any] | None:
    return None if share is None else {"count": share.count, "total": share.total, "share": share.value}


def _split(split: Split) -> dict[str, Any]:
    more, less = split.more_votes, split.less_votes
    return {"more": split.more, "more_votes": more, "less": split.less, "less_votes": less}


def _agreement(found: Agreement) -> dict[str, Any]:
    counts = {"units": found.units, "judgements": found.judgements}
    return {"alpha": found.alpha, "low": found.low, "high": found.high, **counts}


def _disputed(disputed: Disputed) -> dict[str, Any]:
    return {"prompt": disputed.prompt, "share": disputed.share, "votes": disputed.votes}


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "model": cost.model,
        "precision": cost.precision,
        "answers": cost.answers,
        "seconds": cost.seconds,
        "tokens": cost.tokens,
        "tokens_per_second": cost.tokens_per_second,
        "peak_memory": cost.peak_memory,
    }


def _prompt_cost(cost: PromptCost) -> dict[str, Any]:
    votes = {"wins": cost.wins, "decisive": cost.decisive}
    return {"prompt": cost.prompt, "winner": cost.winner, "loser": cost.loser, **votes, "times": cost.times}


def _ends(interval: Interval | WinRate | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
