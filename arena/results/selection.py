"""The votes that results are computed from: chosen, marked if suspicious, by pair of models, as one score per rater."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from arena.errors import InputError
from arena.statistics import PairCount
from arena.statistics.confidence_sequence import Floats
from arena.types import Winner
from arena.votes.table import Column, Mask, Table, mixed

FIRST, SECOND, TIE, BOTH_BAD = range(4)
"""The outcomes of a vote on a pair: the first model won, the second, a tie, or both were bad."""
_OUTCOMES = {Winner.MODEL_A: FIRST, Winner.MODEL_B: SECOND, Winner.TIE: TIE, Winner.BOTH_BAD: BOTH_BAD}

SWITCHES = ("blind", "complete", "not_leaked", "not_suspicious")
CHOICES = ("dimension", "language", "category")
"""The groups of prompts that results can be limited to."""
SUSPICIONS = ("too_fast", "one_sided", "contradicted")
CHARACTERS_PER_SECOND = {"Chinese": 80.0, "Japanese": 80.0, "Korean": 80.0}
"""Several times faster than people read: a vote that came faster was cast without reading both answers."""
OTHERS_PER_SECOND = 200.0
FEWEST_ON_ONE_SIDE = 8
"""By chance one rater in 128 has eight out of eight decisive votes on one side."""


@dataclass(frozen=True)
class Filters:
    """Which votes are counted; by default all.

    `blind`: blind votes only; `complete`: both answers ended by themselves; `not_leaked`: no answer revealed its model;
    `not_suspicious`: none of SUSPICIONS applies; `room`, `dimension`, `language` and `category` (of the prompt): votes
    of this one only. With one of `models`, votes in which it took part; with more, votes between two of them.
    """

    blind: bool = False
    complete: bool = False
    not_leaked: bool = False
    not_suspicious: bool = False
    room: str | None = None
    models: tuple[str, ...] = ()
    dimension: str | None = None
    language: str | None = None
    category: str | None = None

    def passed(self, table: Table) -> Mask:
        """The rows that pass."""
        rows = self._before_choice(table)
        for name in self._chosen_groups:
            rows &= table.is_named(name, getattr(self, name))
        if self.models:
            models = [code for code, name in enumerate(table.names["model"]) if name in self.models]
            a, b = (np.isin(table[f"model_{side}"], models) for side in "ab")
            rows &= (a | b) if len(set(self.models)) == 1 else (a & b)
        return rows

    def comparisons(self, table: Table) -> int:
        """How many comparisons of two models one could choose among: all share alpha, whichever is chosen.

        These are all pairs, and for each of CHOICES that is set all of its groups.
        """
        rows = table.where(self._before_choice(table) & (table["repeat_of"] == 0))
        groups = [len(np.unique(rows[name])) for name in self._chosen_groups]
        return max(1, math.prod([len(pairs_of(rows)[0]), *groups]))

    def check(self, known: Mapping[str, Sequence[str]]) -> None:
        """Raises InputError for a model or group that is not among those `known`, by filter."""
        for name, values in known.items():
            chosen = getattr(self, name) or ()
            for value in (chosen,) if isinstance(chosen, str) else chosen:
                if value not in values:
                    kind = name.removesuffix("s")
                    raise InputError("nothing_passes", f"No vote has the {kind} {value}.", value=value)

    @property
    def _chosen_groups(self) -> list[str]:
        return [name for name in CHOICES if getattr(self, name)]

    def _before_choice(self, table: Table) -> Mask:
        rows = np.ones(len(table), dtype=bool)
        for name in SWITCHES:
            if getattr(self, name):
                rows &= table[name]
        return rows & table.is_named("room", self.room) if self.room else rows

    def counts(self, table: Table) -> dict[str, int]:
        """How many votes would remain with each of the switches on, the others unchanged."""
        rows = self.passed(table) & (table["repeat_of"] == 0)
        return {name: int((rows & table[name]).sum()) for name in SWITCHES}


def choices(table: Table) -> dict[str, tuple[str, ...]]:
    """The names in the table by filter: models, and the groups of CHOICES."""
    columns = {"models": ("model_a", "model_b"), **{name: (name,) for name in CHOICES}}
    return {kind: tuple(sorted(set().union(*map(table.used_names, names)) - {""})) for kind, names in columns.items()}


def with_categories(table: Table, categories: Mapping[str, str]) -> Table:
    """The table with a column `category`, from the categories by prompt id."""
    names = np.array([categories.get(prompt, "") for prompt in table.names["prompt"]], dtype=object)
    codes, categories_used = pd.factorize(names, sort=True)
    return table.having({"category": codes[table["prompt"]]}, {"category": tuple(categories_used)})


def mark_votes(table: Table) -> Table:
    """The table with a column for each of SWITCHES and SUSPICIONS, and one, `suspicious`, for any of the latter."""
    columns = {"too_fast": _too_fast(table), "one_sided": _one_sided(table), "contradicted": _contradicted(table)}
    columns["suspicious"] = np.logical_or.reduce([columns[kind] for kind in SUSPICIONS])
    return table.having({**columns, "not_suspicious": ~columns["suspicious"], "not_leaked": table["leaked"] != 1})


def _too_fast(table: Table) -> Mask:
    """Votes cast faster than both answers can be read. Live answers could be read while they were generated."""
    generating = np.fmax(table["seconds_a"], table["seconds_b"])
    available = table["dwell"] + np.where(table.is_named("source", "live"), generating, 0.0)
    return np.asarray(available < reading_seconds(table))  # false if the time is unknown


def reading_seconds(table: Table) -> Floats:
    """The least time in which anyone could read both answers."""
    speeds = [CHARACTERS_PER_SECOND.get(name, OTHERS_PER_SECOND) for name in table.names["language"]]
    lengths = table["length_a"] + table["length_b"]
    return np.asarray(lengths / np.array([*speeds, OTHERS_PER_SECOND])[table["language"]])


def _one_sided(table: Table) -> Mask:
    """All votes of raters who chose the same side every time."""
    winners, judge, size = list(Winner), table["judge"], len(table.judge_hashes)
    left, right = (
        np.bincount(judge[table["winner"] == winners.index(winner)], minlength=size)
        for winner in (Winner.MODEL_A, Winner.MODEL_B)
    )
    always = (np.minimum(left, right) == 0) & (np.maximum(left, right) >= FEWEST_ON_ONE_SIDE)
    return np.asarray((always & (table.judge_hashes != 0))[judge])


def _contradicted(table: Table) -> Mask:
    """Both votes of a rater who chose the other model when the battle was repeated."""
    before, again = repeats_of(table)
    outcome = outcomes(table, pairs_of(table)[2])
    opposite = (outcome[before] <= SECOND) & (outcome[again] <= SECOND) & (outcome[before] != outcome[again])
    rows = np.zeros(len(table), dtype=bool)
    rows[before[opposite]] = rows[again[opposite]] = True
    return rows


def repeats_of(table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of battles that the same rater judged again, and the rows of those repeats."""
    judges: Column = table.judge_hashes[table["judge"]]
    firsts, repeats = np.flatnonzero(table["repeat_of"] == 0), np.flatnonzero(table["repeat_of"] != 0)
    index = pd.Series(firsts, index=mixed(judges[firsts], table["battle"][firsts]))
    index = index[~index.index.duplicated()]
    positions = index.index.get_indexer(mixed(judges[repeats], table["repeat_of"][repeats]))
    known = positions >= 0
    return index.to_numpy()[positions[known]], repeats[known]


