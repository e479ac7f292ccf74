"""How far a batch is, as values: each cell's state, and how long the rest will take. Knows no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from arena.answers import Recorded
from arena.batch.plan import Cell
from arena.types import Answer, ErrorInfo, Stage


class CellState(StrEnum):
    """Where a cell stands. A cell whose answer was broken off waits again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class CellView:
    """One cell: the answers that are there, the one being made (`growing`), and why it failed or could not begin."""

    cell: Cell
    state: CellState
    answers: tuple[Recorded, ...] = ()
    growing: Answer | None = None
    stage: Stage | None = None
    error: ErrorInfo | None = None

    @property
    def seconds(self) -> float | None:
        """What its answers took together, as far as known."""
        known = [entry.side.answer.usage.seconds for entry in self.answers]
        times = [seconds for seconds in known if seconds is not None]
        return sum(times) if times else None

    @property
    def tokens_per_second(self) -> float | None:
        """The speed of its last answer."""
        return self.answers[-1].side.answer.usage.tokens_per_second if self.answers else None


@dataclass(frozen=True)
class Progress:
    """All cells in the plan's order, and how many answers are made at once."""

    cells: tuple[CellView, ...]
    at_once: int = 1

    def count(self, state: CellState) -> int:
        """How many cells are in that state."""
        return sum(view.state is state for view in self.cells)

    def running(self) -> tuple[CellView, ...]:
        """The cells that are being answered."""
        return tuple(view for view in self.cells if view.state is CellState.RUNNING)

    @property
    def blocked(self) -> ErrorInfo | None:
        """Why cells that nobody stopped still wait: their model could not be loaded."""
        return next((view.error for view in self.cells if view.state is CellState.WAITING and view.error), None)

    @property
    def seconds_left(self) -> float | None:
        """From what each model's cells took so far; the other's stand in for a model that has none. None at first."""
        means = {view.cell.model.id: _mean(self._seconds(view.cell.model.id)) for view in self.cells}
        known = _mean([seconds for seconds in means.values() if seconds is not None])
        if known is None:
            return None
        left = 0.0
        for view in self.cells:
            if view.state in (CellState.WAITING, CellState.RUNNING):
                mean = means[view.cell.model.id]
                spent = (view.growing.usage.seconds or 0.0) if view.growing else 0.0
                left += max(0.0, (known if mean is None else mean) - spent)
        return left / self.at_once

    def _seconds(self, model: str) -> list[float]:
        views = (view for view in self.cells if view.cell.model.id == model and view.state is CellState.DONE)
        return [seconds for seconds in (view.seconds for view in views) if seconds is not None]


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
