"""What a measurement asks for and what it finds, and both as plain objects. Measures nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Told in words what is being done, since a whole measurement takes minutes.
Progress = Callable[[str], None]


# The prompt of each of many conversations at once, in tokens.
SHORT_PROMPT = 64


@dataclass(frozen=True)
class Plan:
    """What is measured: prompts of these lengths, so many tokens after them, and so many conversations at once."""

    prompt_lengths: tuple[int, ...] = (64, 128, 512, 2048)
    decode_tokens: int = 48
    conversations: tuple[int, ...] = (4, 8)

    @property
    def longest(self) -> int:
        """Positions that the longest conversation takes."""
        return max(self.prompt_lengths) + self.decode_tokens


@dataclass(frozen=True)
class FirstToken:
    """Seconds from a prompt to the first token of its answer."""

    prompt_tokens: int
    seconds: float


@dataclass(frozen=True)
class Together:
    """The tokens of all conversations that are answered at once."""

    conversations: int
    tokens_per_second: float


@dataclass(frozen=True)
class RivalFigures:
    """One runtime on one shape; None is what was not measured. `tokens_per_second` is of one conversation's decoding,
    by the median over its tokens."""

    rival: str
    model: str
    layers: int
    threads: int
    weight_bytes: int
    tokens_per_second: float
    first_token: tuple[FirstToken, ...]
    together: tuple[Together, ...] = ()
    load_seconds: float | None = None
    peak_bytes: int | None = None

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def tokens_per_second(moments: Sequence[Sequence[float]]) -> float:
    """Of conversations answered at once, by the times of their tokens: from when the last has its first one."""
    begin, end = max(times[0] for times in moments), max(times[-1] for times in moments)
    return sum(1 for times in moments for moment in times if moment > begin) / (end - begin)


def figures_from(found: Mapping[str, Any]) -> RivalFigures:
    """The figures that `as_object` wrote."""
    first = tuple(FirstToken(**entry) for entry in found["first_token"])
    together = tuple(Together(**entry) for entry in found["together"])
    return RivalFigures(**{**found, "first_token": first, "together": together})


def plan_from(asked: Mapping[str, Any]) -> Plan:
    """The plan that `asdict` wrote."""
    return Plan(tuple(asked["prompt_lengths"]), asked["decode_tokens"], tuple(asked["conversations"]))
