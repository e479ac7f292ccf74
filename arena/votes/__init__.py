"""Votes as a CSV: written so that none is lost, read back, exported."""

from arena.votes.log import VoteLog
from arena.votes.parts import FIRST_PART
from arena.votes.rows import COLUMNS, SCHEMA

__all__ = ["COLUMNS", "FIRST_PART", "SCHEMA", "VoteLog"]
