"""A report as a Word file on A4: a cover, a table of contents, numbered captions and pages."""

import io
from collections.abc import Sequence
from typing import Any

import docx
from docx.document import Document as Word
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.shared import Cm, Pt

from arena.report import blocks
from arena.report.formats import word as parts
from arena.report.texts import text
from arena.results.plots import as_png
from arena.text import columns_wide

# Kept on one page: a label and what it labels, a prompt and its answers.
_TOGETHER = {(blocks.Paragraph, blocks.Bullets), (blocks.Paragraph, blocks.Quote), (blocks.Quote, blocks.SideBySide)}
_LONGEST_PROPERTY = 255
_BESIDE = 2  # answers side by side
_PICTURE_CM = 14
# The width of a table's column in Latin characters.
_NARROWEST, _WIDEST, _PADDING = 6, 30, 2


def as_docx(document: blocks.Document) -> bytes:
    """The whole file."""
    word = docx.Document(str(parts.TEMPLATE))
    word.core_properties.title = parts.valid_text(document.title)[:_LONGEST_PROPERTY]
    word.core_properties.author = ""
    for block, following in zip(document.blocks, [*document.blocks[1:], None], strict=True):
        _add(word, document, block)
        if (type(block), type(following)) in _TOGETHER:
            word.paragraphs[-1].paragraph_format.keep_with_next = True
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _add(word: Word, document: blocks.Document, block: blocks.Block) -> None:
    lang = document.lang
    match block:
        case blocks.Cover():
            _add_cover(word, block, lang)
        case blocks.Contents():
            _add_contents(word, block, document.headings)
        case blocks.Heading():
            heading = parts.write(word.add_heading("", block.level - 1), block.text)
            parts.add_bookmark(heading, document.headings.index(block))
        case blocks.Paragraph():
            parts.add(word, block.text)
        case blocks.Bullets():
            for line in block.items:
                _write_linked(word.add_paragraph(style="List Bullet"), line)
        case blocks.References():
            for number, work in enumerate(block.items, start=1):
                paragraph = parts.add(word, f"[{number}]\t{work.text}", parts.BIBLIOGRAPHY)
                if work.address:
                    paragraph.add_run(" ")
                    _write_linked(paragraph, work.address)
        case blocks.Table():
            _add_table(word, block, lang)
        case blocks.Quote():
            if block.about:
                about = parts.add(word, block.about, parts.NOTE, bold=True)
                about.paragraph_format.keep_with_next = True
            for line in parts.valid_text(block.text).split("\n"):
                parts.add(word, line, "Quote")
        case blocks.SideBySide():
            _add_side_by_side(word, block)
        case blocks.Figure():
            _add_figure(word, block, lang)


def _add_cover(word: Word, cover: blocks.Cover, lang: str) -> None:
    """The cover on its own page, which has no number."""
    if cover.above:
        parts.add(word, cover.above, parts.COVER_HEAD)
    parts.write(word.add_heading("", 0), cover.title)
    for name, value in cover.rows:
        parts.add(word, text(lang, "cover_line", name=name, value=value), parts.COVER_LINE)
    section = word.add_section(WD_SECTION.NEW_PAGE)
    section._sectPr.insert_element_before(parts.element(section._sectPr, "pgNumType", start="1"), "w:cols", "w:docGrid")
    section.footer.is_linked_to_previous = False
    paragraph = section.footer.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    parts.add_field(paragraph._p, "PAGE", "1")


def _add_contents(word: Word, block: blocks.Contents, headings: Sequence[blocks.Heading]) -> None:
    """Word's own table of contents on page 1, already filled in, without page numbers until Word computes them."""
    parts.add(word, block.title, "TOC Heading")
    for number, heading in enumerate(headings):
        paragraph = word.add_paragraph(style=parts.CONTENTS_LINES[heading.level - blocks.FIRST_LEVEL])
        if number == 0:
            parts.begin_field(paragraph._p, f'TOC \\o "1-{len(parts.CONTENTS_LINES)}" \\h \\z \\u')
        link = parts.append(paragraph._p, "hyperlink", anchor=parts.bookmark_name(number), history="1")
        link.append(paragraph.add_run(parts.valid_text(heading.text))._r)
    parts.end_field(word.paragraphs[-1]._p)
    word.add_paragraph().add_run().add_break(WD_BREAK.PAGE)


