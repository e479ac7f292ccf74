"""What is found of this project's own engine, and both ways as plain objects. Measures nothing itself."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import FirstToken
from bench.memory_watch import Peak

OWN = "this engine"


@dataclass(frozen=True)
class Spread:
    """Tokens a second: by the median over the steps, and at the slowest and quickest tenth of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Alone:
    """One conversation at a time. `ready_seconds` counts from the start of the process."""

    kernels: str
    threads: int
    ready_seconds: float
    speed: Spread
    first_token: tuple[FirstToken, ...]
    peak: Peak


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation: the whole prompt, how much of it was still there, and the first token."""

    prompt_tokens: int
    kept_tokens: int
    seconds: float


@dataclass(frozen=True)
class Turns:
    """The turns of one conversation."""

    turns: tuple[Turn, ...]
    peak: Peak


@dataclass(frozen=True)
class Company:
    """Conversations answered at once: the tokens a second of all, and how it varied while all were answered."""

    conversations: int
    tokens_per_second: float
    speed: Spread


@dataclass(frozen=True)
class Companies:
    """The same for several numbers of them, in one process."""

    together: tuple[Company, ...]
    peak: Peak


@dataclass(frozen=True)
class OwnFigures:
    """This engine on one model; `bound_bytes` is what the machine reads in a second, None without our kernels."""

    alone: Alone
    turns: Turns
    company: Companies
    bound_bytes: float | None
    bound_share: float | None


def spread(seconds: Sequence[float], tokens: int = 1) -> Spread:
    """The speed of steps that took so long and gave so many tokens each."""
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return Spread(tokens / statistics.median(seconds), tokens / tenths[-1], tokens / tenths[0])


def alone_from(found: Mapping[str, Any]) -> Alone:
    """What `asdict` wrote."""
    first = tuple(FirstToken(**entry) for entry in found["first_token"])
    return Alone(**{**found, "speed": Spread(**found["speed"]), "first_token": first, "peak": Peak(**found["peak"])})


def turns_from(found: Mapping[str, Any]) -> Turns:
    """The same."""
    return Turns(tuple(Turn(**entry) for entry in found["turns"]), Peak(**found["peak"]))


def companies_from(found: Mapping[str, Any]) -> Companies:
    """The same."""
    together = tuple(Company(**{**entry, "speed": Spread(**entry["speed"])}) for entry in found["together"])
    return Companies(together, Peak(**found["peak"]))
