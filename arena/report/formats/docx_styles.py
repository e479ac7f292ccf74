"""The page, fonts and styles of a Word file; each style names a Latin and a Chinese font."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arena.report.formats.docx_xml import LINK, element

if TYPE_CHECKING:
    from docx.document import Document as Word

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
    _set_page(word)
    _add_styles(word)
    _set_fonts(word)
    _set_headings(word)
    _set_front(word)
    _set_text(word)


def _set_page(word: Word) -> None:
    from docx.shared import Cm

    page = word.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(_MARGIN_CM)
    page.top_margin = page.bottom_margin = Cm(2.2)


def _add_styles(word: Word) -> None:
    from docx.enum.style import WD_STYLE_TYPE

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
    from docx.oxml.ns import qn

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
    from docx.oxml.ns import qn

    for script, name in (("ascii", latin), ("hAnsi", latin), ("eastAsia", han), ("cs", latin)):
        fonts.set(qn(f"w:{script}"), name)
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _set_headings(word: Word) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

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


def _set_front(word: Word) -> None:
    """Centres the cover and puts the page numbers of the contents at the right margin."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
    from docx.shared import Cm, Pt

    for name in ("Title", COVER_HEAD, COVER_LINE, "TOC Heading", "Caption"):
        word.styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    word.styles[COVER_LINE].font.size = Pt(14)
    word.styles[COVER_LINE].paragraph_format.space_after = Pt(12)
    for depth, name in enumerate(CONTENTS_LINES):
        form = word.styles[name].paragraph_format
        form.tab_stops.add_tab_stop(Cm(WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
        form.left_indent, form.space_after = Cm(0.75 * depth), Pt(4)


def _set_text(word: Word) -> None:
    from docx.shared import Cm, Pt, RGBColor

    styles = word.styles
    styles["Normal"].font.size = Pt(10.5)
    for name, size in ((CELL, 9.5), (CODE, 9), (NOTE, 9), ("Caption", 9.5), (BIBLIOGRAPHY, 10)):
        styles[name].font.size = Pt(size)
    for name in (CODE, NOTE):
        styles[name].paragraph_format.space_after = Pt(2)
    styles[CELL].paragraph_format.space_after = Pt(0)
    _name_fonts(styles[CODE].element.get_or_add_rPr().get_or_add_rFonts(), _MONOSPACED, _HAN)
    styles["Caption"].font.color.rgb = styles[NOTE].font.color.rgb = RGBColor.from_string(_GREY)
    styles["Caption"].paragraph_format.space_after = Pt(6)
    # Chinese has no italics; slanted characters are hard to read.
    styles["Quote"].font.italic = styles["Quote"].font.cs_italic = False
    styles["Quote"].paragraph_format.left_indent = Pt(14)
    styles["Quote"].paragraph_format.space_after = Pt(4)
    works = styles[BIBLIOGRAPHY].paragraph_format
    works.left_indent, works.first_line_indent = Cm(1), Cm(-1)
    styles[LINK].font.color.rgb, styles[LINK].font.underline = RGBColor.from_string(_LINK_BLUE), True
    _paint(styles[CODE])
    _pad(styles["Table Grid"])


def _pad(style: Any) -> None:
    """Adds space above and below the text of a cell, in twentieths of a point."""
    from docx.oxml.ns import qn

    for margin in style.element.iter(qn("w:tblCellMar")):
        for side in (margin.find(qn("w:top")), margin.find(qn("w:bottom"))):
            side.set(qn("w:w"), "45")


def _paint(style: Any) -> None:
    """Adds the grey background that makes a box of lines of code."""
    properties = style.element.get_or_add_pPr()
    shading = element(properties, "shd", val="clear", color="auto", fill=SHADE)
    properties.insert_element_before(shading, "w:tabs", "w:spacing", "w:ind", "w:jc")
