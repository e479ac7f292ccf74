"""Makes the figures out of votes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arena.prompts import DIMENSIONS
from arena.results.bias import agreement_of, bias_of, most_disputed
from arena.results.breakdowns import Parts
from arena.results.cost import Answers, costs, prompt_costs
from arena.results.figures import Figures, Groups, ModelResult, PairResult
from arena.results.ranks import rank_spreads
from arena.results.scores import Raters, outcomes_by_rater
from arena.results.selection import BOTH_BAD, FIRST, SECOND, TIE, Filters, View
from arena.results.suspicious import KINDS, marked
from arena.results.verdict import judge_pair, rows_of_verdict
from arena.statistics import PairCount, wilson
from arena.statistics.decision import sign_test
from arena.statistics.ratings import ELO_VOTES, Rating, Ratings, elo, rate
from arena.statistics.sequential import ALPHA
from arena.votes.store import Votes

if TYPE_CHECKING:
    from arena.votes.table import Column, Mask

GROUPS = ("dimension", "category", "prompt", "language", "source", "room")


@dataclass(frozen=True)
class Background:
    """What is known beside the votes: each prompt's category by its id, and the most memory by model and precision."""

    categories: Mapping[str, str] = field(default_factory=dict)
    memory: Mapping[tuple[str, str], int] = field(default_factory=dict)


ALL, NOTHING = Filters(), Background()


def compute(
    votes: Votes, filters: Filters = ALL, background: Background = NOTHING, now: float | None = None
) -> Figures:
    """The figures of the votes that pass the filters. `now` (Unix seconds) decides which raters are done."""
    table = marked(votes.table)
    shown = table.where(filters.passed(table))
    view = View(shown)
    groups = {name: _grouped(view, name, background.categories) for name in GROUPS}
    pairs = _pairs(view, Raters(view, time.time() if now is None else now))
    ratings = _ratings(view)
    answers = Answers(view.table)
    return Figures(
        filters=filters,
        switches=filters.counts(table),
        votes=len(view),
        raters=_distinct(view.table["judge"]),
        prompts=_distinct(view.table["asked"]),
        repeats=len(shown) - len(view),
        suspicious={kind: int(view.table[kind].sum()) for kind in KINDS},
        models=_models(view, pairs, ratings),
        pairs=pairs,
        prior=ratings.prior,
        by=groups,
        bias=bias_of(view, shown),
        agreement=agreement_of(view),
        disputed=most_disputed(view),
        costs=costs(answers, background.memory),
        prompt_costs=prompt_costs(answers, groups["prompt"]),
        left_out=votes.report,
    )


def _distinct(column: Column) -> int:
    import pandas as pd

    return len(pd.unique(column))


def _pairs(view: View, raters: Raters) -> tuple[PairResult, ...]:
    """All pairs, most votes first. They share the chance of a false preference, as do the parts of each pair."""
    size = len(view.pairs)
    found = [_pair(view, number, raters, ALPHA / size) for number in range(size)]
    return tuple(sorted(found, key=lambda one: (-one.count.votes, one.count.first, one.count.second)))


def _pair(view: View, number: int, raters: Raters, alpha: float) -> PairResult:
    verdict = judge_pair(view, number, raters, alpha)
    is_turned = verdict.first != view.pairs[number][0]
    here = view.pair == number
    (count,) = view.counted(here)
    count, margins = count.seen_from(verdict.first), _margins(view, here)
    parts = Parts(view, rows_of_verdict(view, number), raters, is_turned)
    return PairResult(
        count,
        count.win_rate(),
        verdict,
        sign_test([-one for one in margins] if is_turned else margins),
        parts.dimensions(alpha),
        parts.criteria(alpha),
    )


def _margins(view: View, here: Mask) -> list[int]:
    """For each prompt that was voted on decisively, the first model's wins less its losses."""
    import numpy as np
    import pandas as pd

    rows = here & view.decisive
    prompts = pd.factorize(view.table["asked"][rows])[0]
    won = np.where(view.outcome[rows] == FIRST, 1, -1)
    return [int(one) for one in np.bincount(prompts, won)] if len(prompts) else []


