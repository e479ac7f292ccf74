"""All rivals on one shape, one by one; one that cannot be measured does not end the others. Knows no engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from arena.errors import BackendError
from bench.figures import Plan, Progress, RivalFigures
from bench.job import JobFigures, Task
from bench.rivals.job import llama_job
from bench.rivals.llama_bin import measure_llama_bin
from bench.rivals.llama_rival import measure_llama, measure_llama_together
from bench.rivals.transformers_rival import measure_transformers
from bench.room import check_disk
from bench.weights.random_gguf import random_gguf
from bench.weights.shapes import Shape

T = TypeVar("T")
# Of a GGUF file a weight, with room for the head's wider ones.
_BYTES_A_WEIGHT = 0.65


@dataclass(frozen=True)
class Missing:
    """A rival that was not measured, and why."""

    rival: str
    reason: str


@dataclass(frozen=True)
class Rivals:
    """What was found of each."""

    figures: tuple[RivalFigures, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class RivalJob:
    """llama.cpp's job, or why there is none."""

    job: JobFigures | None = None
    missing: tuple[Missing, ...] = ()


def measure_rivals(shape: Shape | None, plan: Plan, work: Path, llama_bin: Path | None, progress: Progress) -> Rivals:
    """llama.cpp as a wheel and as the user has built it, and transformers. Raises InputError."""
    return _collected(
        shape,
        {
            "llama.cpp": lambda known: measure_llama(known, gguf_of(known, work, progress), plan, progress),
            "llama-bench": lambda known: measure_llama_bin(
                llama_bin, known, gguf_of(known, work, progress), plan, progress
            ),
            "transformers": lambda known: measure_transformers(known, plan, progress),
        },
    )


def measure_many(shape: Shape | None, plan: Plan, work: Path, llama_bin: Path | None, progress: Progress) -> Rivals:
    """llama.cpp with many conversations at once, as a wheel and as the user has built it. Raises InputError."""
    # The user's own reads a prompt in any case; one is enough.
    short = replace(plan, prompt_lengths=plan.prompt_lengths[:1])
    return _collected(
        shape,
        {
            "llama.cpp": lambda known: measure_llama_together(known, gguf_of(known, work, progress), plan, progress),
            "llama-bench": lambda known: measure_llama_bin(
                llama_bin, known, gguf_of(known, work, progress), short, progress
            ),
        },
    )


def measure_job(shape: Shape | None, tasks: tuple[Task, ...], work: Path, progress: Progress) -> RivalJob:
    """The job on llama.cpp as a wheel, one question after the other."""
    if shape is None:
        return RivalJob(missing=(_shapeless("llama.cpp"),))
    try:
        return RivalJob(llama_job(shape, gguf_of(shape, work, progress), tasks, progress))
    except BackendError as error:
        return RivalJob(missing=(Missing("llama.cpp", str(error)),))


def gguf_of(shape: Shape, work: Path, progress: Progress) -> Path:
    """llama.cpp's file of random weights below `work`. Raises InputError or BackendError."""
    # A file that is there needs no room.
    if not any(work.glob(f"{shape.id}-{shape.layers}-layers-random-q4_0.gguf")):
        check_disk(work, int(shape.parameters * _BYTES_A_WEIGHT))
    return random_gguf(shape, work, progress)


def _collected(shape: Shape | None, measures: dict[str, Callable[[Shape], RivalFigures | None]]) -> Rivals:
    if shape is None:
        return Rivals(missing=tuple(map(_shapeless, measures)))
    figures, missing = [], []
    for name, measure in measures.items():
        try:
            if found := measure(shape):
                figures.append(found)
        except BackendError as error:
            missing.append(Missing(name, str(error)))
    return Rivals(tuple(figures), tuple(missing))


def _shapeless(name: str) -> Missing:
    return Missing(name, "it is measured on the shapes of the two families alone")
