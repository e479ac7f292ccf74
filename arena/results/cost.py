"""What the answers cost beside how they were liked. Knows no vote's outcome but as it is counted for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.answers import Recorded
from arena.statistics import PairCount
from arena.votes.table import Table, mixed

if TYPE_CHECKING:
    from arena.votes.table import Column


@dataclass(frozen=True)
class Cost:
    """A model at one precision: how many different answers were judged, the medians of their seconds, tokens and tokens
    per second after the first, and the most bytes of memory, each None where nobody noted it."""

    model: str
    precision: str
    answers: int
    seconds: float | None = None
    tokens: float | None = None
    tokens_per_second: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True)
class PromptCost:
    """A prompt that `winner` won against `loser`; its mean seconds there are `times` those of the loser."""

    prompt: str
    winner: str
    loser: str
    wins: int
    decisive: int
    times: float


class Answers:
    """The different answers that were judged: each counts once, however often it was."""

    def __init__(self, table: Table) -> None:
        import pandas as pd

        asked = pd.concat([pd.Series(table["asked"])] * 2)
        prompt = pd.concat([pd.Series(table["prompt"])] * 2)
        columns = {name: _both(table, name) for name in ("model", "precision", "tokens", "first_token", "seconds")}
        key = mixed(asked.to_numpy(), _both(table, "answer"))
        first = ~pd.Series(key).duplicated().to_numpy()
        self.names = table.names
        self.frame = pd.DataFrame(
            {"prompt": prompt.to_numpy()[first], **{name: column[first] for name, column in columns.items()}}
        )


def costs(answers: Answers, memory: Mapping[tuple[str, str], int]) -> tuple[Cost, ...]:
    """Each model's cost. `memory` is by model and precision."""
    frame, names = answers.frame.copy(), answers.names
    after_first = frame["seconds"] - frame["first_token"]
    frame["speed"] = ((frame["tokens"] - 1) / after_first).where((frame["tokens"] >= 2) & (after_first > 0))
    found = []
    for (model, precision), some in frame.groupby(["model", "precision"], sort=False):
        name, told = names["model"][model], names["precision"][precision]
        medians = some[["seconds", "tokens", "speed"]].median()
        seconds, tokens, speed = (float(value) if math.isfinite(value) else None for value in medians)
        found.append(Cost(name, told, len(some), seconds, tokens, speed, memory.get((name, told))))
    return tuple(sorted(found, key=lambda cost: (cost.model, cost.precision)))


def peak_memory(answers: Iterable[Recorded]) -> dict[tuple[str, str], int]:
    """The most that a process had at the end of one of the recorded answers, by model and precision."""
    found: dict[tuple[str, str], int] = {}
    for one in answers:
        if one.memory:
            key = one.side.model.id, one.side.model.precision
            found[key] = max(one.memory, found.get(key, 0))
    return found


def prompt_costs(answers: Answers, by_prompt: Mapping[str, Iterable[PairCount]]) -> tuple[PromptCost, ...]:
    """The prompts of the set on which one of two models won more votes, with what it took to win."""
    means = answers.frame.groupby(["model", "prompt"])["seconds"].mean().to_dict()
    models, prompts = answers.names["model"], answers.names["prompt"]
    seconds = {(models[model], prompts[prompt]): float(value) for (model, prompt), value in means.items()}
    found = []
    for prompt, counts in by_prompt.items():
        for count in counts if prompt else ():
            if count.first_wins == count.second_wins:
                continue
            won = count if count.first_wins > count.second_wins else count.seen_from(count.second)
            times = _ratio(seconds.get((won.first, prompt)), seconds.get((won.second, prompt)))
            if times is not None:
                found.append(PromptCost(prompt, won.first, won.second, won.first_wins, won.decisive, times))
    return tuple(found)


def _ratio(more: float | None, less: float | None) -> float | None:
    if more is None or less is None or not (math.isfinite(more) and math.isfinite(less)) or less <= 0 or more <= 0:
        return None
    return more / less if math.isfinite(more / less) else None


def _both(table: Table, name: str) -> Column:
    import numpy as np

    return np.concatenate([table[f"{name}_a"], table[f"{name}_b"]])
