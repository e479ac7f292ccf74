"""Samples the next token id from the scores of all ids, by the filters of transformers in its order."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from arena.generation_config import GenerationConfig
from backends.streaming.generation import failed

Floats = NDArray[np.float32]
Ids = NDArray[np.intp]


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
        with np.errstate(over="ignore"):
            # At a temperature near zero all but the best become minus infinity.
            values = (values - values.max()) / np.float32(config.temperature)
        ids = np.arange(len(values))
        if 0 < config.top_k < len(values):
            ids = np.flatnonzero(values >= np.partition(values, -config.top_k)[-config.top_k])
            values = values[ids]
        weights: Floats = np.exp(values)
        if config.top_p < 1:
            places = _nucleus(weights, config.top_p)
            ids, weights = ids[places], weights[places]
        return ids, weights

    def _penalised(self, values: Floats) -> Floats:
        """Makes every id that has occurred less likely, whatever the sign of its score."""
        seen = np.fromiter(self._seen, np.intp, len(self._seen))
        penalty = np.float32(self._config.repetition_penalty)
        result = values.copy()
        scores = values[seen]
        result[seen] = np.where(scores < 0, scores * penalty, scores / penalty)
        return result


def _nucleus(weights: Floats, top_p: float) -> Ids:
    """The places of the fewest best ids that hold `top_p` of all weight; at least one."""
    falling = np.sort(weights)[::-1]
    sums = falling.cumsum(dtype=np.float64)
    count = int(sums.searchsorted(top_p * sums[-1])) + 1
    least = falling[count - 1]
    above = np.flatnonzero(weights > least)
    # Of equal ones the last is first, as in the library.
    return np.concatenate([above, np.flatnonzero(weights == least)[len(above) - count :]])


def _drawn(weights: Floats, share: float) -> int:
    """The place where the running sum of weights passes `share` (0 to below 1) of all; never one without weight."""
    sums = weights.cumsum(dtype=np.float64)
    # Rounding may make the product the whole sum: then the last place with weight.
    return int(min(sums.searchsorted(share * sums[-1], side="right"), sums.searchsorted(sums[-1])))