class View:
    """Votes without repeats, by pair; see `pairs_of`. The models of a pair are sorted by name."""

    def __init__(self, table: Table) -> None:
        self.table = table.where(table["repeat_of"] == 0)
        self.pairs, self.pair, self.first_is_a = pairs_of(self.table)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def outcome(self) -> NDArray[np.int64]:
        """The outcome of each vote: FIRST, SECOND, TIE or BOTH_BAD."""
        return outcomes(self.table, self.first_is_a)

    @cached_property
    def points(self) -> Floats:
        """The points of the pair's first model: 1 for a win, 0 for a loss, 0.5 for a tie of either kind."""
        return np.array([1.0, 0.0, 0.5, 0.5])[self.outcome]

    @cached_property
    def decisive(self) -> Mask:
        """Whether a vote prefers one of the two."""
        return self.outcome <= SECOND

    @cached_property
    def blind_unleaked(self) -> Mask:
        """Blind votes on answers that revealed no model: verdicts rest on these if there are any."""
        return np.asarray(self.table["blind"] & (self.table["leaked"] != 1))

    @cached_property
    def rated(self) -> Mask:
        """The votes that ratings rest on: blind and unleaked ones, or all if there are none."""
        return self.blind_unleaked if self.blind_unleaked.any() else ~self.blind_unleaked

    def by_model(self, name: str) -> tuple[Column, Column]:
        """A column that exists for both sides, for the pair's first model and for the second."""
        a, b = self.table[f"{name}_a"], self.table[f"{name}_b"]
        return np.where(self.first_is_a, a, b), np.where(self.first_is_a, b, a)

    def counts(self, rows: Mask | slice = slice(None)) -> tuple[PairCount, ...]:
        """The counts of each pair that has votes among the rows, in the order of `pairs`."""
        cells = np.bincount(self.pair[rows] * 4 + self.outcome[rows], minlength=4 * len(self.pairs)).reshape(-1, 4)
        counts = [PairCount(*pair, *map(int, cell)) for pair, cell in zip(self.pairs, cells, strict=True)]
        return tuple(count for count in counts if count.votes)

    def criterion(self, name: str) -> tuple[Mask, Floats]:
        """The votes that judge a criterion, and the points that they give the pair's first model for it."""
        choice = self.table[f"criterion_{name}"]
        return choice >= 0, np.where(self.first_is_a, 2 - choice, choice) / 2

    @cached_property
    def units(self) -> Column:
        """A hash of the prompt and the two answers, whichever side they were on."""
        a, b = self.table["answer_a"], self.table["answer_b"]
        return mixed(a + b, (a ^ b) + self.table["asked"])


def outcomes(table: Table, first_is_a: Mask) -> NDArray[np.int64]:
    """The outcome of each vote for its pair."""
    by_winner = np.array([_OUTCOMES[winner] for winner in Winner])
    outcome = by_winner[table["winner"]]
    swapped = ~first_is_a & (outcome <= SECOND)
    return np.where(swapped, SECOND - outcome, outcome)


def pairs_of(table: Table) -> tuple[tuple[tuple[str, str], ...], Column, Mask]:
    """The pairs sorted by name, the index of each row's pair, and whether its first model is on side a."""
    names = np.array(table.names["model"], dtype=object)
    order = np.argsort(names)
    rank, sorted_names = np.argsort(order), names[order]
    a, b = rank[table["model_a"]], rank[table["model_b"]]
    index, codes = pd.factorize(np.minimum(a, b) * len(names) + np.maximum(a, b), sort=True)
    pairs = tuple((sorted_names[code // len(names)], sorted_names[code % len(names)]) for code in codes)
    return pairs, index, a <= b
