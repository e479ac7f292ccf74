"""What a Word file needs beyond python-docx: styles, fields, captions, links, and text that runs from right to left."""

import re
import unicodedata
from pathlib import Path
from typing import Any

from docx.document import Document as Word
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

from arena.report.blocks import Figure, Table, caption_of
from arena.text import one_line_end

# Has the page (A4), the styles, and a Latin and a Chinese font for each of them. Edit it in Word or LibreOffice. Word
# computes all fields when it opens the file (updateFields in its settings), since only Word knows the page numbers.
TEMPLATE = Path(__file__).with_name("template.docx")
# Between its margins.
WIDTH_CM = 17.0
SHADE = "F1F4F8"
# The template's styles besides those that every document of Word's has.
CELL, CODE, NOTE, COVER_HEAD, COVER_LINE = "Cell", "Answer code", "Note", "Cover head", "Cover line"
CONTENTS_LINES = ("toc 1", "toc 2")
BIBLIOGRAPHY = "Bibliography"
LINK = "Hyperlink"
# Characters that XML cannot hold.
_NOT_XML = re.compile("[\ufffe\uffff]")
_DIRECTIONS = {"L": "L", "R": "R", "AL": "R"}  # of letters; all other characters are neutral
# The order of elements is part of the format; a new element goes before the first of these.
_AFTER_BIDI = (
    "w:adjustRightInd w:snapToGrid w:spacing w:ind w:contextualSpacing w:mirrorIndents w:suppressOverlap w:jc "
    "w:textDirection w:textAlignment w:textboxTightWrap w:outlineLvl w:divId w:cnfStyle w:rPr w:sectPr w:pPrChange"
)


def element(parent: Any, name: str, /, **attributes: str) -> Any:
    """A new element w:`name`, not yet part of the parent, with attributes such as w:val."""
    return parent.makeelement(qn(f"w:{name}"), {qn(f"w:{key}"): value for key, value in attributes.items()})


def append(parent: Any, name: str, text: str = "", /, **attributes: str) -> Any:
    """A new element with the text at the end of the parent."""
    child = element(parent, name, **attributes)
    if text:
        child.set(qn("xml:space"), "preserve")
        child.text = text
    parent.append(child)
    return child


def valid_text(text: str) -> str:
    """The text without what XML cannot hold, and with one kind of line end."""
    return _NOT_XML.sub("\ufffd", one_line_end(text))


def write(paragraph: Paragraph, text: str, bold: bool = False) -> Paragraph:
    """Adds the text and returns the paragraph, which runs from the right if its first letter does."""
    text = valid_text(text)
    directions = "".join(_DIRECTIONS.get(unicodedata.bidirectional(letter), "N") for letter in text)
    # Neutral characters between two letters from the right belong to them.
    for part in re.finditer("R(?:N*R)*|[^R]+", directions):
        run = paragraph.add_run(text[part.start() : part.end()])
        run.bold = bold or None
        if part[0].startswith("R"):
            append(run._r.get_or_add_rPr(), "rtl")
    if directions.lstrip("N").startswith("R"):
        properties = paragraph._p.get_or_add_pPr()
        properties.insert_element_before(element(properties, "bidi"), *_AFTER_BIDI.split())
    return paragraph


def add(parent: Any, text: str, style: str | None = None, bold: bool = False) -> Paragraph:
    """A new paragraph with the text."""
    return write(parent.add_paragraph(style=style), text, bold)


def add_field(parent: Any, instruction: str, placeholder: str) -> None:
    """Adds a field to a paragraph; `placeholder` is shown until Word computes it."""
    begin_field(parent, instruction)
    append(append(parent, "r"), "t", placeholder)
    end_field(parent)


def begin_field(parent: Any, instruction: str) -> None:
    """Opens a field whose content may span several paragraphs."""
    append(append(parent, "r"), "fldChar", fldCharType="begin")
    append(append(parent, "r"), "instrText", f" {instruction} ")
    append(append(parent, "r"), "fldChar", fldCharType="separate")


def end_field(parent: Any) -> None:
    """Closes the field that was opened last."""
    append(append(parent, "r"), "fldChar", fldCharType="end")


def add_caption(word: Word, block: Table | Figure, lang: str) -> Paragraph:
    """A caption in Word's own style, with a number that Word counts."""
    kind, _, number = block.label.rpartition(" ")
    paragraph = word.add_paragraph(style="Caption")
    paragraph.add_run(f"{kind} ")
    add_field(paragraph._p, f"SEQ {kind} \\* ARABIC", number)
    return write(paragraph, caption_of(lang, block))


def bookmark_name(number: int) -> str:
    """The name of a heading's bookmark, as Word writes it."""
    return f"_Toc{number:08d}"


def add_bookmark(paragraph: Paragraph, number: int) -> None:
    """Marks a heading as the target of a line in the table of contents."""
    begin = element(paragraph._p, "bookmarkStart", id=str(number), name=bookmark_name(number))
    paragraph._p.insert(1 if paragraph._p.pPr is not None else 0, begin)
    append(paragraph._p, "bookmarkEnd", id=str(number))


def add_link(paragraph: Paragraph, address: str) -> None:
    """Adds a web address as a link."""
    target = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = append(paragraph._p, "hyperlink")
    link.set(qn("r:id"), target)
    link.append(paragraph.add_run(address, style=LINK)._r)
