"""A set of prompts asked of two models, one after the other, into a store. Knows no page and no engine."""

from arena.batch.desk import BatchDesk, DeskState
from arena.batch.plan import Cell, Plan, answers_of
from arena.batch.progress import CellState, CellView, Progress
from arena.batch.run import Batch, Host

__all__ = ["Batch", "BatchDesk", "Cell", "CellState", "CellView", "DeskState", "Host", "Plan", "Progress", "answers_of"]
