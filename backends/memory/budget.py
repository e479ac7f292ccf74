"""Refuses a model that does not fit into memory, with the numbers and with what would fit. Knows no engine.

Mapped weights look free to the system although they are in use, so what every loaded model needs is kept in a budget.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from arena.errors import ArenaError, BackendError
from arena.types import ModelSpec
from backends.machine.memory import anonymous_bytes, available_bytes
from backends.memory.estimate import TRANSFORMERS_IMPORTS, TRANSFORMERS_MODEL, Need, need_of
from backends.models.catalog import EMBEDDED, FETCHED, PUBLISHED

T = TypeVar("T")
_TENTH = 100_000_000  # of a gigabyte
_NAMED = 3
# What the weights of a model have in each precision, best first, as a share of bfloat16 (packed: embedding not read).
_OF_BF16 = {"bf16": 1.0, "int8": 0.52, "int4": 0.34}


class MemoryBudget:
    """What the models of one process need, from the check before loading until their engine is gone."""

    def __init__(
        self,
        available: Callable[[], int | None] = available_bytes,
        own: Callable[[], int | None] = anonymous_bytes,
    ) -> None:
        self._available = available
        self._own = own
        # Engines that are gone. Python may find that out anywhere, also where the lock is held: who has it looks here.
        self._gone: deque[object] = deque()
        # Protects the two below: models load in threads of their own.
        self._lock = threading.Lock()
        self._claims: dict[object, int] = {}
        self._own_before = 0

    def load(self, spec: ModelSpec, opener: Callable[[ModelSpec], T]) -> T:
        """Opens the model if it fits beside the others. Raises BackendError `memory_short` before anything is read."""
        claim = self._claim(spec)
        try:
            engine = opener(spec)
        except BaseException:
            self._gone.append(claim)
            raise
        # The engine says by its end that its memory is free again; at exit nobody asks any more.
        weakref.finalize(engine, self._gone.append, claim).atexit = False
        return engine

    def free(self) -> int | None:
        """Bytes that no model has taken or will take; None where the system does not say."""
        with self._lock:
            return self._free()

    def _claim(self, spec: ModelSpec) -> object:
        need = need_of(spec)
        claim = object()
        with self._lock:
            free = self._free()
            if need is None or free is None or need.total <= free:
                if not self._claims:
                    self._own_before = self._own() or 0
                self._claims[claim] = need.total if need else 0
                return claim
        check_memory(spec, need, free)
        return claim

    def _free(self) -> int | None:
        while self._gone:
            self._claims.pop(self._gone.popleft(), None)
        free = self._available()
        if free is None:
            return None
        claimed = sum(self._claims.values())
        # Taken already, so missing from what the system has, and claimed as well: counted once.
        taken = max(0, (self._own() or 0) - self._own_before)
        return max(0, free + min(taken, claimed) - claimed)


def check_memory(spec: ModelSpec, need: Need, free: int) -> None:
    """Raises BackendError with the numbers (GB) and with what fits instead, if `need` is more than `free` bytes."""
    if need.total <= free:
        return
    # Rounded against us, so that the line never says that 5.0 GB do not fit into 5.0 GB.
    needed = math.ceil(need.total / _TENTH)
    weights, cache = round(need.weights / _TENTH), round(need.cache / _TENTH)
    tenths = (needed, weights, cache, max(0, needed - weights - cache), free // _TENTH)
    figures = [f"{size / 10:.1f}" for size in tenths]
    details = dict(zip(("needed", "weights", "cache", "overhead", "free"), figures, strict=True))
    line = (
        "{model} needs {needed} GB of memory (weights {weights}, cache {cache}, other {overhead}), "
        "and {free} GB is free. "
    ).format(model=spec.name, **details)
    if names := _fitting(spec, free):
        fits = ", ".join(names)
        raise BackendError("memory_short", f"{line}What fits: {fits}.", model=spec.name, fits=fits, **details)
    raise BackendError("memory_short_for_all", f"{line}No model of the catalog fits.", model=spec.name, **details)


def _fitting(spec: ModelSpec, free: int) -> list[str]:
    """What to ask for instead: the same model in fewer bits, then the largest others."""
    model_id = spec.id.removesuffix(f"@{spec.precision}")
    same: list[str] = []
    if spec.runtime == "transformers" and spec.precision in ("fp32", "bf16"):
        lower = need_of(replace(spec, precision="bf16"))
        shares = _OF_BF16.items() if lower else ()
        same = [
            f"{model_id}@{precision}"
            for precision, share in shares
            if lower and lower.weights * share + lower.cache + lower.overhead <= free
        ][:1]
    others = [(need, name) for name, need in _catalog(spec.source) if name != model_id and need <= free]
    return [*same, *(name for _, name in sorted(others, reverse=True))][:_NAMED]


def _catalog(but: str) -> Iterator[tuple[str, int]]:
    """The models known by name, one for each source, with the bytes they need as far as that is known."""
    seen = {but}
    for known in EMBEDDED.values():
        if known.source not in seen:
            seen.add(known.source)
            yield from _needed(known.id, known)
    for name in dict.fromkeys((*FETCHED, *PUBLISHED)):
        yield from _needed(name)


def _needed(name: str, spec: ModelSpec | None = None) -> Iterator[tuple[str, int]]:
    from backends.models.folder_models import fetched_spec

    try:
        need = need_of(spec or fetched_spec(name))
    except (ArenaError, OSError, KeyError):
        # Not here yet: a third more than the weights is what a cache without grouped heads takes.
        need = None
        if name in PUBLISHED:
            weights = PUBLISHED[name].weight_bytes
            need = Need(weights, weights // 3, TRANSFORMERS_IMPORTS + TRANSFORMERS_MODEL)
    if need:
        yield name, need.total
