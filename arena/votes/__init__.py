"""Votes as a CSV: written so that none is lost, read back, counted, exported. Knows nothing of who may vote."""

from arena.votes.log import VoteLog
from arena.votes.parts import FIRST_PART
from arena.votes.reading import BadRow, ReadReport, Signature, VoteReading, read_votes, signature
from arena.votes.rows import COLUMNS, SCHEMA

__all__ = [
    "COLUMNS",
    "FIRST_PART",
    "SCHEMA",
    "BadRow",
    "ReadReport",
    "Signature",
    "VoteLog",
    "VoteReading",
    "read_votes",
    "signature",
]