def _ratings(view: View) -> Ratings:
    """Of the votes that verdicts rest on."""
    if not len(view):
        return Ratings({})
    rows = view.decides if view.decides.any() else ~view.decides
    return rate(view.counted(rows), [one for one in outcomes_by_rater(view, rows) if one.any()])


def _models(view: View, pairs: Sequence[PairResult], ratings: Ratings) -> tuple[ModelResult, ...]:
    """The first one first, as far as that is known."""
    names = sorted({name for pair in view.pairs for name in pair})
    called = [(one.verdict.preferred, one.verdict) for one in pairs]
    spreads = rank_spreads(
        names, [(best, verdict.second if best == verdict.first else verdict.first) for best, verdict in called if best]
    )
    by_order = elo_in_order(view)
    counts = [pair.count for pair in pairs]
    results = [_model(name, counts, spreads[name], ratings.by_model.get(name), by_order.get(name)) for name in names]
    return tuple(sorted(results, key=lambda one: (one.best_rank, one.worst_rank, -(one.rating or 0.0), one.model)))


def _model(
    name: str, counts: Sequence[PairCount], spread: tuple[int, int], rating: Rating | None, elo_rating: float | None
) -> ModelResult:
    own = [count.seen_from(name) for count in counts if name in (count.first, count.second)]
    wins, losses = sum(count.first_wins for count in own), sum(count.second_wins for count in own)
    return ModelResult(
        model=name,
        wins=wins,
        losses=losses,
        ties=sum(count.ties for count in own),
        both_bad=sum(count.both_bad for count in own),
        rate=wilson(wins, wins + losses) if wins + losses else None,
        best_rank=spread[0],
        worst_rank=spread[1],
        rating=rating.value if rating else None,
        rating_low=rating.low if rating else None,
        rating_high=rating.high if rating else None,
        elo=elo_rating,
    )


def elo_in_order(view: View) -> Mapping[str, float]:
    """Elo ratings in the order of time, votes of one time in that of their ids: the order of rows does not matter."""
    import numpy as np

    table = view.table
    since = np.partition(table["time"], -ELO_VOTES)[-ELO_VOTES] if len(table) > ELO_VOTES else -np.inf
    last = np.flatnonzero(table["time"] >= since)
    order = last[np.lexsort([table[name][last] for name in ("battle", "vote", "time")])][-ELO_VOTES:]
    pairs, numbers = view.pairs, view.pair[order].tolist()
    firsts, seconds = ([pairs[number][place] for number in numbers] for place in (0, 1))
    points = {FIRST: 1.0, SECOND: 0.0, TIE: 0.5, BOTH_BAD: 0.5}
    return elo(firsts, seconds, [points[outcome] for outcome in view.outcome[order].tolist()])


def _grouped(view: View, name: str, categories: Mapping[str, str]) -> Groups:
    column, names = _group_column(view, name, categories)
    cells = _cells(view, column, len(names))
    found = {
        names[group]: tuple(PairCount(*pair, *map(int, cell)) for pair, cell in zip(view.pairs, some, strict=True))
        for group, some in enumerate(cells)
        if some.any()
    }
    kept = {group: tuple(count for count in some if count.votes) for group, some in found.items()}
    # In the usual order, the others by name, and at the end what belongs to none.
    usual = {"dimension": DIMENSIONS, "prompt": tuple(categories)}.get(name, ())
    order = dict.fromkeys([*(group for group in usual if group in kept), *sorted(kept, key=lambda one: (not one, one))])
    return {group: kept[group] for group in order}


def _group_column(view: View, name: str, categories: Mapping[str, str]) -> tuple[Column, Sequence[str]]:
    import numpy as np

    if name != "category":
        return view.table[name], view.table.names[name]
    prompts = view.table.names["prompt"]
    names = sorted({categories.get(prompt, "") for prompt in prompts})
    code = np.array([names.index(categories.get(prompt, "")) for prompt in prompts], dtype=np.int64)
    return code[view.table["prompt"]] if len(prompts) else view.table["prompt"], names


def _cells(view: View, column: Column, groups: int) -> Column:
    """Counts by group, pair and outcome."""
    import numpy as np

    pairs = len(view.pairs)
    cells = np.bincount((column * pairs + view.pair) * 4 + view.outcome, minlength=groups * pairs * 4)
    return cells.reshape(groups, pairs, 4)
