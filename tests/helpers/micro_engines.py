"""Engines on the micro folders, and what tells what they computed and in which order."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from model_folders import DATA

from arena.generation_config import GenerationConfig
from backends.families.weights import architecture_of, load_weights
from backends.hf.engine import HfEngine
from backends.stepping.batched import stock_rows
from backends.stepping.cache import TokenCache
from backends.stepping.scheduler import Scheduler

QWEN, CHATGLM = "qwen-micro-vocab2048", "chatglm3-micro-vocab2048"


class NoText:
    """A chat of ids alone."""

    def __init__(self, stop_ids: Sequence[int] = ()) -> None:
        self.stop_ids = frozenset(stop_ids)


def micro_engine(name: str = QWEN, precision: str = "bf16", scheduler: Scheduler | None = None) -> HfEngine:
    """An engine on one of the folders."""
    folder = DATA / name
    model = load_weights(architecture_of(folder), precision)
    return HfEngine(stock_rows(model), NoText(), scheduler or Scheduler(1), 8192)


def scores_after(engine: HfEngine, ids: Sequence[int], cache: TokenCache) -> Any:
    """The scores after each of `ids`, which follow those in `cache`, from the computing thread."""
    rows = engine._rows
    read = partial(rows.decode, [cache], ids) if len(ids) == 1 else partial(rows.read, cache, ids, 0)
    return computed(engine._scheduler, read)


def prompt(length: int, seed: int = 0) -> list[int]:
    """Random ids."""
    chosen = random.Random(f"{length} {seed}")
    return [chosen.randrange(2048) for _ in range(length)]


def greedy(tokens: int) -> GenerationConfig:
    """The best ids."""
    return GenerationConfig(max_new_tokens=tokens, temperature=0)


def seeded(tokens: int, seed: int = 1) -> GenerationConfig:
    """Drawn ids."""
    return GenerationConfig(max_new_tokens=tokens, temperature=1.0, top_p=0.95, repetition_penalty=1.05, seed=seed)


def tokens(events: Iterator[tuple[str, int]]) -> list[int]:
    """The ids said."""
    return [value for kind, value in events if kind == "token"]


class Record:
    """Every pass of an engine: what it was, how many tokens of whom it fed, and all scores by prompt.

    `before` is called with the number of the pass before it is computed, in the computing thread.
    """

    def __init__(self, engine: HfEngine, passes: list[Any] | None = None, name: str = "") -> None:
        self.passes = passes if passes is not None else []
        self.scores: dict[tuple[int, ...], list[Any]] = {}
        self.before: Any = lambda number: None
        self._name = name
        self._rows = engine._rows
        engine._rows = self  # type: ignore[assignment]

    @property
    def fed(self) -> int:
        """Tokens of prompts that the model has read."""
        return sum(count for _, kind, counts in self.passes if kind == "read" for count in counts)

    def read(self, cache: Any, ids: Sequence[int], last: int = 1) -> Any:
        self._note("read", [len(ids)])
        return self._keep([cache], self._rows.read(cache, ids, last))

    def decode(self, caches: Sequence[Any], ids: Sequence[int]) -> Any:
        self._note("decode", [1] * len(ids))
        return self._keep(caches, self._rows.decode(caches, ids))

    def _note(self, kind: str, counts: list[int]) -> None:
        self.before(len(self.passes))
        self.passes.append((self._name, kind, counts))

    def _keep(self, caches: Sequence[Any], scores: Any) -> Any:
        for cache, row in zip(caches, scores, strict=True):
            self.scores.setdefault(cache.prompt, []).append(row.clone())
        return scores


@contextmanager
def held(scheduler: Scheduler) -> Iterator[None]:
    """Nothing is computed inside the block, so that what is begun there begins in the same step."""
    there, gate = threading.Event(), threading.Event()

    def wait() -> None:
        there.set()
        assert gate.wait(60)

    job = Job(wait)
    scheduler.add(job)
    scheduler.wake()
    assert there.wait(60)
    try:
        yield
    finally:
        gate.set()
        job.future.result(60)


class Job:
    """A member of a scheduler that calls a function once."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.future: Future[Any] = Future()
        self._function = function

    def step(self) -> bool:
        if not self.future.done():
            try:
                self.future.set_result(self._function())
            except Exception as error:  # noqa: BLE001 (raised again by `result`)
                self.future.set_exception(error)
        return False

    def fail(self, error: Exception) -> None:
        """Nothing: the function has its own errors."""


def computed(scheduler: Scheduler, function: Callable[[], Any]) -> Any:
    """What the function returns or raises in the computing thread."""
    job = Job(function)
    scheduler.add(job)
    scheduler.wake()
    return job.future.result(60)
