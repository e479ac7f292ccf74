"""The figures as what JSON has: for scripts and notebooks. Knows no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arena.results.bias import Bias, Share
from arena.results.figures import Figures, ModelResult, PairResult
from arena.statistics import PairCount, WinRate
from arena.statistics.ratings import FEWEST_RATERS, FEWEST_VOTES
from arena.statistics.sequential import Interval

# Of rows that could not be read so many are named.
MOST_NAMED = 1000


def as_json(figures: Figures) -> dict[str, Any]:
    """Numbers, texts, lists and objects; what is not known or says nothing is None. Shares are from 0 to 1."""
    agreement, disputed = figures.agreement, figures.disputed
    return {
        "votes": figures.votes,
        "raters": figures.raters,
        "prompts": figures.prompts,
        "repeats": figures.repeats,
        "skipped_rows": len(figures.skipped),
        "skipped": [row.__dict__ for row in figures.skipped[:MOST_NAMED]],
        "duplicates": figures.duplicates,
        "withdrawn": figures.withdrawn,
        "unfinished_parts": figures.unfinished,
        "filters": dict(figures.filters.__dict__),
        "votes_if_filtered": dict(figures.switches),
        "verdict": _verdict(figures.pairs[0]) if len(figures.pairs) == 1 else None,
        "models": [_model(model, figures) for model in figures.models],
        "prior": figures.prior,
        "pairs": [_pair(pair) for pair in figures.pairs],
        **{f"by_{name}": {group: _counts(some) for group, some in by.items()} for name, by in figures.by.items()},
        "bias": _bias(figures.bias),
        "agreement": agreement and {**agreement.__dict__},
        "most_disputed": disputed and {**disputed.__dict__},
        "cost": [cost.__dict__ for cost in figures.costs],
        "prompt_cost": [cost.__dict__ for cost in figures.prompt_costs],
    }


def _model(model: ModelResult, figures: Figures) -> dict[str, Any]:
    return {
        "model": model.model,
        "votes": model.votes,
        "wins": model.wins,
        "losses": model.losses,
        "ties": model.ties,
        "both_bad": model.both_bad,
        "win_rate": model.rate and model.rate.rate,
        "interval": _ends(model.rate),
        "interval_anytime": _ends(model.anytime) if model.rate else None,
        "rank": model.rank,
        "rating": model.rating,
        "rating_interval": None if model.rating_low is None else [model.rating_low, model.rating_high],
        "elo_in_order_of_votes": model.elo,
        "preliminary": figures.raters < FEWEST_RATERS or model.votes < FEWEST_VOTES,
    }


def _pair(pair: PairResult) -> dict[str, Any]:
    return {
        **_count(pair.count),
        "interval_anytime": _ends(pair.anytime) if pair.rate else None,
        "verdict": _verdict(pair),
    }


def _verdict(pair: PairResult) -> dict[str, Any]:
    """`share` is the mean of the raters' scores for `first`, one a rater."""
    verdict, signs = pair.verdict, pair.prompts
    return {
        "call": str(verdict.call),
        "first": pair.count.first,
        "second": pair.count.second,
        "preferred": pair.preferred,
        "share": verdict.share,
        "interval": _ends(verdict.interval),
        "raters_done": verdict.raters,
        "raters_under_way": pair.under_way,
        "more_raters": verdict.more,
        "sign_test": {"first": signs.first, "second": signs.second, "even": signs.even, "p": signs.p},
    }


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


def _bias(bias: Bias) -> Mapping[str, Any]:
    return {name: _share(share) for name, share in bias.__dict__.items()}


def _share(share: Share | None) -> dict[str, Any] | None:
    return None if share is None else {"count": share.count, "total": share.total, "share": share.value}


def _ends(interval: Interval | WinRate | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
