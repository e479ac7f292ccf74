"""The results as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arena.results.figures import Figures
from arena.results.sentences import first_sentences
from arena.text import columns_wide
from ui.results.sections import Table, sections


def lines(lang: str, figures: Figures) -> Iterator[str]:
    """Everything that the page says, in its order."""
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
