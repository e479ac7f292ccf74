"""A report of two models out of answers and votes, in Chinese or English. Every claim carries its count."""

from arena.report.blocks import Document
from arena.report.details import Details
from arena.report.document import make_document
from arena.report.facts import KnownModel, ReportFacts
from arena.report.gather import gather
from arena.report.reports import Reports, plot_language
from arena.report.sources import Sources, sources_in, sources_of
from arena.report.write import write_report

__all__ = [
    "Details",
    "Document",
    "KnownModel",
    "ReportFacts",
    "Reports",
    "Sources",
    "gather",
    "make_document",
    "plot_language",
    "sources_in",
    "sources_of",
    "write_report",
]
