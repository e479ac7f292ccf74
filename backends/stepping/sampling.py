"""Choosing the next id by the scores of all. Knows no model.

The filters are those of transformers, in its order, without sorting a whole vocabulary where a few ids decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from arena.errors import BackendError
from arena.types import GenerationConfig

Floats = NDArray[np.float32]
Ids = NDArray[np.intp]
# The best ids that are sorted first; nearly always they hold the mass that top_p asks for.
_FEW = 1024


class Sampler:
    """Chooses the next id. Temperature 0 is the best one and nothing else: no penalty, no filter.

    A seed gives the same choices whatever else runs: the random numbers are of its own.
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
        """The id chosen. Raises BackendError for scores that are no numbers."""
        values: Floats = scores.float().numpy()
        # Not a number is the least and the most of all that it is among.
        if not (np.isfinite(values.min()) and np.isfinite(values.max())):
            reason = "the model computed numbers that are none"
            raise BackendError("backend_failed", f"transformers failed: {reason}", reason=reason)
        if self._config.temperature == 0:
            return int(values.argmax())
        ids, chances = self.chances(values)
        sums = chances.cumsum()
        point = float(torch.rand(1, generator=self._random, dtype=torch.float64)) * sums[-1]
        # The first whose sum is beyond the point: never one without any chance.
        token = int(ids[min(int(sums.searchsorted(point, side="right")), len(ids) - 1)])
        self._seen.add(token)
        return token

    def chances(self, values: Floats) -> tuple[Ids, NDArray[np.float64]]:
        """The ids that the filters leave, and how likely each of them is."""
        config = self._config
        if config.repetition_penalty != 1:
            values = self._penalised(values)
        with np.errstate(over="ignore"):
            values = values / np.float32(config.temperature)
        best = values.max()
        if not np.isfinite(best):
            # So cold that the scores are beyond all numbers.
            return np.array([values.argmax()]), np.ones(1)
        ids: Ids = np.arange(len(values))
        if 0 < config.top_k < len(values):
            ids = np.flatnonzero(values >= np.partition(values, -config.top_k)[-config.top_k])
            values = values[ids]
        weights: Floats = np.exp(values - best)
        if config.top_p < 1:
            kept = _nucleus(values, weights, config.top_p)
            ids, weights = ids[kept], weights[kept]
        return ids, weights / weights.sum(dtype=np.float64)

    def _penalised(self, values: Floats) -> Floats:
        """Every id said so far, once, whatever its score's sign is made less likely."""
        seen = np.fromiter(self._seen, np.intp, len(self._seen))
        penalty = np.float32(self._config.repetition_penalty)
        result = values.copy()
        said = values[seen]
        result[seen] = np.where(said < 0, said * penalty, said / penalty)
        return result


def _nucleus(values: Floats, weights: Floats, top_p: float) -> Ids:
    """The places of the fewest best that hold `top_p` of all weight, at least one."""
    wanted = top_p * weights.sum(dtype=np.float64)
    if len(values) > _FEW:
        # Those at the limit are left out, so that of equal ones all or none are in.
        few = np.flatnonzero(values > np.partition(values, -_FEW)[-_FEW])
        order, sums = _best_first(values, weights, few)
        if len(sums) and sums[-1] >= wanted:
            return order[: int(sums.searchsorted(wanted)) + 1]
    order, sums = _best_first(values, weights, np.arange(len(values)))
    return order[: int(sums.searchsorted(wanted)) + 1]


def _best_first(values: Floats, weights: Floats, places: Ids) -> tuple[Ids, NDArray[np.float64]]:
    """Some places by their values, of equal ones the last first as in the library, and the sums of their weights."""
    order = places[np.argsort(values[places], kind="stable")[::-1]]
    return order, weights[order].cumsum(dtype=np.float64)
