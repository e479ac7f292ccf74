"""This project's engine on a packed folder, asked by ids alone and timed. Knows no text and no rivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arena.types import GenerationConfig
from backends.machine import share_cores
from bench.random_ids import random_ids

if TYPE_CHECKING:
    from backends.stepping.scheduler import Scheduler

T = TypeVar("T")
# Read before anything is measured, by every engine alike.
WARM_PROMPT, WARM_TOKENS = 8, 2


class _NoText:
    """A chat of ids alone, whose answers end only where they are told to."""

    stop_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Answered:
    """One answer: when it was asked for, when each token came, how much of the prompt was kept, and the ids."""

    asked: float
    moments: tuple[float, ...]
    kept: int
    ids: tuple[int, ...]

    @property
    def first_seconds(self) -> float:
        """To the first token."""
        return self.moments[0] - self.asked

    @property
    def seconds(self) -> float:
        """To the last one."""
        return self.moments[-1] - self.asked

    @property
    def steps(self) -> list[float]:
        """Seconds between the tokens."""
        return [after - before for before, after in pairwise(self.moments)]


def new_scheduler() -> Scheduler:
    """The thread that computes, as the app has it."""
    share_cores()
    from backends.stepping.scheduler import Scheduler

    return Scheduler()


class OwnEngine:
    """The engine on the folder as the app opens it, but for the tokenizer. Raises BackendError."""

    def __init__(self, folder: Path, scheduler: Scheduler, context_length: int) -> None:
        from backends.families.weights import architecture_of
        from backends.folder.packed import read_packed
        from backends.hf.engine import HfEngine
        from backends.packed.open import packed_rows

        chat: Any = _NoText()
        architecture = architecture_of(folder)
        # Prompts are drawn from so many ids.
        self.vocabulary = int(architecture.config.get_text_config().vocab_size)
        rows = packed_rows(folder, read_packed(folder), architecture)
        self._engine = HfEngine(rows, chat, scheduler, context_length)

    def warm_up(self) -> None:
        """What is done once is no part of a figure."""
        self.answer(random_ids(WARM_PROMPT, 0, self.vocabulary), WARM_TOKENS)
        self.forget()

    def answer(self, ids: Sequence[int], tokens: int) -> Answered:
        """Answer with so many tokens, the best ones."""
        config = GenerationConfig(max_new_tokens=tokens, temperature=0)
        moments: list[float] = []
        said: list[int] = []
        kept, asked = 0, time.perf_counter()
        for kind, value in self._engine.generate(ids, config):
            if kind == "token":
                moments.append(time.perf_counter())
                said.append(value)
            elif kind == "kept":
                kept = value
        return Answered(asked, tuple(moments), kept, tuple(said))

    def forget(self) -> None:
        """The next prompt is read from its beginning."""
        self._engine.forget()


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What all of them return, called at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def kernels_name() -> str:
    """What computes the products here."""
    from backends.packed.kernels import find_kernels

    kernels = find_kernels()
    return "PyTorch alone" if kernels is None else "compiled, with AMX tiles" if kernels.tiles else "compiled"
