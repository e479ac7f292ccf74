"""Decides which models are in memory: unloads idle ones for another, and refuses one that does not fit, with figures.

Mapped weights look free to the system although they are in use, so a budget records what every loaded model needs.
"""

import gc
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from arena.errors import ArenaError, BackendError
from arena.types import ModelSpec
from backends.machine.memory import available_bytes, process_bytes
from backends.memory.estimate import PACKED_SHARES, TRANSFORMERS_IMPORTS, TRANSFORMERS_MODEL, Need, need_of, needs_of
from backends.models.catalog import EMBEDDED, PUBLISHED
from backends.models.resolve import resolve
from backends.streaming.loading import BackgroundLoad

T = TypeVar("T")
_TENTH = 100_000_000  # of a gigabyte
# Shorter contexts that an error message suggests, in tokens.
_CONTEXTS = (8192, 4096, 2048)
# How many models it suggests.
_SUGGESTED = 3
# The size of the weights in each precision, best first, as a share of bfloat16.
_OF_BF16 = {"bf16": 1.0, **PACKED_SHARES}
# How often a model that waits for memory looks whether another has become idle.
_WAIT_SECONDS = 0.2


class MemoryBudget:
    """The memory that the models of a process need, from the check before loading until their engine is freed.

    `residents` returns the loads whose models may be unloaded while nobody uses them.
    """

    def __init__(self, residents: Callable[[], Sequence[BackgroundLoad[Any]]] = tuple) -> None:
        self._residents = residents
        # Claims of freed engines. Finalizers may run anywhere, also while the lock is held, so they only append here.
        self._gone: deque[object] = deque()
        # Protects the fields below: models load in threads of their own.
        self._lock = threading.Lock()
        self._claims: dict[object, int] = {}
        self._waiting = 0
        self._own_before = 0

    def load(self, spec: ModelSpec, opener: Callable[[ModelSpec], T]) -> T:
        """Opens the model when it fits beside the others: unloads some for it, or waits until they are idle.

        Raises BackendError `memory_short` before reading anything if that cannot help.
        """
        claim = self._claim(spec)
        try:
            engine = opener(spec)
        except BaseException:
            self._gone.append(claim)
            raise
        # The finalizer returns the claim; at exit it is not needed.
        weakref.finalize(engine, self._gone.append, claim).atexit = False
        return engine

    def _claim(self, spec: ModelSpec) -> object:
        need = need_of(spec)
        with self._lock:
            self._waiting += 1
        try:
            while True:
                with self._lock:
                    free = self._free()
                    if need is None or free is None or need.total <= free:
                        claim = object()
                        if not self._claims:
                            self._own_before = own_bytes()
                        self._claims[claim] = need.total if need else 0
                        return claim
                    possible = need.total <= free + sum(self._claims.values())
                if not possible or not (self._unload_one() or self._will_be_idle()):
                    check_memory(spec, need, free)
        finally:
            with self._lock:
                self._waiting -= 1

    def _unload_one(self) -> bool:
        """Unloads the model that has been idle longest, if there is one."""
        loads = self._residents()
        idle = [(since, number) for number, load in enumerate(loads) if (since := load.idle_since) is not None]
        if not idle:
            return False
        loads[min(idle)[1]].unload()
        # Engines contain reference cycles; the memory must not wait for the garbage collector.
        gc.collect()
        return True

    def _will_be_idle(self) -> bool:
        """Waits a little if a model is loaded or being opened; False if there is none."""
        loads = self._residents()
        with self._lock:
            waiting = self._waiting
        # More are loading than wait for memory: the others are being opened.
        if not any(load.value is not None for load in loads) and sum(load.loading for load in loads) <= waiting:
            return False
        time.sleep(_WAIT_SECONDS)
        return True

    def _free(self) -> int | None:
        """Bytes that no model has claimed; None where the system does not say."""
        while self._gone:
            self._claims.pop(self._gone.popleft(), None)
        free = available_bytes()
        if free is None:
            return None
        claimed = sum(self._claims.values())
        # Memory already taken is missing from `free` and also claimed: count it once.
        taken = max(0, own_bytes() - self._own_before)
        return max(0, free + min(taken, claimed) - claimed)


def own_bytes() -> int:
    """The bytes of this process that are not file pages."""
    return process_bytes("RssAnon") or 0


def check_memory(spec: ModelSpec, need: Need, free: int) -> None:
    """Raises BackendError with the figures (GB) and with models that fit, if `need` is more than `free` bytes."""
    if need.total <= free:
        return
    # Rounded up against `free`, so that the message never says that 5.0 GB do not fit into 5.0 GB.
    needed = math.ceil(need.total / _TENTH)
    weights, cache = round(need.weights / _TENTH), round(need.cache / _TENTH)
    overhead = max(0, needed - weights - cache)
    tenths = {"needed": needed, "weights": weights, "cache": cache, "overhead": overhead, "free": free // _TENTH}
    details = {name: f"{size / 10:.1f}" for name, size in tenths.items()}
    parts = "weights {weights}, cache {cache}, other {overhead}".format(**details)
    line = f"{spec.name} needs {details['needed']} GB of memory ({parts}), and {details['free']} GB is free. "
    if names := _fitting(spec, free):
        fits = ", ".join(names)
        raise BackendError("memory_short", f"{line}Models that fit: {fits}.", model=spec.name, fits=fits, **details)
    raise BackendError("memory_short_for_all", f"{line}No model of the catalogue fits.", model=spec.name, **details)


def _fitting(spec: ModelSpec, free: int) -> list[str]:
    """Models to use instead: the same one with a shorter context or in fewer bits, then the largest others."""
    name = spec.plain_id
    model_id = name.removesuffix(f"@{spec.precision}")
    needs = needs_of(spec)
    shorter = (tokens for tokens in _CONTEXTS if tokens < spec.context_length and needs and needs(tokens).total <= free)
    same = [f"{name}?ctx={tokens}" for tokens in list(shorter)[:1]]
    converted = spec.runtime == "transformers" and spec.precision in ("fp32", "bf16")
    if converted and (lower := need_of(replace(spec, precision="bf16"))):
        rest = lower.cache + lower.overhead
        shares = _OF_BF16.items()
        same += [f"{model_id}@{bits}" for bits, share in shares if lower.weights * share + rest <= free][:1]
    others = [(need, name) for name, need in _catalog(spec.source) if name != model_id and need <= free]
    return [*same, *(other for _, other in sorted(others, reverse=True))][:_SUGGESTED]


def _catalog(but: str) -> Iterator[tuple[str, int]]:
    """The models of the catalogue, one per source, with the bytes that they need, if known."""
    # The first of those with the same source.
    embedded = {spec.source: spec for spec in reversed(EMBEDDED.values()) if spec.source != but}
    for spec in embedded.values():
        with suppress(ArenaError, OSError):
            if need := need_of(spec):
                yield spec.id, need.total
    for name, published in PUBLISHED.items():
        try:
            need = need_of(resolve(name))
        except (ArenaError, OSError):
            # Not downloaded yet. A cache without grouped heads takes about a third of the weights.
            weights = published.weight_bytes
            need = Need(weights, weights // 3, TRANSFORMERS_IMPORTS + TRANSFORMERS_MODEL)
        if need:
            yield name, need.total
