"""A set of prompts asked of two models, one after the other, into a store. Knows no page and no engine."""

from arena.batch.background import BatchRunner, BatchState
from arena.batch.plan import Cell, Plan, answers_of
from arena.batch.progress import CellState, CellView, Progress
from arena.batch.run import Batch, Host

__all__ = [
    "Batch",
    "BatchRunner",
    "BatchState",
    "Cell",
    "CellState",
    "CellView",
    "Host",
    "Plan",
    "Progress",
    "answers_of",
]
