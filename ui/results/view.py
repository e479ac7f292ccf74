"""The results as HTML for the page and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from arena.results.figures import Figures
from arena.results.sentences import first_sentences
from arena.results.service import ReadingProgress
from arena.text import columns_wide
from ui.markup import html_table, status
from ui.results.sections import Section, Table, sections
from ui.texts import text


def summary(lang: str, figures: Figures) -> str:
    """The verdict, how certain it is, and what to do next, as HTML."""
    first, *rest = _bold(lang, figures)
    return f'<p class="lead">{first}</p>' + "".join(f"<p>{line}</p>" for line in rest)


def _bold(lang: str, figures: Figures) -> list[str]:
    """The sentences as HTML with the models' names in bold."""

    def name(model: str) -> str:
        return f"\x02{model}\x03"

    lines = first_sentences(lang, figures, name)
    return [escape(line).replace("\x02", "<b>").replace("\x03", "</b>") for line in lines]


def section_body(section: Section) -> str:
    """The sentences and the table of a section, as HTML."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = section.table
    if table is None or not table.rows:
        return lines
    return lines + html_table(table.headers, [[escape(cell) for cell in row] for row in table.rows])


def room_results(lang: str, figures: Figures) -> str:
    """The results of one room, as HTML: the first sentences and the counts."""
    counts: Iterable[Section] = (part for part in sections(lang, figures) if part.name in ("models", "counts"))
    return summary(lang, figures) + "".join(map(section_body, counts))


def reading_line(lang: str, progress: ReadingProgress | None) -> str:
    """How far the votes are read, as HTML."""
    if progress is None or not progress.total:
        return status(text(lang, "results_counting"))
    words = text(lang, "results_reading", share=100 * progress.done // progress.total)
    left = progress.seconds_left
    if left is not None:
        words += text(lang, "results_left", seconds=f"{left:.0f}")
    return f'{status(words)}<progress max="{progress.total}" value="{progress.done}"></progress>'


def lines(lang: str, figures: Figures) -> Iterator[str]:
    """Everything that the results tab shows, in the same order."""
    yield from first_sentences(lang, figures)
    for section in sections(lang, figures):
        yield ""
        yield section.title
        yield from (f"  {line}" for line in section.lines)
        if section.table:
            yield from _aligned(section.table)


def _aligned(table: Table) -> Iterator[str]:
    rows: Sequence[tuple[str, ...]] = (table.headers, *table.rows)
    widths = [max(columns_wide(row[column]) for row in rows) for column in range(len(table.headers))]
    for row in rows:
        cells = (cell + " " * (width - columns_wide(cell)) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
