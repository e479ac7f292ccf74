"""Computes the results from votes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from arena.prompts import DIMENSIONS
from arena.results import selection
from arena.results.bias import agreement_of, bias_of, most_disputed
from arena.results.cost import costs, judged_answers, prompt_costs
from arena.results.exclusions import find_exclusions
from arena.results.figures import Figures, Groups, Mixture, ModelResult, PairResult
from arena.results.raters import Raters, outcomes_by_rater
from arena.results.selection import SUSPICIONS, Filters, View
from arena.results.verdict import criterion_results, dimension_verdicts, judge_pair
from arena.statistics import PairCount, sign_test, total
from arena.statistics.confidence_sequence import ALPHA
from arena.statistics.ratings import Ratings, possible_ranks, rate
from arena.votes.store import Votes
from arena.votes.table import Mask, Table

_VARYING = ("model", "revision", "settings")
GROUPS = ("dimension", "category", "prompt", "language", "source", "room")


@dataclass(frozen=True)
class Background:
    """What is known apart from the votes: categories by prompt id, and peak memory by model and precision."""

    categories: Mapping[str, str] = field(default_factory=dict)
    memory: Mapping[tuple[str, str], int] = field(default_factory=dict)


NO_FILTERS, NO_BACKGROUND = Filters(), Background()


def compute(
    votes: Votes, filters: Filters = NO_FILTERS, background: Background = NO_BACKGROUND, now: float | None = None
) -> Figures:
    """The results of the votes that pass the filters. `now` (Unix seconds) decides which raters have finished."""
    table = selection.with_categories(selection.mark_votes(votes.table), background.categories)
    excluded, counts = find_exclusions(table, votes.marks, filters.passed(table))
    table = table.where(counts)
    shown = table.where(filters.passed(table))
    view = View(shown)
    usual = {"dimension": DIMENSIONS, "prompt": tuple(background.categories)}
    groups = {name: _grouped(view, name, usual.get(name, ())) for name in GROUPS}
    raters = Raters(view, time.time() if now is None else now, votes.marks.closed_rooms)
    alpha = ALPHA / filters.comparisons(table)
    pairs = [_pair(view, index, raters, alpha) for index in range(len(view.pairs))]
    pairs.sort(key=lambda pair: (-pair.count.votes, pair.count.first, pair.count.second))
    outcomes = [outcomes for outcomes in outcomes_by_rater(view, view.rated) if outcomes.any()]
    ratings = rate(view.counts(view.rated), outcomes)
    answers = judged_answers(view.table)
    return Figures(
        filters=filters,
        switches=filters.counts(table),
        choices=selection.choices(table),
        votes=len(view),
        raters=len(pd.unique(view.table["judge"])),
        prompts=len(pd.unique(view.table["asked"])),
        repeats=len(shown) - len(view),
        suspicious={kind: int(view.table[kind].sum()) for kind in SUSPICIONS},
        models=_models(view, pairs, ratings),
        mixtures=tuple(_mixtures(view.table)),
        pairs=tuple(pairs),
        prior=ratings.prior,
        by=groups,
        group_ratings={name: _group_ratings(view, name) for name in selection.CHOICES} if len(pairs) > 1 else {},
        bias=bias_of(view, shown),
        agreement=agreement_of(view),
        disputed=most_disputed(view),
        costs=costs(answers, background.memory),
        prompt_costs=prompt_costs(answers, groups["prompt"]),
        left_out=votes.report,
        excluded=excluded,
    )


def _pair(view: View, index: int, raters: Raters, alpha: float) -> PairResult:
    """One of the view's pairs; its parts share its alpha."""
    verdict = judge_pair(view, index, raters, alpha)
    here = view.pair == index
    (count,) = view.counts(here)
    result = PairResult(
        count,
        verdict,
        sign_test(_margins(view, here)),
        dimension_verdicts(view, index, raters, alpha),
        criterion_results(view, index, raters, alpha),
    )
    return result.seen_from(verdict.first)


def _margins(view: View, here: Mask) -> list[float]:
    """The first model's wins minus its losses for each prompt."""
    margins: list[float] = pd.Series(2 * view.points[here] - 1).groupby(view.table["asked"][here]).sum().tolist()
    return margins


def _group_ratings(view: View, name: str) -> dict[str, dict[str, float]]:
    """The ratings within each group from the same votes, by group and model; without groups that cannot be rated."""
    grouped = _grouped(view, name, (), view.rated)
    rated = {group: rate(counts).by_model for group, counts in grouped.items()}
    return {group: {name: rating.value for name, rating in models.items()} for group, models in rated.items() if models}


def _models(view: View, pairs: Sequence[PairResult], ratings: Ratings) -> tuple[ModelResult, ...]:
    """All models, by best possible rank and rating."""
    names = sorted({name for pair in view.pairs for name in pair})
    verdicts = [pair.verdict for pair in pairs]
    ranks = possible_ranks(names, [(verdict.first, verdict.second) for verdict in verdicts if verdict.preferred])
    counts = [pair.count for pair in pairs]
    results = [ModelResult(name, total(name, counts), *ranks[name], ratings.by_model.get(name)) for name in names]

    def place(result: ModelResult) -> tuple[int, float, int, str]:
        return result.best_rank, -(result.rating.value if result.rating else 0.0), result.worst_rank, result.model

    return tuple(sorted(results, key=place))


def _mixtures(table: Table) -> Iterator[Mixture]:
    """The models whose votes add up more than one revision or settings."""
    sides = pd.concat([pd.DataFrame({kind: table[f"{kind}_{side}"] for kind in _VARYING}) for side in "ab"])
    for model, rows in sides.drop_duplicates().groupby("model"):
        revisions, settings = (
            tuple(filter(None, (table.names[kind][code] for code in pd.unique(rows[kind])))) for kind in _VARYING[1:]
        )
        if max(len(revisions), len(settings)) > 1:
            yield Mixture(table.names["model"][model], revisions, _differences(settings))


def _differences(settings: Sequence[str]) -> tuple[str, ...]:
    """Of several settings the lines that not all of them have, in one line."""
    lines = [text.split("\n") for text in settings]
    common = set(lines[0]).intersection(*lines[1:]) if len(lines) > 1 else set()
    return tuple(", ".join(line for line in each if line and line not in common) for each in lines)


def _grouped(view: View, name: str, usual: Sequence[str], rows: Mask | slice = slice(None)) -> Groups:
    """The counts by group of some rows: the usual groups in their order, the others by name, and "" last."""
    column, names = view.table[name][rows], view.table.names[name]
    # An array (groups, pairs, 4) of counts by group, pair and outcome.
    pairs = len(view.pairs)
    codes = (column * pairs + view.pair[rows]) * 4 + view.outcome[rows]
    cells = np.bincount(codes, minlength=len(names) * pairs * 4)
    counts = {
        group: tuple(PairCount(*pair, *cell) for pair, cell in zip(view.pairs, by_pair, strict=True) if any(cell))
        for group, by_pair in zip(names, cells.reshape(len(names), pairs, 4).tolist(), strict=True)
        if any(map(any, by_pair))
    }
    by_name = sorted(counts, key=lambda group: (not group, group))
    return {group: counts[group] for group in dict.fromkeys([*usual, *by_name]) if group in counts}
