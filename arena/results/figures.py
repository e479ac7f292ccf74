"""The results as values, for page, command, API and report; and as JSON, the public contract for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from arena.results.bias import Agreement, Bias, Disputed
from arena.results.cost import Cost, PromptCost
from arena.results.exclusions import Exclusion, summary
from arena.results.selection import Filters
from arena.results.verdict import CriterionResult, PairVerdict
from arena.statistics import PairCount, SignTest, WinRate
from arena.statistics.confidence_sequence import Interval
from arena.statistics.decision import Outcome, Verdict
from arena.statistics.ratings import Rating
from arena.statistics.regression import Adjusted, Estimate
from arena.votes.store import ReadReport


@dataclass(frozen=True)
class PairResult:
    """The result of two models; `count.first` is the one with the larger share.

    `count` covers all votes on the pair that pass the filters; `verdict` may rest on fewer. `dimensions` and `criteria`
    are verdicts by name from the side of the first model, corrected for their number.
    """

    count: PairCount
    verdict: PairVerdict
    prompts: SignTest
    dimensions: Mapping[str, Verdict]
    criteria: Mapping[str, CriterionResult]

    def seen_from(self, model: str) -> PairResult:
        """The same with `model`, one of the two, as the first; the verdict still begins with the larger share."""
        if model == self.count.first:
            return self
        return PairResult(
            self.count.seen_from(model),
            self.verdict,
            replace(self.prompts, first=self.prompts.second, second=self.prompts.first),
            {name: numbers.swapped for name, numbers in self.dimensions.items()},
            {
                name: CriterionResult(result.losses, result.ties, result.wins, result.numbers.swapped)
                for name, result in self.criteria.items()
            },
        )


@dataclass(frozen=True)
class ModelResult:
    """The result of one model against all others.

    `count` has the model as the first, and everything else as the second. `best_rank` to `worst_rank` (from 1) are the
    ranks that the verdicts on all pairs allow. `rating` is the Bradley-Terry rating, None if undefined.
    """

    model: str
    count: PairCount
    best_rank: int
    worst_rank: int
    rating: Rating | None

    @property
    def ranks(self) -> str:
        """The ranks that it may have: 2, or 2–5."""
        best, worst = self.best_rank, self.worst_rank
        return str(best) if best == worst else f"{best}–{worst}"


@dataclass(frozen=True)
class Mixture:
    """The different revisions and settings of the answers that were judged under one model's name.

    Of more than one, `settings` are the `name value` in which they differ. Unknown ones do not count.
    """

    model: str
    revisions: tuple[str, ...]
    settings: tuple[str, ...]


Groups = Mapping[str, tuple[PairCount, ...]]  # the counts of the pairs by group; "" is no group


@dataclass(frozen=True)
class Figures:
    """`votes` counts those that pass the `filters`, without the `repeats` of battles that a rater had judged before.

    `switches` is how many votes would remain with each filter on, `choices` are the names that the others may have;
    `suspicious` counts votes by kind of suspicion.
    `pairs` are sorted by votes, most first. `prior` is the one used for the ratings, 0 if none was needed. `by` holds
    the counts by dimension, category, prompt, language, source and room; `group_ratings` are the ratings in each group
    of the first two and of language, by group and model, if there are more than two models. `mixtures` are the models
    with more than one revision or settings. `left_out` describes the rows of the log that do not count, `excluded` the
    raters who do not, and those who do because the host says so.
    """

    filters: Filters
    switches: Mapping[str, int]
    choices: Mapping[str, tuple[str, ...]]
    votes: int
    raters: int
    prompts: int
    repeats: int
    suspicious: Mapping[str, int]
    models: tuple[ModelResult, ...]
    mixtures: tuple[Mixture, ...]
    pairs: tuple[PairResult, ...]
    prior: float
    by: Mapping[str, Groups]
    group_ratings: Mapping[str, Mapping[str, Mapping[str, float]]]
    bias: Bias
    agreement: Agreement | None
    disputed: Disputed | None
    costs: tuple[Cost, ...]
    prompt_costs: tuple[PromptCost, ...]
    left_out: ReadReport
    excluded: tuple[Exclusion, ...] = ()

    def dimensions_of(self, pair: PairCount) -> dict[str, PairCount]:
        """The counts of a pair by dimension, from the side of its first model."""
        return {
            name: count.seen_from(pair.first)
            for name, counts in self.by["dimension"].items()
            for count in counts
            if count.models == pair.models
        }


# ---- as JSON

MOST_ROWS = 1000  # unreadable rows that are listed


def as_json(figures: Figures) -> dict[str, Any]:
    """All results as JSON values; None if unknown or undefined. Shares are from 0 to 1.

    The fields of Filters, PairCount, SignTest, Split, Agreement, Disputed, Cost and PromptCost are JSON keys as named.
    `verdict` is the one on two models and None if there are more; each of `pairs` has its own.
    """
    left_out, agreement, disputed = figures.left_out, figures.agreement, figures.disputed
    plain = ("votes", "raters", "prompts", "repeats", "suspicious", "prior", "group_ratings")
    by = {name: {group: list(map(_count, counts)) for group, counts in by.items()} for name, by in figures.by.items()}
    return {
        **{name: getattr(figures, name) for name in plain},
        "skipped_rows": len(left_out.unreadable),
        "skipped": [
            {"file": row.part, "line": row.line, "reason": row.reason} for row in left_out.unreadable[:MOST_ROWS]
        ],
        "duplicates": left_out.duplicates,
        "withdrawn": left_out.withdrawn,
        "excluded": summary(figures.excluded),
        "unfinished_parts": left_out.unfinished,
        "damaged_rows": len(left_out.damaged),
        "filters": {**asdict(figures.filters), "models": list(figures.filters.models)},
        "votes_if_filtered": dict(figures.switches),
        "verdict": _overall(figures),
        "models": list(map(_model, figures.models)),
        "mixtures": [
            {"model": mixture.model, "revisions": list(mixture.revisions), "settings": list(mixture.settings)}
            for mixture in figures.mixtures
        ],
        "pairs": list(map(_pair, figures.pairs)),
        **{f"by_{name}": groups for name, groups in by.items()},
        "bias": {
            **{name: share and {**asdict(share), "share": share.value} for name, share in figures.bias.shares.items()},
            "splits": {name: asdict(split) for name, split in figures.bias.splits.items()},
        },
        "agreement": agreement and asdict(agreement),
        "most_disputed": disputed and asdict(disputed),
        "cost": list(map(asdict, figures.costs)),
        "prompt_cost": list(map(asdict, figures.prompt_costs)),
    }


def _overall(figures: Figures) -> dict[str, Any] | None:
    """The verdict on two models, or that there are no votes; None if there are more models."""
    if not figures.votes:
        return {**_verdict(PairVerdict("", "", Verdict(Outcome.NO_VOTES))), "first": None, "second": None}
    return _verdict(figures.pairs[0].verdict) if len(figures.pairs) == 1 else None


def _verdict(verdict: PairVerdict) -> dict[str, Any]:
    numbers, change = verdict.numbers, verdict.numbers.change
    plain = ("preferred", "first", "second", "votes", "ties", "prompts", "sighted", "leaked", "suspicious")
    return {
        **_part(numbers),
        **{name: getattr(verdict, name) for name in plain},
        "votes_under_way": verdict.votes_under_way,
        "basis": str(verdict.basis),
        "with_others": verdict.with_others and asdict(verdict.with_others),
        "without_suspicious": verdict.without_suspicious and asdict(verdict.without_suspicious),
        "raters_under_way": verdict.under_way,
        "more_raters": numbers.more,
        "flips_with": numbers.flips_with,
        "change": change and {"early_raters": change.raters, "early_share": change.early, "late_share": change.late},
        "swayed_by": list(verdict.swayed_by),
        "adjusted": verdict.adjusted and _adjusted(verdict.adjusted),
    }


def _adjusted(adjusted: Adjusted) -> dict[str, Any]:
    return {
        "share": adjusted.share and adjusted.share.value,
        "interval": _ends(adjusted.share),
        "effects": {
            name: {"difference": effect.value, "interval": _ends(effect), "p": effect.p}
            for name, effect in adjusted.effects.items()
        },
        "confounded": list(adjusted.confounded),
    }


def _model(model: ModelResult) -> dict[str, Any]:
    count = _count(model.count)
    return {
        "model": model.model,
        "wins": count["first_wins"],
        "losses": count["second_wins"],
        **{name: count[name] for name in ("votes", "ties", "both_bad", "win_rate", "interval")},
        "best_rank": model.best_rank,
        "worst_rank": model.worst_rank,
        "rating": model.rating and model.rating.value,
        "rating_interval": _ends(model.rating),
    }


def _pair(pair: PairResult) -> dict[str, Any]:
    return {
        **_count(pair.count),
        "verdict": _verdict(pair.verdict),
        "sign_test": asdict(pair.prompts),
        "dimensions": {name: _part(numbers) for name, numbers in pair.dimensions.items()},
        "criteria": {
            name: {"wins": result.wins, "ties": result.ties, "losses": result.losses, **_part(result.numbers)}
            for name, result in pair.criteria.items()
        },
    }


def _part(numbers: Verdict) -> dict[str, Any]:
    return {
        "outcome": str(numbers.outcome),
        "share": numbers.share,
        "interval": _ends(numbers.interval),
        "raters": numbers.raters,
    }


def _count(count: PairCount) -> dict[str, Any]:
    rate = count.win_rate()
    return {**asdict(count), "votes": count.votes, "win_rate": rate and rate.rate, "interval": _ends(rate)}


def _ends(interval: Interval | WinRate | Estimate | Rating | None) -> list[float | None] | None:
    return None if interval is None or interval.low is None else [interval.low, interval.high]
