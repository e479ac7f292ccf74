"""What a batch asks, cell by cell, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from arena.errors import ErrorInfo, InputError
from arena.generation_config import GenerationConfig
from arena.prompts import Prompt
from arena.recorded import Recorded, answer_key
from arena.types import Answer, Message, ModelSpec, Stage

MOST_REPEATS = 100


@dataclass(frozen=True)
class Cell:
    """One prompt asked of one model; `repeat` counts from 0."""

    model: ModelSpec
    prompt: Prompt
    repeat: int
    config: GenerationConfig

    @property
    def id(self) -> tuple[str, str, int]:
        """Unique within a plan."""
        return self.model.id, self.prompt.id, self.repeat

    def next_messages(self, answers: Sequence[Recorded]) -> tuple[Message, ...]:
        """The messages for the turn after these answers."""
        history = answers[-1].side.history if answers else self.model.messages()
        return (*history, Message("user", self.prompt.turns[len(answers)]))

    def recorded(self, known: Mapping[str, Recorded]) -> tuple[Recorded, ...]:
        """Its answers among the `known` ones by key, one per turn; the last of them may have failed."""
        answers: list[Recorded] = []
        while len(answers) < len(self.prompt.turns) and not (answers and answers[-1].failed):
            key = answer_key(self.model, self.next_messages(answers), self.config, self.repeat)
            if key not in known:
                break
            answers.append(known[key])
        return tuple(answers)


@dataclass(frozen=True)
class Plan:
    """`settings` are GenerationConfig fields for all cells; None means the model's default.

    Repeat number n uses the seed `seed` + n, so that repeats differ and the same plan asks the same again.
    """

    models: Sequence[ModelSpec]
    prompts: Sequence[Prompt]
    repeats: int = 1
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def cells(self) -> tuple[Cell, ...]:
        """The cells of the first model, then of the next; within a model, the whole set before its first repeat.

        Raises InputError for an invalid number of repeats and for an invalid setting.
        """
        if not 1 <= self.repeats <= MOST_REPEATS:
            message = f"Runs per prompt must be between 1 and {MOST_REPEATS}."
            raise InputError("batch_repeats", message, limit=MOST_REPEATS)
        return tuple(
            Cell(model, prompt, repeat, model.config({**self.settings, "seed": self.seed + repeat}))
            for model in self.models
            for repeat in range(self.repeats)
            for prompt in self.prompts
        )

    def views(self, known: Mapping[str, Recorded]) -> tuple[CellView, ...]:
        """The cells with their answers among the `known` ones by key. Raises InputError as `cells` does."""
        return tuple(view_of(cell, cell.recorded(known)) for cell in self.cells())


class CellState(StrEnum):
    """The state of a cell. A cell whose answer was cut off is waiting again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class CellView:
    """A cell with its recorded answers, the answer that is `growing` and its `stage`, and why it failed or waits."""

    cell: Cell
    state: CellState
    answers: tuple[Recorded, ...] = ()
    growing: Answer | None = None
    stage: Stage | None = None
    error: ErrorInfo | None = None

    @property
    def seconds(self) -> float | None:
        """The total seconds of its answers, as far as known."""
        known = [time for entry in self.answers if (time := entry.side.answer.usage.seconds) is not None]
        return sum(known) if known else None

    @property
    def tokens_per_second(self) -> float | None:
        """The decode rate of its last answer."""
        return self.answers[-1].side.answer.usage.tokens_per_second if self.answers else None


def view_of(cell: Cell, answers: Sequence[Recorded], load_error: ErrorInfo | None = None) -> CellView:
    """A cell that is not running. If its model could not be loaded, it waits for the next run."""
    if answers and answers[-1].failed:
        if load_error:
            return CellView(cell, CellState.WAITING, tuple(answers[:-1]), error=load_error)
        return CellView(cell, CellState.FAILED, tuple(answers), error=answers[-1].side.answer.error)
    is_done = len(answers) == len(cell.prompt.turns)
    return CellView(cell, CellState.DONE if is_done else CellState.WAITING, tuple(answers))


@dataclass(frozen=True)
class Progress:
    """All cells in the plan's order, and how many of them are answered at the same time."""

    cells: tuple[CellView, ...]
    at_once: int = 1

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """The models in the plan's order."""
        return tuple({view.cell.model.id: view.cell.model for view in self.cells}.values())

    @property
    def turn(self) -> int:
        """The number of the model that is being asked, from 1; 0 if none is."""
        running = next((view.cell.model for view in self.running()), None)
        return self.models.index(running) + 1 if running else 0

    def count(self, state: CellState) -> int:
        """The number of cells in that state."""
        return sum(view.state is state for view in self.cells)

    def running(self) -> tuple[CellView, ...]:
        """The cells that are being answered."""
        return tuple(view for view in self.cells if view.state is CellState.RUNNING)

    @property
    def blocked(self) -> ErrorInfo | None:
        """Why cells wait although nobody stopped the batch: their model could not be loaded."""
        return next((view.error for view in self.cells if view.state is CellState.WAITING and view.error), None)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the mean of each model's cells; a model without any uses the others'. None at first.

        A model that could not be loaded is not asked in this run.
        """
        done = [view for view in self.cells if view.state is CellState.DONE]
        means = {
            model.id: _mean(view.seconds for view in done if view.cell.model.id == model.id) for model in self.models
        }
        overall = _mean(means.values())
        failed = {view.cell.model.id for view in self.cells if view.state is CellState.WAITING and view.error}
        if overall is None:
            return None
        left = 0.0
        for view in self.cells:
            if view.state in (CellState.WAITING, CellState.RUNNING) and view.cell.model.id not in failed:
                mean = means[view.cell.model.id]
                spent = (view.growing.usage.seconds or 0.0) if view.growing else 0.0
                left += max(0.0, (overall if mean is None else mean) - spent)
        return left / self.at_once


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of the known values."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
