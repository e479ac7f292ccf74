"""The first pages of a Word file: the cover, and the table of contents, from which pages are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from arena.report.blocks import Contents, Cover
from arena.report.formats.docx_fields import add_field, add_inner_link, begin_field, bookmark, end_field
from arena.report.formats.docx_styles import CONTENTS_LINES, COVER_HEAD, COVER_LINE
from arena.report.formats.docx_text import fit, write
from arena.report.formats.numbering import FIRST_LEVEL, Line
from arena.report.words import say

if TYPE_CHECKING:
    from docx.document import Document as Word


def add_cover(word: Word, cover: Cover, lang: str) -> None:
    """The cover on a page of its own, without a number; what follows begins at page 1."""
    if cover.above:
        write(word.add_paragraph(style=COVER_HEAD), cover.above)
    write(word.add_heading("", 0), cover.title)
    for name, value in cover.rows:
        write(word.add_paragraph(style=COVER_LINE), say(lang, "cover_line", name=name, value=value))
    _begin_numbered_pages(word)


def _begin_numbered_pages(word: Word) -> None:
    from docx.enum.section import WD_SECTION
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn

    section = word.add_section(WD_SECTION.NEW_PAGE)
    numbers = section._sectPr.makeelement(qn("w:pgNumType"), {qn("w:start"): "1"})
    section._sectPr.insert_element_before(numbers, "w:cols", "w:docGrid")
    section.footer.is_linked_to_previous = False
    paragraph = section.footer.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    add_field(paragraph._p, "PAGE", "1")


def add_contents(word: Word, contents: Contents, lines: Sequence[Line]) -> None:
    """Word's own table of contents, its lines filled in already.

    They have no tab and no page number yet, since nobody knows it before Word: the table reads well either way.
    """
    from docx.enum.text import WD_BREAK

    write(word.add_paragraph(style="TOC Heading"), contents.title)
    paragraph = None
    for number, line in enumerate(lines):
        first = paragraph is None
        paragraph = word.add_paragraph(style=CONTENTS_LINES[line.level - FIRST_LEVEL])
        if first:
            begin_field(paragraph._p, f'TOC \\o "1-{len(CONTENTS_LINES)}" \\h \\z \\u')
        link = add_inner_link(paragraph, bookmark(number))
        link.append(paragraph.add_run(fit(line.text))._r)
    if paragraph is not None:
        end_field(paragraph._p)
    word.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