def _write_linked(paragraph: Any, line: str) -> None:
    if blocks.is_web_address(line):
        parts.add_link(paragraph, line)
    else:
        parts.write(paragraph, line)


def _add_figure(word: Word, block: blocks.Figure, lang: str) -> None:
    picture = word.add_picture(io.BytesIO(as_png(block.spec)), width=Cm(_PICTURE_CM))
    picture._inline.docPr.set("descr", parts.valid_text(block.caption))
    paragraph = word.paragraphs[-1]
    paragraph.alignment, paragraph.paragraph_format.keep_with_next = WD_ALIGN_PARAGRAPH.CENTER, True
    if block.label:
        parts.add_caption(word, block, lang)


def _add_table(word: Word, block: blocks.Table, lang: str) -> None:
    if block.label:
        parts.add_caption(word, block, lang).paragraph_format.keep_with_next = True
    table = _table_with_headers(word, block.headers)
    for row in block.rows:
        for cell, line in zip(table.add_row().cells, row, strict=True):
            cell.paragraphs[0].style = parts.CELL
            _write_linked(cell.paragraphs[0], line)
    for row in table.rows:
        parts.append(row._tr.get_or_add_trPr(), "cantSplit")
    # Each column gets a share of the width by its longest cell.
    columns = zip(block.headers, *block.rows, strict=True)
    widths = [min(_WIDEST, max(_NARROWEST, *map(columns_wide, column))) + _PADDING for column in columns]
    _finish(word, table, [width / sum(widths) for width in widths])


def _table_with_headers(word: Word, headers: Sequence[str]) -> Any:
    """A table with a header row that is repeated on every page."""
    table = word.add_table(rows=1, cols=len(headers), style="Table Grid")
    table.autofit = False
    for cell, header in zip(table.rows[0].cells, headers, strict=True):
        cell.paragraphs[0].style = parts.CELL
        parts.write(cell.paragraphs[0], header, bold=True).paragraph_format.keep_with_next = True
        parts.append(cell._tc.get_or_add_tcPr(), "shd", val="clear", color="auto", fill=parts.SHADE)
    parts.append(table.rows[0]._tr.get_or_add_trPr(), "tblHeader")
    return table


def _finish(word: Word, table: Any, shares: list[float]) -> None:
    for column, share in zip(table.columns, shares, strict=True):
        # Word reads the width of the cells, LibreOffice that of the column.
        for part in (column, *column.cells):
            part.width = Cm(parts.WIDTH_CM * share)
    # Word would join two tables that follow each other directly.
    word.add_paragraph(style=parts.NOTE)


def _add_side_by_side(word: Word, block: blocks.SideBySide) -> None:
    for number in range(0, len(block.columns), _BESIDE):
        columns = block.columns[number : number + _BESIDE]
        table = _table_with_headers(word, [column.name for column in columns])
        for cell, column in zip(table.add_row().cells, columns, strict=True):
            _fill(cell, column)
        _finish(word, table, [1 / _BESIDE] * len(columns))


def _fill(cell: Any, column: blocks.Column) -> None:
    for heading, answer in column.parts:
        if heading:
            parts.add(cell, heading, parts.NOTE, bold=True)
        for part in blocks.split_code(answer):
            # One paragraph per line of prose, since each line has its own direction.
            for line in [part.text] if part.is_code else part.text.split("\n"):
                parts.add(cell, line, parts.CODE if part.is_code else parts.CELL)
    for index, note in enumerate(column.notes):
        paragraph = parts.add(cell, note, parts.NOTE)
        if not index:
            paragraph.paragraph_format.space_before = Pt(4)
    # A new cell begins with an empty paragraph.
    first = cell.paragraphs[0]
    if len(cell.paragraphs) > 1 and not first.text:
        first._element.getparent().remove(first._element)
