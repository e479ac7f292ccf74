"""Votes in CSV files: written safely, read and counted."""

from arena.votes.log import VoteLog
from arena.votes.records import FIRST_PART
from arena.votes.rows import COLUMNS

__all__ = ["COLUMNS", "FIRST_PART", "VoteLog"]
