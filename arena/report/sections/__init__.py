"""Builds a report section by section: each module turns facts into blocks."""

from collections.abc import Iterable, Iterator

from arena.report.blocks import Block, Bullets, Document, Figure, Heading
from arena.report.facts import Details, ReportFacts
from arena.report.sections.findings import assessment, conclusion, limits, opening, summary, title_of
from arena.report.sections.models import all_models
from arena.report.sections.setting import references, setting
from arena.report.sections.votes import comparison, judging, prompts
from arena.report.texts import text


def make_document(lang: str, facts: ReportFacts, details: Details, plot_lang: str = "") -> Document:
    """The report in one language (zh or en). `plot_lang` is the language of plot labels, by default the same."""
    blocks: list[Block] = [
        *opening(lang, facts, details),
        *_lines(lang, "summary", summary(lang, facts)),
        *setting(lang, facts, details.machine),
        *prompts(lang, facts),
        *judging(lang, facts),
        *comparison(lang, facts, plot_lang or lang),
        *all_models(lang, facts),
        *assessment(lang, facts),
        *_lines(lang, "conclusion", conclusion(lang, facts)),
        *_lines(lang, "limits", limits(lang, facts)),
        *_lines(lang, "links", details.links),
    ]
    blocks += references(lang, facts, any(isinstance(block, Figure) for block in blocks))
    return Document(lang, title_of(lang, facts, details), tuple(blocks))


def _lines(lang: str, title: str, lines: Iterable[str]) -> Iterator[Block]:
    """A section of single lines; nothing without any."""
    if items := tuple(lines):
        yield Heading(2, text(lang, title))
        yield Bullets(items)
