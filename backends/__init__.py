"""Opens models as backends."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from arena.errors import InputError
from arena.types import Backend, ModelSpec
from backends.streaming.loading import BackgroundLoad

if TYPE_CHECKING:
    from backends.models.budget import MemoryBudget
    from backends.stepping.scheduler import Scheduler

# By source, precision, adapter and context.
Loads = dict[tuple[str, str, str, int], BackgroundLoad[Any]]


def open_backends(specs: Sequence[ModelSpec]) -> list[Backend]:
    """A backend for each model, none of them loaded yet. Models from the same file or folder share an engine.

    Of more than two models, those that nobody uses are unloaded when another needs their memory. Two must fit beside
    each other: they answer at the same time. Raises InputError for an unknown runtime.
    """
    from backends.models.budget import MemoryBudget
    from backends.stepping.scheduler import Scheduler

    engines: Loads = {}
    # Shared: two models that load at the same time must not both count on the same free memory.
    budget = MemoryBudget(residents=(lambda: tuple(engines.values())) if len(specs) > 2 else tuple)
    # Shared: models that compute at the same time would compete for the cores.
    scheduler = Scheduler()
    return [_open(spec, engines, budget, scheduler) for spec in specs]


@contextmanager
def opened_alone(spec: ModelSpec) -> Iterator[Backend]:
    """A single backend for the model; its memory is free again afterwards."""
    (backend,) = open_backends([spec])
    try:
        yield backend
    finally:
        backend.close()
        del backend
        # Engines contain reference cycles; the next model must not wait for the garbage collector.
        gc.collect()


def _open(spec: ModelSpec, engines: Loads, budget: MemoryBudget, scheduler: Scheduler) -> Backend:
    key = (spec.source, spec.precision, spec.adapter, spec.context_length)
    match spec.runtime:
        case "scripted":
            from backends.scripted import ScriptedBackend

            return ScriptedBackend(spec)
        case "openai":
            from backends.openai.backend import OpenAIBackend

            return OpenAIBackend(spec)
        case "llama.cpp":
            from backends import llama

            load = engines.setdefault(key, BackgroundLoad(partial(budget.load, spec, llama.load_engine)))
            return llama.LlamaCppBackend(spec, load)
        case "transformers":
            from backends.hf.backend import HfBackend, load_engine

            opener = partial(load_engine, scheduler=scheduler)
            load = engines.setdefault(key, BackgroundLoad(partial(budget.load, spec, opener)))
            return HfBackend(spec, load)
    raise InputError("unknown_runtime", f"There is no runtime called {spec.runtime!r}.", runtime=spec.runtime)
