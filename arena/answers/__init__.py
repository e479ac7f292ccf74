"""Recorded answers in files of one JSON object per line."""

from arena.answers.record import Recorded, answer_key
from arena.answers.store import FILE_NAME, AnswerStore, broken, read_recorded

__all__ = ["FILE_NAME", "AnswerStore", "Recorded", "answer_key", "broken", "read_recorded"]
