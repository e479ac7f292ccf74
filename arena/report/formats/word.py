"""What a Word file needs beyond python-docx: styles, fields, captions, links, and text that runs from right to left."""

import re
import unicodedata
from itertools import groupby
from typing import Any

from docx.document import Document as Word
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from arena.report.blocks import NumberedBlock

LINK = "Hyperlink"
# Characters that XML cannot hold.
_NOT_XML = re.compile("[\ufffe\uffff]")
_RIGHT_TO_LEFT = ("R", "AL")
# The order of elements is part of the format; a new element goes before the first of these.
_AFTER_BIDI = (
    "w:adjustRightInd w:snapToGrid w:spacing w:ind w:contextualSpacing w:mirrorIndents w:suppressOverlap w:jc "
    "w:textDirection w:textAlignment w:textboxTightWrap w:outlineLvl w:divId w:cnfStyle w:rPr w:sectPr w:pPrChange"
)
_AFTER_UPDATE_FIELDS = "w:hdrShapeDefaults w:footnotePr w:endnotePr w:compat w:docVars w:rsids m:mathPr"


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
    return _NOT_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


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


def add_caption(word: Word, item: NumberedBlock) -> Paragraph:
    """A caption in Word's own style, with a number that Word counts."""
    paragraph = word.add_paragraph(style="Caption")
    paragraph.add_run(f"{item.word} ")
    add_field(paragraph._p, f"SEQ {item.word} \\* ARABIC", str(item.number))
    return write(paragraph, item.caption)


def update_fields_on_opening(word: Word) -> None:
    """Lets Word compute all fields when it opens the file, since only Word knows the page numbers."""
    settings = word.settings.element
    settings.insert_element_before(element(settings, "updateFields", val="true"), *_AFTER_UPDATE_FIELDS.split())


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


# ---- the page, fonts and styles; each style names a Latin and a Chinese font

_LATIN, _HAN, _HAN_HEADING, _MONOSPACED = "Calibri", "SimSun", "SimHei", "Consolas"
_DARK, _GREY, _LINK_BLUE, SHADE = "1F3864", "444B55", "1F5FBF", "F1F4F8"
_MARGIN_CM = 2.0
WIDTH_CM = 21 - 2 * _MARGIN_CM

# Styles missing from python-docx's template. Those in the last two lines are Word's own.
CELL, CODE, NOTE, COVER_HEAD, COVER_LINE = "Cell", "Answer code", "Note", "Cover head", "Cover line"
CONTENTS_LINES = ("toc 1", "toc 2")
BIBLIOGRAPHY = "Bibliography"


def set_styles(word: Word) -> None:
    """Sets the page and the styles of a new document."""
    page = word.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(_MARGIN_CM)
    page.top_margin = page.bottom_margin = Cm(2.2)
    _add_styles(word)
    _set_fonts(word)
    _set_headings(word)
    _set_text(word)


def _add_styles(word: Word) -> None:
    normal = word.styles["Normal"]
    for name in (CELL, CODE, NOTE, COVER_HEAD, COVER_LINE):
        word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH).base_style = normal
    for name in (*CONTENTS_LINES, BIBLIOGRAPHY):
        # Word identifies a line of the contents by the id TOC1 and the name "toc 1".
        style = word.styles.add_style(name.upper() if name in CONTENTS_LINES else name, WD_STYLE_TYPE.PARAGRAPH, True)
        style.base_style, style.name = normal, name
    word.styles.add_style(LINK, WD_STYLE_TYPE.CHARACTER, True)


def _set_fonts(word: Word) -> None:
    """Word chooses between the two fonts of a style by character, so the East Asian one must be named as well."""
    for style in word.styles:
        if getattr(style, "font", None) is not None:
            style.font.name = _LATIN
    # The fonts of the styles and of the document defaults.
    for fonts in word.styles.element.iter(qn("w:rFonts")):
        _name_fonts(fonts, _LATIN, _HAN)
    # An English report quotes Chinese answers too.
    for language in word.styles.element.iter(qn("w:lang")):
        language.set(qn("w:eastAsia"), "zh-CN")
    for theme in word.settings.element.iter(qn("w:themeFontLang")):
        theme.set(qn("w:eastAsia"), "zh-CN")


def _name_fonts(fonts: Any, latin: str, han: str) -> None:
    for script, name in (("ascii", latin), ("hAnsi", latin), ("eastAsia", han), ("cs", latin)):
        fonts.set(qn(f"w:{script}"), name)
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _set_headings(word: Word) -> None:
    # Size, space before, space after.
    looks = {
        "Title": (26, 130, 150),
        "Heading 1": (16, 22, 8),
        "Heading 2": (13, 14, 6),
        "TOC Heading": (16, 0, 10),
        COVER_HEAD: (24, 40, 0),
    }
    for name, (size, before, after) in looks.items():
        style = word.styles[name]
        _name_fonts(style.element.get_or_add_rPr().get_or_add_rFonts(), _LATIN, _HAN_HEADING)
        style.font.size, style.font.bold = Pt(size), True
        style.font.color.rgb = RGBColor.from_string(_DARK)
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
    title = word.styles["Title"].element.get_or_add_pPr()
    title.remove(title.find(qn("w:pBdr")))


def _set_text(word: Word) -> None:
    styles = word.styles
    for name in ("Title", COVER_HEAD, COVER_LINE, "TOC Heading", "Caption"):
        styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    # The page numbers of the contents are at the right margin.
    for depth, name in enumerate(CONTENTS_LINES):
        form = styles[name].paragraph_format
        form.tab_stops.add_tab_stop(Cm(WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
        form.left_indent, form.space_after = Cm(0.75 * depth), Pt(4)
    sizes = {"Normal": 10.5, CELL: 9.5, CODE: 9, NOTE: 9, "Caption": 9.5, BIBLIOGRAPHY: 10, COVER_LINE: 14}
    for name, size in sizes.items():
        styles[name].font.size = Pt(size)
    for name, space in {CODE: 2, NOTE: 2, CELL: 0, "Caption": 6, "Quote": 4, COVER_LINE: 12}.items():
        styles[name].paragraph_format.space_after = Pt(space)
    _name_fonts(styles[CODE].element.get_or_add_rPr().get_or_add_rFonts(), _MONOSPACED, _HAN)
    styles["Caption"].font.color.rgb = styles[NOTE].font.color.rgb = RGBColor.from_string(_GREY)
    # Chinese has no italics; slanted characters are hard to read.
    styles["Quote"].font.italic = styles["Quote"].font.cs_italic = False
    styles["Quote"].paragraph_format.left_indent = Pt(14)
    works = styles[BIBLIOGRAPHY].paragraph_format
    works.left_indent, works.first_line_indent = Cm(1), Cm(-1)
    styles[LINK].font.color.rgb, styles[LINK].font.underline = RGBColor.from_string(_LINK_BLUE), True
    # The grey background makes a box of lines of code.
    code = styles[CODE].element.get_or_add_pPr()
    shading = element(code, "shd", val="clear", color="auto", fill=SHADE)
    code.insert_element_before(shading, "w:tabs", "w:spacing", "w:ind", "w:jc")
    # Space above and below the text of a cell, in twentieths of a point.
    for margins in styles["Table Grid"].element.iter(qn("w:tblCellMar")):
        for name in ("w:top", "w:bottom"):
            margins.find(qn(name)).set(qn("w:w"), "45")
