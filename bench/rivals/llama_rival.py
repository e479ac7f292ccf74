"""Measures llama.cpp as the installed wheel has it, on a GGUF file. Knows nothing of what is in the file.

One conversation and many are two processes: the memory of many contexts is no part of what one takes.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from backends.machine.memory import process_bytes
from bench.child import run_module, serve
from bench.figures import (
    SHORT_PROMPT,
    FirstToken,
    Plan,
    Progress,
    RivalFigures,
    Together,
    figures_from,
    plan_from,
    tokens_per_second,
)
from bench.random_ids import cores, random_ids
from bench.rivals.llama_wheel import LlamaWheel, wheel_name
from bench.weights.shapes import Shape, shape_from


def measure_llama(shape: Shape, file: Path, plan: Plan, progress: Progress) -> RivalFigures:
    """Measures the file. Raises BackendError."""
    alone = _run(shape, file, replace(plan, conversations=()), progress)
    if not plan.conversations:
        return alone
    return replace(alone, together=measure_llama_together(shape, file, plan, progress).together)


def measure_llama_together(shape: Shape, file: Path, plan: Plan, progress: Progress) -> RivalFigures:
    """Only many at once, as many as the plan says; at least one. Raises BackendError."""
    return _run(shape, file, plan, progress)


def _run(shape: Shape, file: Path, plan: Plan, progress: Progress) -> RivalFigures:
    request = {"file": str(file.resolve()), "plan": asdict(plan), "shape": asdict(shape)}
    return figures_from(run_module(__name__, request, progress))


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own: one conversation after the other, or many at once, as the plan says."""
    shape, plan, file = shape_from(request["shape"]), plan_from(request["plan"]), Path(request["file"])
    most = max(plan.conversations, default=1)
    began = time.perf_counter()
    progress(f"llama.cpp loads {file.name} for {most} at once ...")
    llama = LlamaWheel(file, most, SHORT_PROMPT + plan.decode_tokens if plan.conversations else plan.longest)
    loaded = time.perf_counter() - began
    # Reads the weights once, so that the first figure is like the others.
    llama.times(random_ids(8, 0, shape.vocabulary), 2)
    speed = 0.0
    first: list[FirstToken] = []
    together: list[Together] = []
    if plan.conversations:
        together = [_together(llama, number, shape, plan, progress) for number in plan.conversations]
    else:
        speed, first = _alone(llama, shape, plan, progress)
    return RivalFigures(
        rival=wheel_name(),
        model=shape.id,
        layers=shape.layers,
        threads=cores(),
        weight_bytes=file.stat().st_size,
        tokens_per_second=speed,
        first_token=tuple(first),
        together=tuple(together),
        load_seconds=loaded,
        peak_bytes=process_bytes("VmHWM"),
    ).as_object()


def _alone(llama: LlamaWheel, shape: Shape, plan: Plan, progress: Progress) -> tuple[float, list[FirstToken]]:
    """Tokens a second after the shortest prompt, and the first token of each."""
    first = []
    for length in plan.prompt_lengths:
        progress(f"llama.cpp reads a prompt of {length} tokens ...")
        asked, answered = llama.times(random_ids(length, length, shape.vocabulary), 1)
        first.append(FirstToken(length, answered - asked))
    progress(f"llama.cpp writes {plan.decode_tokens} tokens ...")
    times = llama.times(random_ids(min(plan.prompt_lengths), 1, shape.vocabulary), plan.decode_tokens)[1:]
    steps = [after - before for before, after in pairwise(times)]
    return 1 / statistics.median(steps), first


def _together(llama: LlamaWheel, number: int, shape: Shape, plan: Plan, progress: Progress) -> Together:
    """Tokens a second of all, from when the last of them has its first one."""
    progress(f"llama.cpp answers {number} at once ...")
    prompts = [random_ids(SHORT_PROMPT, 100 + index, shape.vocabulary) for index in range(number)]
    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(lambda ids: llama.times(ids, plan.decode_tokens)[1:], prompts))
    return Together(number, tokens_per_second(found))


if __name__ == "__main__":
    serve(_measure)
