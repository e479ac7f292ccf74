"""Runtimes and models behind arena's Backend. Knows no gradio and no votes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import BackendError, InputError
from arena.types import Backend, ModelSpec

if TYPE_CHECKING:
    from backends.llama.engine import LlamaEngine
    from backends.memory.budget import MemoryBudget
    from backends.stepping.scheduler import Scheduler
    from backends.streaming.loading import BackgroundLoad

    Loads = dict[tuple[str, str, str], BackgroundLoad[Any]]


def open_backends(specs: Sequence[ModelSpec]) -> list[Backend]:
    """A backend for each model, none of them loaded yet. Entries of one file or folder share one engine.

    Raises InputError for a runtime that is not there.
    """
    from backends.memory.budget import MemoryBudget
    from backends.stepping.scheduler import Scheduler

    engines: Loads = {}
    # One for all: two models that load at the same time must not both count on the same memory.
    budget = MemoryBudget()
    # One for all as well: models that compute at the same time would take the cores from each other.
    scheduler = Scheduler()
    return [_open(spec, engines, budget, scheduler) for spec in specs]


def _open(spec: ModelSpec, engines: Loads, budget: MemoryBudget, scheduler: Scheduler) -> Backend:
    key = (spec.source, spec.precision, spec.adapter)
    match spec.runtime:
        case "scripted":
            from backends.scripted import ScriptedBackend

            return ScriptedBackend(spec)
        case "openai":
            from backends.openai.backend import OpenAIBackend

            return OpenAIBackend(spec)
        case "llama.cpp":
            from backends.llama.backend import LlamaCppBackend
            from backends.streaming.loading import BackgroundLoad

            if key not in engines:
                engines[key] = BackgroundLoad(partial(budget.load, spec, _load_gguf))
            return LlamaCppBackend(spec, engines[key])
        case "transformers":
            from backends.hf.backend import HfBackend, load_engine
            from backends.streaming.loading import BackgroundLoad

            if key not in engines:
                engines[key] = BackgroundLoad(partial(budget.load, spec, partial(load_engine, scheduler=scheduler)))
            return HfBackend(spec, engines[key])
    raise InputError("unknown_runtime", f"There is no runtime called {spec.runtime!r}.", runtime=spec.runtime)


def _load_gguf(spec: ModelSpec) -> LlamaEngine:
    from backends.llama.engine import LlamaEngine
    from backends.models.resolve import model_file

    path = model_file(spec)
    if spec.revision.startswith("sha256:"):
        _check_sha256(path, spec.revision.removeprefix("sha256:"))
    return LlamaEngine(path, spec.context_length)


def _check_sha256(path: Path, expected: str) -> None:
    import hashlib

    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        message = f"{path.name} is damaged: its sha256 is {found[:12]}..., not {expected[:12]}..."
        raise BackendError("model_damaged", message, path=path.name)
