"""Batches: every prompt of a set asked of models, one model after the other, each answer saved as it ends."""

from arena.batch.background import BatchRunner, BatchState
from arena.batch.plan import Cell, CellState, CellView, Plan, Progress, answers_of
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
