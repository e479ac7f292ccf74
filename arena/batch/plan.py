"""What a batch asks: every prompt of every model, so many times. Knows a store only to look up what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from arena.answers import Recorded, answer_key
from arena.errors import InputError
from arena.prompts import Prompt
from arena.types import GenerationConfig, Message, ModelSpec

MOST_REPEATS = 100


class Answers(Protocol):
    """Where answers are looked up by key: an AnswerStore, or a mapping."""

    def get(self, key: str, /) -> Recorded | None:
        """The answer with this key, if there is one."""
        ...


@dataclass(frozen=True)
class Cell:
    """One prompt asked of one model, for the time that `repeat` counts from 0."""

    model: ModelSpec
    prompt: Prompt
    repeat: int
    config: GenerationConfig

    @property
    def id(self) -> tuple[str, str, int]:
        """What tells it from the plan's other cells."""
        return self.model.id, self.prompt.id, self.repeat


@dataclass(frozen=True)
class Plan:
    """`settings` are GenerationConfig fields for all cells; None leaves a model's own default. The seed of a repeat is
    `seed` and its number, so that repeats differ and the same plan asks the same again."""

    models: Sequence[ModelSpec]
    prompts: Sequence[Prompt]
    repeats: int = 1
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def cells(self) -> tuple[Cell, ...]:
        """All of the first model, then all of the next; of one model the whole set before its first repeat.

        Raises InputError for a number of repeats or a setting that cannot be.
        """
        if not 1 <= self.repeats <= MOST_REPEATS:
            message = f"The repeats must be from 1 to {MOST_REPEATS}."
            raise InputError("batch_repeats", message, limit=MOST_REPEATS)
        return tuple(
            Cell(model, prompt, repeat, model.config({**self.settings, "seed": self.seed + repeat}))
            for model in self.models
            for repeat in range(self.repeats)
            for prompt in self.prompts
        )


def answers_of(cell: Cell, store: Answers) -> tuple[Recorded, ...]:
    """The cell's answers that are there, a turn each; the last of them may have failed."""
    found: list[Recorded] = []
    while len(found) < len(cell.prompt.turns):
        entry = store.get(answer_key(cell.model, next_messages(cell, found), cell.config, cell.repeat))
        if entry is None:
            break
        found.append(entry)
        if entry.failed:
            break
    return tuple(found)


def next_messages(cell: Cell, answered: Sequence[Recorded]) -> tuple[Message, ...]:
    """What the model is asked after these answers."""
    history = answered[-1].side.history if answered else ()
    return (*history, Message("user", cell.prompt.turns[len(answered)]))
