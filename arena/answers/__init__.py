"""Answers that are kept: one JSON object a line. Knows nothing of who asked for them and who judges them."""

from arena.answers.files import read_recorded
from arena.answers.record import Recorded, answer_key
from arena.answers.store import AnswerStore

__all__ = ["AnswerStore", "Recorded", "answer_key", "read_recorded"]
