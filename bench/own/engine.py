"""Measures this project's engine on a packed folder. Knows ids, no text and no rivals.

One conversation, its turns, and many at once are processes of their own: the memory of one is no part of another's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.child import run_module, serve
from bench.figures import SHORT_PROMPT, FirstToken, Plan, Progress, plan_from, tokens_per_second
from bench.memory_watch import MemoryWatch
from bench.own.figures import (
    Alone,
    Companies,
    Company,
    OwnFigures,
    Turn,
    Turns,
    alone_from,
    companies_from,
    spread,
    turns_from,
)
from bench.own.opened import Answered, OwnEngine, at_once, kernels_name, new_scheduler
from bench.own.read_bound import read_bound
from bench.random_ids import random_ids
from bench.weights.subject import Subject

TURNS, TURN_TOKENS = 5, 64


def measure_own(subject: Subject, plan: Plan, progress: Progress) -> OwnFigures:
    """All of it. Raises BackendError."""
    bound = read_bound(progress)
    alone = alone_from(_run("alone", subject, plan, progress))
    turns = turns_from(_run("turns", subject, plan, progress))
    share = None if bound is None else alone.speed.median * subject.read_bytes / bound
    return OwnFigures(alone, turns, measure_company(subject, plan, progress), bound, share)


def measure_company(subject: Subject, plan: Plan, progress: Progress) -> Companies:
    """As many conversations at once as the plan says. Raises BackendError."""
    return companies_from(_run("company", subject, plan, progress))


def _run(what: str, subject: Subject, plan: Plan, progress: Progress) -> dict[str, Any]:
    request = {
        "what": what,
        "name": subject.name,
        "folder": subject.folder,
        "context_length": subject.context_length,
        "plan": asdict(plan),
        "asked": time.monotonic(),  # one clock for all processes
    }
    return run_module(__name__, request, progress)


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    watch, plan = MemoryWatch(), plan_from(request["plan"])
    progress(f"{request['name']} is opened ...")
    engine = OwnEngine(Path(request["folder"]), new_scheduler(), request["context_length"])
    ready = time.monotonic() - request["asked"]
    engine.warm_up()
    match request["what"]:
        case "alone":
            return asdict(_alone(engine, plan, ready, watch, progress))
        case "turns":
            return asdict(Turns(_turns(engine, progress), watch.end()))
    together = tuple(_together(engine, number, plan, progress) for number in plan.conversations)
    return asdict(Companies(together, watch.end()))


def _alone(engine: OwnEngine, plan: Plan, ready: float, watch: MemoryWatch, progress: Progress) -> Alone:
    """The first token of each prompt, and the speed after the shortest."""
    import torch

    first = []
    for length in plan.prompt_lengths:
        progress(f"A prompt of {length} tokens is read ...")
        found = engine.answer(random_ids(length, length, engine.vocabulary), 1)
        first.append(FirstToken(length, found.first_seconds))
        engine.forget()
    progress(f"{plan.decode_tokens} tokens are written ...")
    found = engine.answer(random_ids(min(plan.prompt_lengths), 1, engine.vocabulary), plan.decode_tokens)
    return Alone(kernels_name(), torch.get_num_threads(), ready, spread(found.steps), tuple(first), watch.end())


def _turns(engine: OwnEngine, progress: Progress) -> tuple[Turn, ...]:
    """Each turn adds a question and the answer to it."""
    talk: list[int] = []
    turns = []
    for number in range(TURNS):
        progress(f"Turn {number + 1} of one conversation ...")
        talk += random_ids(TURN_TOKENS, 50 + number, engine.vocabulary)
        found = engine.answer(talk, TURN_TOKENS)
        turns.append(Turn(len(talk), found.kept, found.first_seconds))
        talk += found.ids
    engine.forget()
    return tuple(turns)


def _together(engine: OwnEngine, number: int, plan: Plan, progress: Progress) -> Company:
    progress(f"{number} at once are answered ...")
    prompts = [random_ids(SHORT_PROMPT, 100 + index, engine.vocabulary) for index in range(number)]
    found = at_once([partial(engine.answer, ids, plan.decode_tokens) for ids in prompts])
    engine.forget()
    speed = tokens_per_second([one.moments for one in found])
    return Company(number, speed, spread(_common_steps(found), number))


def _common_steps(found: Sequence[Answered]) -> list[float]:
    """Seconds of the steps in which all were being answered."""
    begin, end = max(one.moments[0] for one in found), min(one.moments[-1] for one in found)
    pairs = [pair for one in found for pair in zip(one.moments[1:], one.steps, strict=True)]
    common = [step for moment, step in pairs if begin < moment <= end]
    # With very short answers none may be left: then all count.
    return common if len(common) > 1 else [step for _, step in pairs]


if __name__ == "__main__":
    serve(_measure)
