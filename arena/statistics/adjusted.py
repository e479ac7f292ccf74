"""Interim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arena.statistics.sequential import Interval

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Effect:
    difference: float
    interval: Interval
    p: float


@dataclass(frozen=True)
class Adjusted:
    share: float | None
    interval: Interval | None
    effects: Mapping[str, Effect]
    confounded: Mapping[str, float]


def adjust(score: Any, rater: Any, covariates: Any) -> Adjusted | None:
    return None


def swayed_by(adjusted: Adjusted) -> tuple[str, ...]:
    return ()
