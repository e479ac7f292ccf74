"""The results in words: sections of sentences and tables, as HTML for the page and as lines for a terminal."""

from collections.abc import Iterator, Sequence
from html import escape

from arena.errors import ArenaError
from arena.results.figures import Figures
from arena.results.sentences import first_sentences
from arena.results.service import ReadingProgress
from arena.text import columns_wide
from ui.markup import html_table, status
from ui.results.picture import chart, picture
from ui.results.sections import Section, Table, sections
from ui.texts import error_text, text


def verdict_html(lang: str, figures: Figures) -> str:
    """The verdict, how certain it is, and what to do next, as HTML with the models' names in bold."""

    def name(model: str) -> str:
        return f"\x02{model}\x03"

    lines = "".join(f"<p>{escape(line)}</p>" for line in first_sentences(lang, figures, name))
    return lines.replace("\x02", "<b>").replace("\x03", "</b>").replace("<p>", '<p class="lead">', 1)


def section_body(section: Section) -> str:
    """The sentences and the table of a section, as HTML."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = section.table
    if table is None or not table.rows:
        return lines
    return lines + html_table(table.headers, [[escape(cell) for cell in row] for row in table.rows])


def room_results(lang: str, figures: Figures) -> str:
    """The results of one room, as HTML: the results at a glance, the verdict, the outcomes and the counts."""
    counts = (section_body(part) for part in sections(lang, figures) if part.name in ("models", "counts"))
    more = f"<summary>{escape(text(lang, 'results_details'))}</summary>{verdict_html(lang, figures)}"
    return f"{picture(lang, figures)}<details>{more}{chart(lang, figures)}{''.join(counts)}</details>"


def locked(lang: str, error: ArenaError) -> str:
    """Why no results are shown, as HTML, with the way to what unlocks them."""
    way = f'<a class="button" href="#arena">{escape(text(lang, "go_rate"))}</a>' if error.code == "still_blind" else ""
    return f'<div class="locked"><h2>{escape(error_text(lang, error))}</h2>{way}</div>'


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
