"""The reference job done by a rival, on random weights. Knows how long prompts and answers are, not what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.machine.memory import process_bytes
from bench.child import run_module, serve
from bench.figures import Progress
from bench.job import JobAnswer, JobFigures, Task
from bench.random_ids import cores
from bench.rivals.llama_wheel import LlamaWheel, wheel_name
from bench.rivals.transformers_rival import check_room
from bench.weights.random_model import random_model, step, transformers_name
from bench.weights.shapes import Shape, shape_from

# Seconds to the first token, and to the last.
Ask = Callable[[Sequence[int], int], tuple[float, float]]


def llama_job(shape: Shape, file: Path, job: Sequence[Task], progress: Progress) -> JobFigures:
    """The job on llama.cpp with the GGUF file. Raises BackendError."""
    return _run({"shape": asdict(shape), "job": _told(job), "file": str(file.resolve())}, progress)


def transformers_job(shape: Shape, job: Sequence[Task], progress: Progress) -> JobFigures:
    """The job on transformers in bf16. Raises BackendError, at once where memory is short."""
    check_room(shape)
    return _run({"shape": asdict(shape), "job": _told(job), "file": None}, progress)


def _told(job: Sequence[Task]) -> list[dict[str, Any]]:
    return [asdict(task) for task in job]


def _run(request: Mapping[str, Any], progress: Progress) -> JobFigures:
    found = run_module(__name__, request, progress)
    return JobFigures(**{**found, "answers": tuple(JobAnswer(**answer) for answer in found["answers"])})


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    shape, file = shape_from(request["shape"]), request["file"]
    job = [Task(**task) for task in request["job"]]
    began = time.perf_counter()
    progress(f"{'llama.cpp' if file else 'transformers'} loads {shape.name} ...")
    name, ask = _llama(Path(file), job) if file else _transformers(shape)
    loaded = time.perf_counter() - began
    ask(job[0].ids[:8], 2)  # what is done once is no part of a figure
    answers = []
    for task in job:
        first, seconds = ask(task.ids, task.answer_tokens)
        answers.append(JobAnswer(task.prompt_id, len(task.ids), task.answer_tokens, first, seconds))
        progress(f"{name}: {task.prompt_id}, {task.answer_tokens} tokens in {seconds:.1f} s")
    total = sum(answer.seconds for answer in answers)
    peak = process_bytes("VmHWM")
    return asdict(JobFigures(name, shape.id, shape.layers, cores(), loaded, total, peak, tuple(answers)))


def _llama(file: Path, job: Sequence[Task]) -> tuple[str, Ask]:
    llama = LlamaWheel(file, 1, max(len(task.ids) + task.answer_tokens for task in job))

    def ask(ids: Sequence[int], tokens: int) -> tuple[float, float]:
        times = llama.times(ids, tokens)
        return times[1] - times[0], times[-1] - times[0]

    return wheel_name(), ask


def _transformers(shape: Shape) -> tuple[str, Ask]:
    model = random_model(shape)

    def ask(ids: Sequence[int], tokens: int) -> tuple[float, float]:
        first, others = step(model, ids, tokens - 1)
        return first, first + sum(others)

    return transformers_name(), ask


if __name__ == "__main__":
    serve(_measure)
