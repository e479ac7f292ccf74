"""Speed and cost of the judged answers: time, tokens, memory and energy by model, and the time that a win takes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arena.recorded import Recorded
from arena.statistics import PairCount
from arena.votes.table import Column, Table, mixed


@dataclass(frozen=True)
class Cost:
    """The cost of a model at one precision.

    `answers` is the number of different judged answers; `seconds`, `tokens`, `tokens_per_second` (after the first
    token) and `joules` are medians, `peak_memory` is in bytes. None if not recorded.
    """

    model: str
    precision: str
    answers: int
    seconds: float | None = None
    tokens: float | None = None
    tokens_per_second: float | None = None
    peak_memory: int | None = None
    joules: float | None = None


@dataclass(frozen=True)
class PromptCost:
    """A prompt that `winner` won against `loser`, taking `times` the mean seconds of the loser."""

    prompt: str
    winner: str
    loser: str
    wins: int
    decisive: int
    times: float


def judged_answers(table: Table) -> pd.DataFrame:
    """The different answers that were judged, each once: model, precision, prompt, tokens and times."""
    is_first = ~pd.Series(mixed(np.tile(table["asked"], 2), _both(table, "answer"))).duplicated().to_numpy()
    columns = {name: _both(table, name)[is_first] for name in ("tokens", "first_token", "seconds", "joules")}
    codes = {name: _both(table, name) for name in ("model", "precision")} | {"prompt": np.tile(table["prompt"], 2)}
    for name, column in codes.items():
        columns[name] = np.array(table.names[name], dtype=object)[column[is_first]]
    return pd.DataFrame(columns)


def costs(answers: pd.DataFrame, memory: Mapping[tuple[str, str], int]) -> tuple[Cost, ...]:
    """The cost of each model. `memory` is the peak in bytes by model and precision."""
    after_first = answers["seconds"] - answers["first_token"]
    speed = ((answers["tokens"] - 1) / after_first).where((answers["tokens"] >= 2) & (after_first > 0))
    results = []
    for (model, precision), group in answers.assign(speed=speed).groupby(["model", "precision"]):
        medians = group[["seconds", "tokens", "speed", "joules"]].median()
        seconds, tokens, per_second, joules = (float(value) if math.isfinite(value) else None for value in medians)
        peak = memory.get((model, precision))
        results.append(Cost(model, precision, len(group), seconds, tokens, per_second, peak, joules))
    return tuple(results)


def peak_memory(answers: Iterable[Recorded]) -> dict[tuple[str, str], int]:
    """The peak memory in bytes recorded with the answers, by model and precision."""
    peaks: dict[tuple[str, str], int] = {}
    for answer in answers:
        if answer.memory:
            key = answer.side.model.id, answer.side.model.precision
            peaks[key] = max(answer.memory, peaks.get(key, 0))
    return peaks


def prompt_costs(answers: pd.DataFrame, by_prompt: Mapping[str, Iterable[PairCount]]) -> tuple[PromptCost, ...]:
    """The prompts of the set on which one of two models won more votes, with the time it took."""
    seconds = answers.groupby(["model", "prompt"])["seconds"].mean().to_dict()
    results = []
    for prompt, counts in by_prompt.items():
        for count in counts if prompt else ():
            if count.first_wins == count.second_wins:
                continue
            won = count if count.first_wins > count.second_wins else count.seen_from(count.second)
            # Unknown times are NaN, for which no comparison holds.
            more, less = (seconds.get((model, prompt), math.nan) for model in (won.first, won.second))
            if 0 < more < math.inf and 0 < less < math.inf and (times := more / less) < math.inf:
                results.append(PromptCost(prompt, won.first, won.second, won.first_wins, won.decisive, times))
    return tuple(results)


def _both(table: Table, name: str) -> Column:
    return np.concatenate([table[f"{name}_a"], table[f"{name}_b"]])
