"""A report as a Word file on A4, with a font for Chinese named beside the one for Latin."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from arena.report.blocks import (
    Block,
    Bullets,
    Column,
    Document,
    Figure,
    Heading,
    Links,
    Paragraph,
    Quote,
    SideBySide,
    Table,
)
from arena.report.formats.drawing import as_png
from arena.report.formats.pieces import pieces
from arena.text import columns_wide

if TYPE_CHECKING:
    from docx.document import Document as Word

_LATIN, _HAN, _CODE = "Calibri", "SimSun", "Consolas"
# What XML cannot hold at all.
_NO_XML = re.compile("[\ufffe\uffff]")
_LONGEST_PROPERTY = 255
_WIDTH_CM = 18.0
# Latin characters that a column of a table takes the room of, at least and at most.
_LEAST, _MOST = 7, 30


def as_docx(document: Document) -> bytes:
    """The whole file."""
    import docx

    word = docx.Document()
    _set_page(word)
    _set_fonts(word, document.lang)
    word.core_properties.title = _fit(document.title)[:_LONGEST_PROPERTY]
    word.core_properties.author = ""
    for block in document.blocks:
        _add(word, block)
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _set_page(word: Word) -> None:
    from docx.shared import Cm

    page = word.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(1.5)
    page.top_margin = page.bottom_margin = Cm(1.8)


def _set_fonts(word: Word, lang: str) -> None:
    """Word chooses by character between the two fonts of a style: the one for East Asia has to be named as well."""
    from docx.oxml.ns import qn
    from docx.shared import Pt

    for style in word.styles:
        if getattr(style, "font", None) is not None:
            style.font.name = _LATIN
    # Those of the styles, and the one that stands before all of them.
    for fonts in word.styles.element.iter(qn("w:rFonts")):
        fonts.set(qn("w:ascii"), _LATIN)
        fonts.set(qn("w:hAnsi"), _LATIN)
        fonts.set(qn("w:eastAsia"), _HAN)
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
    word.styles["Normal"].font.size = Pt(10.5)
    # Chinese has no italics: they are slanted by force, and hard to read.
    word.styles["Quote"].font.italic = False
    word.styles["Quote"].paragraph_format.left_indent = Pt(14)
    language = word.styles["Normal"].element.get_or_add_rPr()
    tag = language.makeelement(qn("w:lang"), {qn("w:val"): "en-US", qn("w:eastAsia"): "zh-CN"})
    if lang == "zh":
        language.append(tag)


def _add(word: Word, block: Block) -> None:
    match block:
        case Heading():
            word.add_heading(_fit(block.text), block.level - 1)
        case Paragraph():
            word.add_paragraph(_fit(block.text))
        case Bullets() | Links():
            for item in block.items:
                word.add_paragraph(_fit(item), style="List Bullet")
        case Table():
            _add_table(word, block)
        case Quote():
            if block.about:
                _say(word, block.about, bold=True).paragraph_format.keep_with_next = True
            word.add_paragraph(_fit(block.text), style="Quote")
        case SideBySide():
            _add_columns(word, block)
        case Figure():
            from docx.shared import Cm

            word.add_picture(io.BytesIO(as_png(block.spec)), width=Cm(14))
            _say(word, block.text)


def _say(place: Any, text: str, bold: bool = False) -> Any:
    """A paragraph of its own, a little smaller."""
    from docx.shared import Pt

    paragraph = place.add_paragraph()
    run = paragraph.add_run(_fit(text))
    run.font.size, run.font.bold = Pt(9.5), bold
    return paragraph


def _add_table(word: Word, block: Table) -> None:
    from docx.shared import Cm

    table = word.add_table(rows=1, cols=len(block.headers), style="Table Grid")
    table.autofit = False
    for cell, text in zip(table.rows[0].cells, block.headers, strict=True):
        cell.paragraphs[0].add_run(_fit(text)).bold = True
    for row in block.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = _fit(text)
    for row in table.rows:
        _keep_whole(row)
    for column, share in zip(table.columns, _shares(block), strict=True):
        # Word goes by the cells, LibreOffice by the column.
        for place in (column, *column.cells):
            place.width = Cm(_WIDTH_CM * share)
    _after(word)


def _shares(block: Table) -> list[float]:
    """Of the width, by column: as much as its longest cell wants, within reason."""
    columns = zip(block.headers, *block.rows, strict=True)
    wanted = [min(_MOST, max(_LEAST, *map(columns_wide, column))) for column in columns]
    return [width / sum(wanted) for width in wanted]


def _keep_whole(row: Any) -> None:
    """A row of a few words is not cut by the end of a page."""
    from docx.oxml.ns import qn

    properties = row._tr.get_or_add_trPr()
    properties.append(properties.makeelement(qn("w:cantSplit"), {}))


def _add_columns(word: Word, block: SideBySide) -> None:
    from docx.shared import Cm

    table = word.add_table(rows=2, cols=2, style="Table Grid")
    table.autofit = False
    for place, column in enumerate((block.left, block.right)):
        for row in table.rows:
            row.cells[place].width = Cm(_WIDTH_CM / 2)
        table.rows[0].cells[place].paragraphs[0].add_run(_fit(column.name)).bold = True
        _fill(table.rows[1].cells[place], column)
    _after(word)


def _fill(cell: Any, column: Column) -> None:
    from docx.shared import Pt

    for heading, text in column.parts:
        if heading:
            _say(cell, heading, bold=True)
        for piece in pieces(text):
            run = cell.add_paragraph().add_run(_fit(piece.text))
            if piece.code:
                run.font.name, run.font.size = _CODE, Pt(9)
    for note in column.notes:
        run = cell.add_paragraph().add_run(_fit(note))
        run.font.size = Pt(9)
    # A cell is made with an empty paragraph at its head.
    first = cell.paragraphs[0]
    if len(cell.paragraphs) > 1 and not first.text:
        first._element.getparent().remove(first._element)


def _after(word: Word) -> None:
    """Two tables in a row would grow together."""
    word.add_paragraph()


def _fit(text: str) -> str:
    """What XML can hold, with one kind of line end."""
    return _NO_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
