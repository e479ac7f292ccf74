"""The results as HTML: the first sentences, sections, a closed room's results."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from arena.results.figures import Figures
from arena.results.sentences import first_sentences
from arena.results.service import ReadingProgress
from ui.results.sections import Section, sections
from ui.tables import html_table
from ui.texts import text


def summary(lang: str, figures: Figures) -> str:
    """The verdict, how firm it is, and what to do."""
    first, *rest = _bold(lang, figures)
    return f'<p class="lead">{first}</p>' + "".join(f"<p>{line}</p>" for line in rest)


def _bold(lang: str, figures: Figures) -> list[str]:
    """The sentences, models' names in bold. Templates of the page are plain, what is filled in is not trusted."""

    def name(model: str) -> str:
        return f"\x02{model}\x03"

    lines = first_sentences(lang, figures, name)
    return [escape(line).replace("\x02", "<b>").replace("\x03", "</b>") for line in lines]


def section_body(section: Section) -> str:
    """What stands under the heading."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    table = section.table
    if table is None or not table.rows:
        return lines
    return lines + html_table(table.headers, [[escape(cell) for cell in row] for row in table.rows])


def room_results(lang: str, figures: Figures) -> str:
    """What the votes of one room come to: the first sentences and the counts."""
    counts: Iterable[Section] = (one for one in sections(lang, figures) if one.name in ("models", "counts"))
    return summary(lang, figures) + "".join(map(section_body, counts))


def reading_line(lang: str, progress: ReadingProgress | None) -> str:
    """How far the votes are read."""
    if progress is None or not progress.total:
        return f'<p role="status">{text(lang, "results_counting")}</p>'
    words = text(lang, "results_reading", share=100 * progress.done // progress.total)
    left = progress.seconds_left
    if left is not None:
        words += text(lang, "results_left", seconds=f"{left:.0f}")
    return f'<p role="status">{words}</p><progress max="{progress.total}" value="{progress.done}"></progress>'
