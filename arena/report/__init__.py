"""A report on two models from answers and votes, in Chinese or English, as Markdown, HTML or Word."""

from arena.report.blocks import Document
from arena.report.facts import Details, KnownModel, ReportFacts
from arena.report.formats import write_report
from arena.report.gather import Sources, gather, read_sources
from arena.report.reports import Reports, plot_language
from arena.report.sections import make_document

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
    "read_sources",
    "write_report",
]
