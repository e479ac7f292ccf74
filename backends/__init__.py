"""Opens models as backends."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from arena.backend import Backend
from arena.errors import InputError
from arena.types import ModelSpec
from backends.folder.verified import verify_changed
from backends.streaming.loading import BackgroundLoad

T = TypeVar("T")
# Source, precision, adapter and context.
Key = tuple[str, str, str, int]
Loads = dict[Key, BackgroundLoad[Any]]


class Backends:
    """Opens models that run beside each other. Those from the same file or folder share an engine.

    Of more than two models, those that nobody uses are unloaded when another needs their memory. Two must fit beside
    each other: they answer at the same time.
    """

    def __init__(self) -> None:
        from backends.machine.energy import Meter
        from backends.models.budget import MemoryBudget
        from backends.stepping.scheduler import Scheduler

        # Shared: two models that load at the same time must not both count on the same free memory.
        self._budget = MemoryBudget(residents=self._residents)
        # Shared: models that compute at the same time would compete for the cores.
        self._scheduler = Scheduler()
        # Shared: the energy is divided among all answers that are generated.
        self._meter = Meter()
        # Protects the two below: models are added and loaded in threads of their own.
        self._lock = threading.Lock()
        self._engines: Loads = {}
        self._opened: dict[Backend, Key] = {}

    def open(self, spec: ModelSpec) -> Backend:
        """A backend for the model, not loaded yet. Raises InputError for an unknown runtime."""
        key = (spec.source, spec.precision, spec.adapter, spec.context_length)
        with self._lock:
            backend = self._open(spec, key)
            self._opened[backend] = key
            return backend

    def close(self, backend: Backend) -> None:
        """Closes a backend that nobody uses. An engine that it shares with others stays."""
        with self._lock:
            key = self._opened.pop(backend)
            is_shared = key in self._opened.values()
            if not is_shared:
                self._engines.pop(key, None)
        if not is_shared:
            backend.close()

    def _residents(self) -> tuple[BackgroundLoad[Any], ...]:
        with self._lock:
            return tuple(self._engines.values()) if len(self._opened) > 2 else ()

    def _open(self, spec: ModelSpec, key: Key) -> Backend:
        match spec.runtime:
            case "scripted":
                from backends.scripted import ScriptedBackend

                return ScriptedBackend(spec)
            case "openai":
                from backends.openai.backend import OpenAIBackend

                return OpenAIBackend(spec)
            case "llama.cpp":
                from backends import llama

                engine = self._load(key, spec, llama.load_engine)
                return llama.LlamaCppBackend(spec, engine, self._meter.counted)
            case "transformers":
                from backends.hf.backend import HfBackend, load_engine

                opener = partial(load_engine, scheduler=self._scheduler)
                load = self._load(key, spec, opener)
                return HfBackend(spec, load, self._meter.counted)
        raise InputError("unknown_runtime", f"There is no runtime called {spec.runtime!r}.", runtime=spec.runtime)

    def _load(self, key: Key, spec: ModelSpec, opener: Callable[[ModelSpec], T]) -> BackgroundLoad[T]:
        """The engine of the model, which may be another model's too."""

        def load() -> T:
            verify_changed(spec)
            return self._budget.load(spec, opener)

        return self._engines.setdefault(key, BackgroundLoad(load))


@contextmanager
def opened_alone(spec: ModelSpec) -> Iterator[Backend]:
    """A single backend for the model; its memory is free again afterwards."""
    backend = Backends().open(spec)
    try:
        yield backend
    finally:
        backend.close()
        del backend
        # Engines contain reference cycles; the next model must not wait for the garbage collector.
        gc.collect()
