"""Samples the next token id from the scores of all ids.

The filters are those of transformers, in its order, without sorting the whole vocabulary where a few ids decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from arena.types import GenerationConfig
from backends.streaming.generation import failed

Floats = NDArray[np.float32]
Ids = NDArray[np.intp]
# Sorting this many is fast; sorting a whole vocabulary can take longer than the model.
_FEW = 1024


class Sampler:
    """Chooses the next id. Temperature 0 takes the best one, without penalty or filter.

    The random generator is its own: a seed gives the same choices whatever else runs.
    """

    def __init__(self, config: GenerationConfig, ids: Sequence[int]) -> None:
        self._config = config
        self._seen = set(ids)
        self._random = torch.Generator()
        if config.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(config.seed)

    def __call__(self, scores: torch.Tensor) -> int:
        """The chosen id. Raises BackendError for scores that are not finite."""
        values: Floats = scores.float().numpy()
        # NaN is both the minimum and the maximum of any array that contains it.
        if not (np.isfinite(values.min()) and np.isfinite(values.max())):
            raise failed("transformers", "the model computed scores that are not finite")
        if self._config.temperature == 0:
            return int(values.argmax())
        ids, weights = self.left(values)
        token = int(ids[_drawn(weights, float(torch.rand(1, generator=self._random, dtype=torch.float64)))])
        self._seen.add(token)
        return token

    def left(self, values: Floats) -> tuple[Ids, Floats]:
        """The ids that the filters leave, and the weight of each."""
        config = self._config
        if config.repetition_penalty != 1:
            values = self._penalised(values)
        first = values.argmax()
        with np.errstate(over="ignore"):
            values = values / np.float32(config.temperature)
        best = values[first]
        if not np.isfinite(best):
            # The temperature is so low that the division overflows.
            return np.array([first]), np.ones(1, np.float32)
        ids: Ids | None = None
        if 0 < config.top_k < len(values):
            ids = np.flatnonzero(values >= np.partition(values, -config.top_k)[-config.top_k])
            values = values[ids]
        weights: Floats = np.exp(values - best)
        if config.top_p < 1:
            places = _nucleus(values, weights, config.top_p)
            ids, weights = places if ids is None else ids[places], weights[places]
        return np.arange(len(weights)) if ids is None else ids, weights

    def _penalised(self, values: Floats) -> Floats:
        """Makes every id that has occurred less likely, whatever the sign of its score."""
        seen = np.fromiter(self._seen, np.intp, len(self._seen))
        penalty = np.float32(self._config.repetition_penalty)
        result = values.copy()
        scores = values[seen]
        result[seen] = np.where(scores < 0, scores * penalty, scores / penalty)
        return result


def _nucleus(values: Floats, weights: Floats, top_p: float) -> Ids:
    """The places of the fewest best ids that hold `top_p` of all weight; at least one."""
    wanted = top_p * weights.sum(dtype=np.float64)
    sure: list[Ids] = []
    weight = 0.0
    # The last of them is among these places. They are split by value until they are few enough to be sorted.
    places, own = np.arange(len(values)), values
    while len(own) > _FEW:
        limit = (own.min() + own.max()) / 2
        above = np.flatnonzero(own > limit)
        if not len(above):
            break
        better = places[above]
        more = weights[better].sum(dtype=np.float64)
        if weight + more >= wanted:
            places = better
        else:
            sure.append(better)
            weight += more
            places = places[np.flatnonzero(own <= limit)]
        own = values[places]
    # Of equal ones the last is first, as in the library.
    order = places[np.argsort(own, kind="stable")[::-1]]
    sums = weight + weights[order].cumsum(dtype=np.float64)
    return np.concatenate([*sure, order[: int(sums.searchsorted(wanted)) + 1]])


def _drawn(weights: Floats, share: float) -> int:
    """The place where the running sum of weights passes `share` (0 to below 1) of all; never one without weight."""
    # By parts: a running sum of a whole vocabulary takes as long as all the rest.
    starts = np.arange(0, len(weights), _FEW)
    sums = np.add.reduceat(weights, starts, dtype=np.float64).cumsum()
    point = share * sums[-1]
    part = min(int(sums.searchsorted(point, side="right")), len(sums) - 1)
    before = sums[part - 1] if part else 0.0
    start = starts[part]
    inside = before + weights[start : start + _FEW].cumsum(dtype=np.float64)
    # Summed in another order, the last sum may be slightly less: then take the last place with weight.
    return int(start + min(inside.searchsorted(point, side="right"), inside.argmax()))
