"""Measures transformers in bf16 with random weights at a model's real shape. Knows no checkpoint."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict
from typing import Any

from arena.errors import BackendError
from backends.machine.memory import available_bytes, process_bytes
from bench.child import run_module, serve
from bench.figures import FirstToken, Plan, Progress, RivalFigures, figures_from, plan_from
from bench.random_ids import cores, random_ids
from bench.weights.random_model import random_model, step, transformers_name
from bench.weights.shapes import Shape, shape_from

# Beside the weights: the libraries, the cache, and what the longest prompt needs on its way.
OVERHEAD_BYTES = 2_000_000_000


def measure_transformers(shape: Shape, plan: Plan, progress: Progress) -> RivalFigures:
    """Measures the shape, one conversation at a time. Raises BackendError, at once where memory is short."""
    check_room(shape)
    return figures_from(run_module(__name__, {"shape": asdict(shape), "plan": asdict(plan)}, progress))


def check_room(shape: Shape) -> None:
    """Raises BackendError if the weights do not fit into what is free."""
    needed, free = 2 * shape.parameters + OVERHEAD_BYTES, available_bytes()
    if free is not None and needed > free:
        figures = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB is free"
        raise BackendError("bench_failed", f"{shape.name} in bf16 on transformers needs {figures}.")


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    shape, plan = shape_from(request["shape"]), plan_from(request["plan"])
    began = time.perf_counter()
    progress(f"transformers gets {2 * shape.parameters / 1e9:.1f} GB of random weights for {shape.name} ...")
    model = random_model(shape)
    loaded = time.perf_counter() - began
    step(model, random_ids(8, 0, shape.vocabulary), 2)  # what the library does once is no part of a figure
    first = []
    for length in plan.prompt_lengths:
        progress(f"transformers reads a prompt of {length} tokens ...")
        first.append(FirstToken(length, step(model, random_ids(length, length, shape.vocabulary), 0)[0]))
    progress(f"transformers writes {plan.decode_tokens} tokens ...")
    prompt = random_ids(min(plan.prompt_lengths), 1, shape.vocabulary)
    seconds = step(model, prompt, plan.decode_tokens)[1]
    return RivalFigures(
        rival=transformers_name(),
        model=shape.id,
        layers=shape.layers,
        threads=cores(),
        weight_bytes=sum(weight.nbytes for weight in model.parameters()),
        tokens_per_second=1 / statistics.median(seconds),
        first_token=tuple(first),
        load_seconds=loaded,
        peak_bytes=process_bytes("VmHWM"),
    ).as_object()


if __name__ == "__main__":
    serve(_measure)
