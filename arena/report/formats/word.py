"""What a Word file needs beyond python-docx: styles, fields, captions, links, and text that runs from right to left."""

import re
import unicodedata
from itertools import groupby
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
_RIGHT_TO_LEFT = ("R", "AL")
# The order of elements is part of the format; a new element goes before the first of these.
_AFTER_BIDI = (
    "w:adjustRightInd w:snapToGrid w:spacing w:ind w:contextualSpacing w:mirrorIndents w:suppressOverlap w:jc "
    "w:textDirection w:textAlignment w:textboxTightWrap w:outlineLvl w:divId w:cnfStyle w:rPr w:sectPr w:pPrChange"
)


def element(parent: Any, name: str, /, **attributes: str) -> Any:
    """A new element w:`name`, not yet part of the parent, with attributes such as w:val."""
    return parent.makeelement(qn(f"w:{name}"), {qn(f"w:{key}"): value for key, value in attributes.items()})


def append(parent: Any, name: str, /, **attributes: str) -> Any:
    """A new element at the end of the parent."""
    child = element(parent, name, **attributes)
    parent.append(child)
    return child


def valid_text(text: str) -> str:
    """The text without what XML cannot hold, and with one kind of line end."""
    return _NOT_XML.sub("\ufffd", one_line_end(text))


def write(paragraph: Paragraph, text: str, bold: bool = False) -> Paragraph:
    """Adds the text and returns the paragraph, which runs from the right if its first letter does."""
    for part, is_from_right in _split_by_direction(valid_text(text)):
        run = paragraph.add_run(part)
        run.bold = bold or None
        if is_from_right:
            append(run._r.get_or_add_rPr(), "rtl")
    first = next((mark for mark in map(unicodedata.bidirectional, text) if mark in ("L", *_RIGHT_TO_LEFT)), "L")
    if first != "L":
        properties = paragraph._p.get_or_add_pPr()
        properties.insert_element_before(element(properties, "bidi"), *_AFTER_BIDI.split())
    return paragraph


def add(parent: Any, text: str, style: str | None = None, bold: bool = False) -> Paragraph:
    """A new paragraph with the text."""
    return write(parent.add_paragraph(style=style), text, bold)


def _split_by_direction(text: str) -> list[tuple[str, bool]]:
    """The text cut where its direction changes. Neutral characters between two letters of one direction join them."""
    directions: list[bool] = []
    pending = 0
    for mark in map(unicodedata.bidirectional, text):
        if mark != "L" and mark not in _RIGHT_TO_LEFT:
            pending += 1
            continue
        is_from_right = mark in _RIGHT_TO_LEFT
        was_from_right = bool(directions) and directions[-1]
        directions += [is_from_right and was_from_right] * pending + [is_from_right]
        pending = 0
    directions += [False] * pending
    groups = groupby(zip(text, directions, strict=True), key=lambda pair: pair[1])
    return [("".join(letter for letter, _ in group), is_from_right) for is_from_right, group in groups]


def add_field(parent: Any, instruction: str, placeholder: str) -> None:
    """Adds a field to a paragraph; `placeholder` is shown until Word computes it."""
    begin_field(parent, instruction)
    _append_text(parent, "t", placeholder)
    end_field(parent)


def begin_field(parent: Any, instruction: str) -> None:
    """Opens a field whose content may span several paragraphs."""
    append(append(parent, "r"), "fldChar", fldCharType="begin")
    _append_text(parent, "instrText", f" {instruction} ")
    append(append(parent, "r"), "fldChar", fldCharType="separate")


def end_field(parent: Any) -> None:
    """Closes the field that was opened last."""
    append(append(parent, "r"), "fldChar", fldCharType="end")


def _append_text(parent: Any, name: str, text: str) -> None:
    child = append(append(parent, "r"), name)
    child.set(qn("xml:space"), "preserve")
    child.text = text


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
