"""Draws the models of a blind battle: the pair whose votes tell most, with its probability."""

import math
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import combinations

from arena.backend import Backend
from arena.errors import ArenaError
from arena.results.figures import Figures
from arena.results.verdict import Basis
from arena.roster import Pair, Roster
from arena.types import SideName

FLOOR = 0.2
"""The share of the battles that is spread over all pairs alike."""
REFRESH_SECONDS = 30.0
"""Results of many models take a second or more."""
RETRY_SECONDS = 1.0
"""Nobody else waits for results that were not ready."""
TO_LOAD = 0.5
"""The weight of a pair is multiplied by this for each of its models that is not loaded yet."""

Ids = tuple[str, str]
"""A pair of model ids, in the order of the roster."""


class PairDraw:
    """Draws pairs of a roster. Thread-safe.

    `figures` returns the results, or None while they are not ready; it is called at most every REFRESH_SECONDS, or
    until it returns any every RETRY_SECONDS. In between each draw counts as a vote, so that pairs differ.
    """

    def __init__(
        self,
        roster: Roster,
        figures: Callable[[], Figures | None] = lambda: None,
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.roster = roster
        self._figures = figures
        self._chance = chance or secrets.SystemRandom()
        self._clock = clock
        self._last: Figures | None = None
        self._drawn: Counter[Ids] = Counter()
        self._due = -math.inf
        # Protects the three above.
        self._lock = threading.Lock()

    def draw(self) -> tuple[Pair, float]:
        """Two different models of the roster on random sides, and the probability with which these two are drawn."""
        # As they are now: the host may add and remove models at any time.
        backends = {backend.spec.id: backend for backend in self.roster.wanted}
        with self._lock:
            if len(backends) > len(SideName):
                self._refresh()
            chances = self._probabilities(backends)
            (ids,) = self._chance.choices(list(chances), list(chances.values()))
            self._drawn[ids] += 1
            sides = self._chance.sample(ids, len(ids))
        return dict(zip(SideName, (backends[model] for model in sides), strict=True)), chances[ids]

    def _refresh(self) -> None:
        now = self._clock()
        if now < self._due:
            return
        self._due = now + RETRY_SECONDS
        with suppress(ArenaError):  # votes that cannot be read do not keep anybody from asking
            if figures := self._figures():
                self._last, self._drawn, self._due = figures, Counter(), self._clock() + REFRESH_SECONDS

    def _probabilities(self, backends: Mapping[str, Backend]) -> dict[Ids, float]:
        """The probability of each pair: at least FLOOR over the number of pairs; the sum is 1."""
        missing = missing_votes(tuple(backends), self._last, self._drawn)
        ready = {model: _readiness(backend) for model, backend in backends.items()}
        return _shares({(a, b): votes * ready[a] * ready[b] for (a, b), votes in missing.items()})


def _readiness(backend: Backend) -> float:
    """A model that cannot be loaded is only tried again by the floor."""
    state = backend.load_state
    return 0.0 if state.error else 1.0 if state.ready else TO_LOAD


def wanted_shares(models: Sequence[str], figures: Figures | None) -> dict[Ids, float]:
    """The share of all votes that each pair should have; the sum is 1.

    Apart from the floor it is in proportion to the overlap of both models' possible ranks: a clear order needs few.
    """
    ranks = {result.model: (result.best_rank, result.worst_rank) for result in figures.models} if figures else {}
    everything = 1, max(len(ranks), len(models))
    overlaps = {
        (a, b): _overlap(ranks.get(a, everything), ranks.get(b, everything)) for a, b in combinations(models, 2)
    }
    return _shares(overlaps)


def _shares(weights: Mapping[Ids, float]) -> dict[Ids, float]:
    """Shares in proportion to the weights, but for the floor; the sum is 1."""
    total, even = sum(weights.values()), 1 / len(weights)
    return {ids: FLOOR * even + (1 - FLOOR) * (weight / total if total else even) for ids, weight in weights.items()}


def missing_votes(models: Sequence[str], figures: Figures | None, drawn: Mapping[Ids, int]) -> dict[Ids, float]:
    """How many blind votes each pair lacks, 0 or more, so that the next ones bring all to their wanted shares.

    The next ones are as many as there are pairs; `drawn` counts battles since the figures. At least one lacks votes.
    """
    wanted, votes = wanted_shares(models, figures), _blind_votes(figures)
    counts = {ids: votes.get(frozenset(ids), 0) + drawn.get(ids, 0) for ids in wanted}
    then = sum(counts.values()) + len(counts)
    return {ids: max(0.0, share * then - counts[ids]) for ids, share in wanted.items()}


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The ranks that both may have, as a share of those that either may have."""
    common = min(one[1], other[1]) - max(one[0], other[0]) + 1
    either = max(one[1], other[1]) - min(one[0], other[0]) + 1
    return max(0, common) / either


def _blind_votes(figures: Figures | None) -> Mapping[frozenset[str], int]:
    """The votes that the verdicts rest on, with those of raters who have not finished."""
    verdicts = [pair.verdict for pair in figures.pairs] if figures else []
    return {
        frozenset((verdict.first, verdict.second)): verdict.votes + verdict.votes_under_way
        for verdict in verdicts
        if verdict.basis is Basis.BLIND
    }
