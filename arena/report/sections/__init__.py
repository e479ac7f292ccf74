"""Builds a report section by section: each module turns facts into blocks."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from arena.report.blocks import Block, Bullets, Document, Figure, Heading
from arena.report.facts import Details, ReportFacts
from arena.report.sections.findings import assessment, conclusion, limits, opening, summary
from arena.report.sections.models import all_models
from arena.report.sections.setting import references, setting
from arena.report.sections.votes import comparison, judging, prompts


def make_document(lang: str, facts: ReportFacts, details: Details, plot_lang: str = "") -> Document:
    """The report in one language (zh or en). `plot_lang` is the language of plot labels, by default the same."""
    facts = replace(facts, lang=lang)
    title = details.title or facts.text("title")
    blocks: list[Block] = [
        *opening(facts, title, details),
        *_lines(facts, "summary", summary(facts)),
        *setting(facts, details.machine),
        *prompts(facts),
        *judging(facts),
        *comparison(facts, plot_lang or lang),
        *all_models(facts),
        *assessment(facts),
        *_lines(facts, "conclusion", conclusion(facts)),
        *_lines(facts, "limits", limits(facts)),
        *_lines(facts, "links", details.links),
    ]
    blocks += references(facts, any(isinstance(block, Figure) for block in blocks))
    return Document(lang, title, tuple(blocks))


def _lines(facts: ReportFacts, title: str, lines: Iterable[str]) -> Iterator[Block]:
    """A section of single lines; nothing without any."""
    if items := tuple(lines):
        yield Heading(2, facts.text(title))
        yield Bullets(items)
