"""Measures both models in one process, as the page has them: two panes at once, and all of both contexts in memory.

Knows ids, no text and no rivals.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.child import run_module, serve
from bench.figures import Progress
from bench.memory_watch import MemoryWatch, Peak
from bench.own.opened import Answered, OwnEngine, at_once, new_scheduler
from bench.random_ids import random_ids
from bench.weights.subject import Subject


@dataclass(frozen=True)
class BothPlan:
    """A prompt and an answer in each pane; and the context that both fill at once to see what memory they take.

    `rounds` times at once and one after the other by turns, since a machine is not equally fast at all times.
    """

    prompt_tokens: int = 128
    answer_tokens: int = 64
    context_length: int = 2048
    rounds: int = 3


@dataclass(frozen=True)
class Pane:
    """One model's answer: seconds to the first token and to the last."""

    model: str
    first_token_seconds: float
    seconds: float


@dataclass(frozen=True)
class BothFigures:
    """`together` and `in_turn` are the same two answers, at once and one after the other; seconds are of both.

    All are medians of the rounds; `ratios` has the seconds at once by those in turn, round for round. `panes_peak` is
    what the panes alone took, `peak` with both contexts full.
    """

    ready_seconds: float
    together: tuple[Pane, ...]
    together_seconds: float
    in_turn: tuple[Pane, ...]
    in_turn_seconds: float
    ratios: tuple[float, ...]
    panes_peak: Peak
    peak: Peak


def measure_both(subjects: Sequence[Subject], plan: BothPlan, progress: Progress) -> BothFigures:
    """Raises BackendError."""
    request = {
        "models": [{"name": subject.name, "folder": subject.folder} for subject in subjects],
        "plan": asdict(plan),
    }
    panes = run_module(__name__, {**request, "what": "panes", "asked": time.monotonic()}, progress)
    full = run_module(__name__, {**request, "what": "full", "asked": time.monotonic()}, progress)
    return BothFigures(
        ready_seconds=panes["ready_seconds"],
        together=_panes(panes["together"]),
        together_seconds=panes["together_seconds"],
        in_turn=_panes(panes["in_turn"]),
        in_turn_seconds=panes["in_turn_seconds"],
        ratios=tuple(panes["ratios"]),
        panes_peak=Peak(**panes["peak"]),
        peak=Peak(**full["peak"]),
    )


def _panes(found: Sequence[Mapping[str, Any]]) -> tuple[Pane, ...]:
    return tuple(Pane(**entry) for entry in found)


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    watch, scheduler, plan = MemoryWatch(), new_scheduler(), BothPlan(**request["plan"])
    names = [model["name"] for model in request["models"]]
    progress(f"{' and '.join(names)} are opened ...")
    folders = [Path(model["folder"]) for model in request["models"]]
    engines = [OwnEngine(folder, scheduler, plan.context_length) for folder in folders]
    ready = time.monotonic() - request["asked"]
    for engine in engines:
        engine.warm_up()
    if request["what"] == "full":
        progress(f"Both contexts of {plan.context_length:,} tokens are filled at once ...")
        _ask(engines, plan.context_length - plan.answer_tokens, plan.answer_tokens)
        return {"peak": asdict(watch.end())}
    rounds = [_round(engines, plan, number, progress) for number in range(plan.rounds)]
    return {
        "ready_seconds": ready,
        **_medians(names, "together", [one["together"] for one in rounds]),
        **_medians(names, "in_turn", [one["in_turn"] for one in rounds]),
        "ratios": [one["together"].seconds / one["in_turn"].seconds for one in rounds],
        "peak": asdict(watch.end()),
    }


@dataclass(frozen=True)
class _Asked:
    """Both models' answers, and the seconds until the last of them."""

    found: Sequence[Answered]
    seconds: float


def _round(engines: Sequence[OwnEngine], plan: BothPlan, number: int, progress: Progress) -> dict[str, _Asked]:
    progress(f"Round {number + 1} of {plan.rounds}: {plan.prompt_tokens} tokens read, {plan.answer_tokens} written ...")
    together = _timed(lambda: _ask(engines, plan.prompt_tokens, plan.answer_tokens))
    turns = [partial(_ask, [engine], plan.prompt_tokens, plan.answer_tokens) for engine in engines]
    return {"together": together, "in_turn": _timed(lambda: [turn()[0] for turn in turns])}


def _timed(function: Callable[[], Sequence[Answered]]) -> _Asked:
    began = time.perf_counter()
    found = function()
    return _Asked(found, time.perf_counter() - began)


def _medians(names: Sequence[str], name: str, asked: Sequence[_Asked]) -> dict[str, Any]:
    panes = [
        Pane(
            model,
            statistics.median(one.found[number].first_seconds for one in asked),
            statistics.median(one.found[number].seconds for one in asked),
        )
        for number, model in enumerate(names)
    ]
    seconds = statistics.median(one.seconds for one in asked)
    return {name: [asdict(pane) for pane in panes], f"{name}_seconds": seconds}


def _ask(engines: Sequence[OwnEngine], prompt: int, tokens: int) -> list[Answered]:
    """All of them at once."""
    calls = [partial(engine.answer, random_ids(prompt, 1, engine.vocabulary), tokens) for engine in engines]
    found = at_once(calls)
    for engine in engines:
        engine.forget()
    return found


if __name__ == "__main__":
    serve(_measure)
