"""A report of two models out of answers and votes, in Chinese or English. Every claim carries its count.

Knows no page and no engine.
"""

from arena.report.details import Details
from arena.report.document import make_document
from arena.report.facts import KnownModel, ReportFacts
from arena.report.gather import gather
from arena.report.sources import Sources, read_sources
from arena.report.write import write_report

__all__ = [
    "Details",
    "KnownModel",
    "ReportFacts",
    "Sources",
    "gather",
    "make_document",
    "read_sources",
    "write_report",
]
