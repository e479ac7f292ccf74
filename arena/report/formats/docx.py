"""A report as a Word file on A4: a cover, a table of contents, numbered captions, pages with numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arena.report.blocks import (
    Block,
    Bullets,
    Column,
    Contents,
    Cover,
    Document,
    Figure,
    Heading,
    Links,
    Paragraph,
    Quote,
    References,
    SideBySide,
    Table,
)
from arena.report.formats.addresses import is_address
from arena.report.formats.docx_fields import add_bookmark, add_caption, add_link, update_fields_on_opening
from arena.report.formats.docx_front import add_contents, add_cover
from arena.report.formats.docx_styles import BIBLIOGRAPHY, CELL, CODE, NOTE, SHADE, WIDTH_CM, set_styles
from arena.report.formats.docx_text import fit, write
from arena.report.formats.drawing import as_png
from arena.report.formats.numbering import Line, Numbered, contents, numbered
from arena.report.formats.pieces import pieces
from arena.text import columns_wide

if TYPE_CHECKING:
    from docx.document import Document as Word

_LONGEST_PROPERTY = 255
_PICTURE_CM = 14
# Latin characters that a column of a table takes the room of, at least and at most.
_LEAST, _MOST, _PADDING = 6, 30, 2


def as_docx(document: Document) -> bytes:
    """The whole file."""
    import docx

    word = docx.Document()
    set_styles(word)
    word.core_properties.title = fit(document.title)[:_LONGEST_PROPERTY]
    word.core_properties.author = ""
    items = numbered(document)
    lines = contents(items)
    for item, after in zip(items, [*items[1:], None], strict=True):
        _add(word, item, lines, document.lang)
        if after and _belongs(item.block, after.block):
            word.paragraphs[-1].paragraph_format.keep_with_next = True
    update_fields_on_opening(word)
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _belongs(block: Block, after: Block) -> bool:
    """Whether the two should stand on one page: a label and what it labels, a prompt and its answers."""
    match block, after:
        case (Paragraph(), Bullets() | Quote()) | (Quote(), SideBySide()):
            return True
    return False


def _add(word: Word, item: Numbered, lines: Sequence[Line], lang: str) -> None:
    block = item.block
    match block:
        case Cover():
            add_cover(word, block, lang)
        case Contents():
            add_contents(word, block, lines)
        case Heading():
            add_bookmark(write(word.add_heading("", block.level - 1), block.text), item.anchor, lines)
        case Paragraph():
            write(word.add_paragraph(), block.text)
        case Bullets():
            for text in block.items:
                write(word.add_paragraph(style="List Bullet"), text)
        case Links():
            for text in block.items:
                _add_address(word.add_paragraph(style="List Bullet"), text)
        case References():
            _add_references(word, block)
        case Table():
            _add_table(word, block, item)
        case Quote():
            _add_quote(word, block)
        case SideBySide():
            _add_columns(word, block)
        case Figure():
            _add_figure(word, block, item)


def _add_address(paragraph: Any, text: str) -> None:
    if is_address(text):
        add_link(paragraph, text)
    else:
        write(paragraph, text)


def _add_references(word: Word, block: References) -> None:
    for number, work in enumerate(block.items, start=1):
        paragraph = write(word.add_paragraph(style=BIBLIOGRAPHY), f"[{number}]\t{work.text}")
        if work.address:
            paragraph.add_run(" ")
            _add_address(paragraph, work.address)


def _add_quote(word: Word, block: Quote) -> None:
    if block.about:
        about = write(word.add_paragraph(style=NOTE), block.about, bold=True)
        about.paragraph_format.keep_with_next = True
    for line in fit(block.text).split("\n"):
        write(word.add_paragraph(style="Quote"), line)


def _add_figure(word: Word, block: Figure, item: Numbered) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Cm

    picture = word.add_picture(io.BytesIO(as_png(block.spec)), width=Cm(_PICTURE_CM))
    picture._inline.docPr.set("descr", fit(block.caption))
    holder = word.paragraphs[-1]
    holder.alignment, holder.paragraph_format.keep_with_next = WD_ALIGN_PARAGRAPH.CENTER, True
    if item.number:
        add_caption(word, item)


def _add_table(word: Word, block: Table, item: Numbered) -> None:
    if item.number:
        add_caption(word, item).paragraph_format.keep_with_next = True
    table = _grid(word, len(block.headers), block.headers)
    for row in block.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.paragraphs[0].style = CELL
            _add_address(cell.paragraphs[0], text)
    for row in table.rows:
        _mark(row, "cantSplit")
    _set_widths(table, _shares(block))
    _after(word)


def _grid(word: Word, columns: int, headers: tuple[str, ...]) -> Any:
    """A table with its row of headers, which stands again at the head of every page that the table reaches."""
    table = word.add_table(rows=1, cols=columns, style="Table Grid")
    table.autofit = False
    for cell, text in zip(table.rows[0].cells, headers, strict=True):
        cell.paragraphs[0].style = CELL
        write(cell.paragraphs[0], text, bold=True).paragraph_format.keep_with_next = True
        _shade(cell)
    _mark(table.rows[0], "tblHeader")
    return table


def _set_widths(table: Any, shares: list[float]) -> None:
    from docx.shared import Cm

    for column, share in zip(table.columns, shares, strict=True):
        # Word goes by the cells, LibreOffice by the column.
        for place in (column, *column.cells):
            place.width = Cm(WIDTH_CM * share)


def _shares(block: Table) -> list[float]:
    """Of the width, by column: as much as its longest cell wants, within reason."""
    columns = zip(block.headers, *block.rows, strict=True)
    wanted = [min(_MOST, max(_LEAST, *map(columns_wide, column))) + _PADDING for column in columns]
    return [width / sum(wanted) for width in wanted]


def _mark(row: Any, name: str) -> None:
    """`cantSplit`: the row is not cut by the end of a page; `tblHeader`: it is repeated there."""
    from docx.oxml.ns import qn

    properties = row._tr.get_or_add_trPr()
    properties.append(properties.makeelement(qn(f"w:{name}"), {}))


def _shade(cell: Any) -> None:
    from docx.oxml.ns import qn

    properties = cell._tc.get_or_add_tcPr()
    colour = {qn("w:val"): "clear", qn("w:color"): "auto", qn("w:fill"): SHADE}
    properties.append(properties.makeelement(qn("w:shd"), colour))


def _add_columns(word: Word, block: SideBySide) -> None:
    sides = (block.left, block.right)
    table = _grid(word, len(sides), tuple(column.name for column in sides))
    for cell, column in zip(table.add_row().cells, sides, strict=True):
        _fill(cell, column)
    _set_widths(table, [1 / len(sides)] * len(sides))
    _after(word)


def _fill(cell: Any, column: Column) -> None:
    from docx.shared import Pt

    for heading, text in column.parts:
        if heading:
            write(cell.add_paragraph(style=NOTE), heading, bold=True)
        for piece in pieces(text):
            if piece.code:
                write(cell.add_paragraph(style=CODE), piece.text)
            else:
                # A paragraph a line: each has a direction of its own.
                for line in piece.text.split("\n"):
                    write(cell.add_paragraph(style=CELL), line)
    for place, note in enumerate(column.notes):
        paragraph = write(cell.add_paragraph(style=NOTE), note)
        if not place:
            paragraph.paragraph_format.space_before = Pt(4)
    # A cell is made with an empty paragraph at its head.
    first = cell.paragraphs[0]
    if len(cell.paragraphs) > 1 and not first.text:
        first._element.getparent().remove(first._element)


def _after(word: Word) -> None:
    """Two tables in a row would grow together."""
    word.add_paragraph(style=NOTE)
