"""Speed and cost of the judged answers: time, tokens and memory by model, and the time that a win takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arena.answers import Recorded
from arena.results.selection import Column
from arena.statistics import PairCount
from arena.votes.table import Table, mixed


@dataclass(frozen=True)
class Cost:
    """The cost of a model at one precision.

    `answers` is the number of different judged answers; `seconds`, `tokens` and `tokens_per_second` (after the first
    token) are medians, `peak_memory` is in bytes. None if not recorded.
    """

    model: str
    precision: str
    answers: int
    seconds: float | None = None
    tokens: float | None = None
    tokens_per_second: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True)
class PromptCost:
    """A prompt that `winner` won against `loser`, taking `times` the mean seconds of the loser."""

    prompt: str
    winner: str
    loser: str
    wins: int
    decisive: int
    times: float


class Answers:
    """The different answers that were judged, each once."""

    def __init__(self, table: Table) -> None:
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
    """The cost of each model. `memory` is the peak in bytes by model and precision."""
    frame, names = answers.frame.copy(), answers.names
    after_first = frame["seconds"] - frame["first_token"]
    frame["speed"] = ((frame["tokens"] - 1) / after_first).where((frame["tokens"] >= 2) & (after_first > 0))
    results = []
    for codes, group in frame.groupby(["model", "precision"], sort=False):
        key = names["model"][codes[0]], names["precision"][codes[1]]
        medians = group[["seconds", "tokens", "speed"]].median()
        seconds, tokens, speed = (float(value) if math.isfinite(value) else None for value in medians)
        results.append(Cost(*key, len(group), seconds, tokens, speed, memory.get(key)))
    return tuple(sorted(results, key=lambda cost: (cost.model, cost.precision)))


def peak_memory(answers: Iterable[Recorded]) -> dict[tuple[str, str], int]:
    """The peak memory in bytes recorded with the answers, by model and precision."""
    peaks: dict[tuple[str, str], int] = {}
    for answer in answers:
        if answer.memory:
            key = answer.side.model.id, answer.side.model.precision
            peaks[key] = max(answer.memory, peaks.get(key, 0))
    return peaks


def prompt_costs(answers: Answers, by_prompt: Mapping[str, Iterable[PairCount]]) -> tuple[PromptCost, ...]:
    """The prompts of the set on which one of two models won more votes, with the time it took."""
    means = answers.frame.groupby(["model", "prompt"])["seconds"].mean().to_dict()
    models, prompts = answers.names["model"], answers.names["prompt"]
    seconds = {(models[model], prompts[prompt]): float(value) for (model, prompt), value in means.items()}
    results = []
    for prompt, counts in by_prompt.items():
        for count in counts if prompt else ():
            if count.first_wins == count.second_wins:
                continue
            won = count if count.first_wins > count.second_wins else count.seen_from(count.second)
            times = _ratio(seconds.get((won.first, prompt)), seconds.get((won.second, prompt)))
            if times is not None:
                results.append(PromptCost(prompt, won.first, won.second, won.first_wins, won.decisive, times))
    return tuple(results)


def _ratio(more: float | None, less: float | None) -> float | None:
    if more is None or less is None or not (math.isfinite(more) and math.isfinite(less)) or less <= 0 or more <= 0:
        return None
    return more / less if math.isfinite(more / less) else None


def _both(table: Table, name: str) -> Column:
    return np.concatenate([table[f"{name}_a"], table[f"{name}_b"]])
