"""Votes as a CSV: written so that none is lost, read back, exported."""

from arena.votes.log import VoteLog
from arena.votes.parts import FIRST_PART
from arena.votes.reading import BadRow
from arena.votes.rows import COLUMNS, SCHEMA
from arena.votes.store import ReadReport, VoteReading, read_votes

__all__ = ["COLUMNS", "FIRST_PART", "SCHEMA", "BadRow", "ReadReport", "VoteLog", "VoteReading", "read_votes"]
