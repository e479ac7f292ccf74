"""How far a rounded model is from the one it was made of. Knows no schemes and no files, only functions to logits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

# Token ids of one text to scores [len(ids), vocabulary] of what follows each.
Logits = Callable[[Sequence[int]], torch.Tensor]


@dataclass(frozen=True)
class Quality:
    """Over all positions: mean KL(reference || other) in nats, share of equal best tokens, the other's perplexity."""

    positions: int
    kl: float
    agreement: float
    perplexity: float


@dataclass(frozen=True)
class Sums:
    """What `Quality` is the mean of; those of several texts add up."""

    positions: int = 0
    guesses: int = 0
    divergence: float = 0.0
    agreed: int = 0
    surprise: float = 0.0

    def __add__(self, more: Sums) -> Sums:
        return Sums(
            self.positions + more.positions,
            self.guesses + more.guesses,
            self.divergence + more.divergence,
            self.agreed + more.agreed,
            self.surprise + more.surprise,
        )

    def means(self) -> Quality:
        """The same per position; NaN where there was none."""
        if not self.positions or not self.guesses:
            return Quality(self.positions, math.nan, math.nan, math.nan)
        perplexity = math.exp(self.surprise / self.guesses)
        return Quality(self.positions, self.divergence / self.positions, self.agreed / self.positions, perplexity)


def compare(reference: Logits, other: Logits, sequences: Sequence[Sequence[int]]) -> Sums:
    """Both functions on the same texts."""
    return sum((_compare_one(reference(ids), other(ids), ids) for ids in sequences), Sums())


def _compare_one(reference: torch.Tensor, other: torch.Tensor, ids: Sequence[int]) -> Sums:
    ours, theirs = (logits.float().log_softmax(-1) for logits in (reference, other))
    # A text's last position has no next token and does not count as a guess.
    following = torch.tensor(list(ids[1:]), dtype=torch.long)[:, None]
    return Sums(
        positions=len(ids),
        guesses=len(ids) - 1,
        divergence=float((ours.exp() * (ours - theirs)).sum(dtype=torch.float64)),
        agreed=int((ours.argmax(-1) == theirs.argmax(-1)).sum()),
        surprise=-float(theirs[:-1].gather(1, following).sum(dtype=torch.float64)),
    )
