"""Builds a report section by section: each module turns facts into blocks."""

from __future__ import annotations

from collections.abc import Iterator

from arena.report.blocks import Block, Document, Figure
from arena.report.facts import Details, ReportFacts
from arena.report.sections.closing import appendix, assessment, conclusion, limits
from arena.report.sections.opening import opening, summary, title_of
from arena.report.sections.prompts import prompts
from arena.report.sections.references import references
from arena.report.sections.setting import setting
from arena.report.sections.votes import comparison, judging


def make_document(lang: str, facts: ReportFacts, details: Details, plot_lang: str = "") -> Document:
    """The report in one language (zh or en). `plot_lang` is the language of plot labels, by default the same."""
    blocks = list(_blocks(lang, facts, details, plot_lang or lang))
    has_figures = any(isinstance(block, Figure) for block in blocks)
    blocks += references(lang, facts, has_figures)
    return Document(lang, title_of(lang, facts, details), tuple(blocks))


def _blocks(lang: str, facts: ReportFacts, details: Details, plot_lang: str) -> Iterator[Block]:
    yield from opening(lang, facts, details)
    yield from summary(lang, facts)
    yield from setting(lang, facts, details.machine)
    yield from prompts(lang, facts)
    yield from judging(lang, facts)
    yield from comparison(lang, facts, plot_lang)
    yield from assessment(lang, facts)
    yield from conclusion(lang, facts)
    yield from limits(lang, facts)
    yield from appendix(lang, details)
