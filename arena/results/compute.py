"""Makes the figures out of votes. Knows no file and no words."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from arena.prompts import DIMENSIONS
from arena.results.bias import agreement_of, bias_of, most_disputed
from arena.results.cost import Answers, costs, prompt_costs
from arena.results.figures import Figures, Groups, ModelResult, PairResult, Skipped
from arena.results.raters import outcomes_by_rater, scores
from arena.results.store import Votes
from arena.results.view import BOTH_BAD, FIRST, SECOND, TIE, Filters, View
from arena.statistics import PairCount, wilson
from arena.statistics.ratings import ELO_VOTES, Ratings, elo, rate
from arena.statistics.sequential import mixture_interval
from arena.statistics.verdict import make_verdict, sign_test

if TYPE_CHECKING:
    from arena.results.table import Column

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
    view = View(votes.table.where(filters.passed(votes.table)))
    groups = {name: _grouped(view, name, background.categories) for name in GROUPS}
    pairs = tuple(_pair(view, number, time.time() if now is None else now) for number in range(len(view.pairs)))
    by_rater = outcomes_by_rater(view) if len(view) else []
    counts = view.counted()
    ratings = rate(counts, by_rater)
    models = _models(view, counts, ratings)
    answers, left_out = Answers(view.table), votes.left_out
    return Figures(
        filters=filters,
        switches=filters.counts(View(votes.table).table),
        votes=len(view),
        raters=_distinct(view.table["judge"]),
        prompts=_distinct(view.table["asked"]),
        repeats=len(view.repeats),
        models=models,
        pairs=tuple(sorted(pairs, key=lambda one: (-one.count.votes, one.count.first, one.count.second))),
        prior=ratings.prior,
        by=groups,
        bias=bias_of(view),
        agreement=agreement_of(view),
        disputed=most_disputed(view),
        costs=costs(answers, background.memory),
        prompt_costs=prompt_costs(answers, groups["prompt"]),
        skipped=tuple(Skipped(row.part, row.line, row.reason) for row in left_out.unreadable),
        duplicates=left_out.duplicates,
        withdrawn=left_out.withdrawn,
        unfinished=left_out.unfinished,
    )


def _distinct(column: Column) -> int:
    import pandas as pd

    return len(pd.unique(column))


def _pair(view: View, number: int, now: float) -> PairResult:
    (count,) = view.counted(view.pair == number)
    done = scores(view, number, now)
    values = done.values
    if count.second_wins > count.first_wins:
        count, values = count.seen_from(count.second), 1 - values
    margins = _margins(view, number)
    signs = sign_test(margins if count.first == view.pairs[number][0] else [-one for one in margins])
    anytime = mixture_interval(count.first_wins, count.decisive)
    return PairResult(count, count.win_rate(), anytime, make_verdict(values), done.under_way, signs)


def _margins(view: View, number: int) -> list[int]:
    """For each prompt that was voted on decisively, the first model's wins less its losses."""
    import numpy as np
    import pandas as pd

    here = (view.pair == number) & view.decisive
    prompts = pd.factorize(view.table["asked"][here])[0]
    won = np.where(view.outcome[here] == FIRST, 1, -1)
    return [int(one) for one in np.bincount(prompts, won)] if len(prompts) else []


def _models(view: View, counts: Sequence[PairCount], ratings: Ratings) -> tuple[ModelResult, ...]:
    names = sorted({name for pair in view.pairs for name in pair})
    by_order = elo_in_order(view)
    results = [_model(name, counts, ratings, by_order.get(name)) for name in names]
    # Compared as they are shown: two that differ by less share a rank.
    values = {one.model: round(one.rating, 3) for one in results if one.rating is not None}
    ranked = [replace(one, rank=_rank(one.model, values) if one.model in values else None) for one in results]
    return tuple(sorted(ranked, key=lambda one: (one.rank is None, one.rank, -one.wins, one.model)))


def _rank(model: str, values: Mapping[str, float]) -> int:
    return 1 + sum(value > values[model] for value in values.values())


def _model(name: str, counts: Sequence[PairCount], ratings: Ratings, elo_rating: float | None) -> ModelResult:
    own = [count.seen_from(name) for count in counts if name in (count.first, count.second)]
    wins, losses = sum(count.first_wins for count in own), sum(count.second_wins for count in own)
    rating = ratings.by_model.get(name)
    return ModelResult(
        model=name,
        wins=wins,
        losses=losses,
        ties=sum(count.ties for count in own),
        both_bad=sum(count.both_bad for count in own),
        rate=wilson(wins, wins + losses) if wins + losses else None,
        anytime=mixture_interval(wins, wins + losses),
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
