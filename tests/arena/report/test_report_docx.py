"""The Word file as Word reads it: cover, contents, fields, captions, header rows, pictures, directions."""

import io
import re
import zipfile
from dataclasses import replace
from functools import cache

import pytest
from docx.oxml.ns import qn
from lxml import etree
from report_samples import ANSWERS, PROMPTS, VOTES, recorded, sources

from arena.report.blocks import Bullets, Column, Document, Figure, Heading, Paragraph, Quote, SideBySide, Table
from arena.report.facts import COVER_FIELDS, Details
from arena.report.formats.docx import as_docx
from arena.report.gather import gather
from arena.report.sections import make_document

FULL = Details(title="A  comparison", machine="A laptop", **{name: f"my {name}" for name in COVER_FIELDS})
LANGUAGES = ("zh", "en")
SPEC = {"mark": "point", "data": {"values": []}}


def parts(document):
    """The XML of the file by name."""
    file = zipfile.ZipFile(io.BytesIO(as_docx(document)))
    return {name: etree.fromstring(file.read(name)) for name in file.namelist() if name.endswith(".xml")}


@cache
def facts():
    return gather(sources(ANSWERS, VOTES), PROMPTS)


@cache
def page(lang="en", details=FULL):
    return make_document(lang, facts(), details)


@cache
def page_parts(lang="en"):
    """The XML of the usual page, which no test changes."""
    return parts(page(lang))


def text_of(element):
    return "".join(node.text or "" for node in element.iter(qn("w:t")))


def style_of(paragraph):
    result = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    return "Normal" if result is None else result.get(qn("w:val"))


def of_type(document, kind):
    return [block for block in document.blocks if isinstance(block, kind)]


def instructions(element):
    return [node.text.strip() for node in element.iter(qn("w:instrText"))]


# ---- cover


def first_page(body):
    """The paragraphs before the first end of a section, and that section."""
    paragraphs = []
    for child in body:
        paragraphs.append(child)
        if (section := child.find(f"{qn('w:pPr')}/{qn('w:sectPr')}")) is not None:
            return paragraphs, section
    raise AssertionError("there is no page of its own")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_cover_is_a_centred_page_of_its_own_with_all_that_is_filled(lang):
    xml = page_parts(lang)
    paragraphs, _ = first_page(xml["word/document.xml"][0])
    lines = [text_of(paragraph) for paragraph in paragraphs if text_of(paragraph)]
    assert lines[:2] == ["my university", "A comparison"]
    assert [re.split("[:：] ?", line)[1] for line in lines[2:]] == [f"my {name}" for name in COVER_FIELDS[1:]]
    styles = {"Coverhead", "Title", "Coverline"}
    assert {style_of(paragraph) for paragraph in paragraphs if text_of(paragraph)} == styles
    centred = {
        style.get(qn("w:styleId"))
        for style in xml["word/styles.xml"].iter(qn("w:style"))
        if style.find(f"{qn('w:pPr')}/{qn('w:jc')}[@{qn('w:val')}='center']") is not None
    }
    assert centred >= styles
    assert not [paragraph for paragraph in paragraphs if paragraph.tag != qn("w:p")]
    # The kind of the section that follows says how it begins; none said is a new page.
    body_section = xml["word/document.xml"][0].find(qn("w:sectPr"))
    kind = body_section.find(qn("w:type"))
    assert kind is None or kind.get(qn("w:val")) == "nextPage"


@pytest.mark.parametrize("name", COVER_FIELDS)
def test_any_field_of_the_cover_may_stand_alone(name):
    document = page("en", Details(**{name: "value"}))
    without_plots = replace(document, blocks=tuple(block for block in document.blocks if not isinstance(block, Figure)))
    paragraphs, _ = first_page(parts(without_plots)["word/document.xml"][0])
    lines = [text_of(paragraph) for paragraph in paragraphs if text_of(paragraph)]
    assert len(lines) == 2 and sum("value" in line for line in lines) == 1
    assert any("Qwen and GLM" in line for line in lines)


def test_pages_are_numbered_from_the_contents_on():
    xml = page_parts()
    _, cover = first_page(xml["word/document.xml"][0])
    rest = xml["word/document.xml"][0].find(qn("w:sectPr"))
    assert cover.find(qn("w:footerReference")) is None
    assert rest.find(qn("w:footerReference")) is not None
    assert rest.find(qn("w:pgNumType")).get(qn("w:start")) == "1"
    footers = [tree for name, tree in xml.items() if "footer" in name]
    assert [instructions(footer) for footer in footers] == [["PAGE"]]


# ---- contents


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_contents_are_a_field_that_is_filled_in_already(lang):
    document = page(lang)
    xml = page_parts(lang)
    body = xml["word/document.xml"][0]
    assert instructions(body)[0] == 'TOC \\o "1-2" \\h \\z \\u'
    entries = [(style_of(item), text_of(item)) for item in body if style_of(item) in ("TOC1", "TOC2")]
    headings = of_type(document, Heading)
    assert entries == [(f"TOC{heading.level - 1}", heading.text) for heading in headings]
    names = {style.find(qn("w:name")).get(qn("w:val")) for style in xml["word/styles.xml"].iter(qn("w:style"))}
    assert {"toc 1", "toc 2"} <= names
    marks = {mark.get(qn("w:name")): text_of(mark.getparent()) for mark in body.iter(qn("w:bookmarkStart"))}
    links = [link for link in body.iter(qn("w:hyperlink")) if link.get(qn("w:anchor"))]
    assert [marks[link.get(qn("w:anchor"))] for link in links] == [heading.text for heading in headings]
    assert len({mark.get(qn("w:id")) for mark in body.iter(qn("w:bookmarkStart"))}) == len(headings)
    settings = [child.tag for child in xml["word/settings.xml"]]
    assert 0 < settings.index(qn("w:updateFields")) < settings.index(qn("w:compat"))


def test_every_field_ends():
    for tree in page_parts().values():
        kinds = [mark.get(qn("w:fldCharType")) for mark in tree.iter(qn("w:fldChar"))]
        assert kinds == ["begin", "separate", "end"] * (len(kinds) // 3)


def test_headings_are_words_own():
    document = page()
    body = page_parts()["word/document.xml"][0]
    result = [(style_of(item), text_of(item)) for item in body if style_of(item).startswith("Heading")]
    assert result == [(f"Heading{heading.level - 1}", heading.text) for heading in of_type(document, Heading)]


def test_a_document_without_headings_has_no_contents():
    assert parts(Document("en", "t", (Paragraph("So."),)))


# ---- captions


def captions(body):
    return [item for item in body if style_of(item) == "Caption"]


@pytest.mark.parametrize(("lang", "words"), [("zh", ("表", "图")), ("en", ("Table", "Figure"))])
def test_every_table_and_figure_has_a_caption_that_word_counts(lang, words):
    document = page(lang)
    body = page_parts(lang)["word/document.xml"][0]
    children = list(body)
    for word, kind, step in zip(words, (Table, Figure), (1, -1), strict=True):
        own = [item for item in captions(body) if instructions(item)[0].split()[1] == word]
        assert len(own) == len(of_type(document, kind)) >= 2
        for number, (caption, block) in enumerate(zip(own, of_type(document, kind), strict=True), start=1):
            assert instructions(caption) == [f"SEQ {word} \\* ARABIC"]
            assert re.sub(r"[.\s]+", " ", text_of(caption)).startswith(f"{word} {number} ")
            assert text_of(caption).endswith(block.caption) and block.caption
            beside = children[children.index(caption) + step]
            assert beside.tag == qn("w:tbl") if kind is Table else list(beside.iter(qn("w:drawing")))


def test_what_has_no_caption_has_no_number():
    blocks = (Table(("a", "b"), (("c", "d"),)), Table(("a", "b"), (("c", "d"),), "Second"))
    body = parts(Document("en", "t", blocks))["word/document.xml"][0]
    assert [text_of(item) for item in captions(body)] == ["Table 1. Second"]


def test_pictures_say_what_they_show():
    document = page("zh")
    body = page_parts("zh")["word/document.xml"][0]
    pictures = [item for item in body.iter() if etree.QName(item).localname == "docPr"]
    assert [item.get("descr") for item in pictures] == [figure.caption for figure in of_type(document, Figure)]
    assert len({item.get("id") for item in pictures}) == len(pictures) == 2


# ---- tables


def test_every_table_repeats_its_header_row():
    body = page_parts()["word/document.xml"][0]
    tables = list(body.iter(qn("w:tbl")))
    assert len(tables) == len(of_type(page(), Table)) + len(of_type(page(), SideBySide))
    for table in tables:
        rows = [row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None for row in table.iter(qn("w:tr"))]
        assert rows[0] and not any(rows[1:])


def keeps(paragraph):
    return paragraph.find(f"{qn('w:pPr')}/{qn('w:keepNext')}") is not None


def test_what_belongs_together_stays_on_one_page():
    column = Column("m", (("", "answer"),))
    blocks = (
        Paragraph("Votes"),
        Bullets(("one",)),
        Quote("asked"),
        SideBySide((column, column)),
        Table(("a",), (), "T"),
    )
    body = parts(Document("en", "t", (*blocks, Figure("f", "F", SPEC))))["word/document.xml"][0]
    kept = [text_of(item) for item in body.iter(qn("w:p")) if keeps(item) and text_of(item)]
    assert kept == ["Votes", "asked", "m", "m", "Table 1. T", "a"]
    picture = next(item for item in body.iter(qn("w:p")) if list(item.iter(qn("w:drawing"))))
    assert keeps(picture)


def test_addresses_can_be_followed():
    file = zipfile.ZipFile(io.BytesIO(as_docx(page(details=Details(links=("https://x.org/a", "see me"))))))
    links = file.read("word/_rels/document.xml.rels").decode()
    assert 'Target="https://x.org/a"' in links and "see me" not in links
    assert b"see me" in file.read("word/document.xml")


# ---- what is written


def bidi(paragraph):
    return paragraph.find(f"{qn('w:pPr')}/{qn('w:bidi')}") is not None


def from_right(paragraph):
    """The texts of the runs that are set from the right."""
    return [text_of(run) for run in paragraph.iter(qn("w:r")) if run.find(f"{qn('w:rPr')}/{qn('w:rtl')}") is not None]


@pytest.mark.parametrize(
    ("text", "is_bidi", "runs"),
    [
        ("مرحبا بالعالم", True, ["مرحبا بالعالم"]),
        ("שלום עולם 12 שוב", True, ["שלום עולם 12 שוב"]),
        ("  «مرحبا» Python", True, ["مرحبا"]),
        ("Hello שלום, world", False, ["שלום"]),
        ("12. אחת", True, ["אחת"]),
        ("你好", False, []),
        ("Hello", False, []),
        ("12 + 3", False, []),
        ("", False, []),
    ],
)
def test_a_text_runs_in_its_own_direction(text, is_bidi, runs):
    column = Column("m", (("", text),), (text,))
    blocks = (Paragraph(text), Bullets((text,)), Quote(text), SideBySide((column, column)), Table(("a",), ((text,),)))
    body = parts(Document("en", "t", blocks))["word/document.xml"][0]
    result = [item for item in body.iter(qn("w:p")) if text_of(item) == text and text]
    assert len(result) == (8 if text else 0)
    for paragraph in result:
        assert (bidi(paragraph), from_right(paragraph)) == (is_bidi, runs)


def test_each_line_of_an_answer_has_its_own_direction():
    text = "First.\n\nשלום\n```python\nx = 'שלום'\n```\nLast."
    column = Column("m", (("", text),))
    body = parts(Document("en", "t", (SideBySide((column, column)),)))["word/document.xml"][0]
    cell = next(row for row in body.iter(qn("w:tr")) if "First." in text_of(row)).find(qn("w:tc"))
    lines = [(text_of(item), bidi(item), style_of(item)) for item in cell.iter(qn("w:p"))]
    assert lines == [
        ("First.", False, "Cell"),
        ("", False, "Cell"),
        ("שלום", True, "Cell"),
        ("x = 'שלום'", False, "Answercode"),
        ("Last.", False, "Cell"),
    ]


def test_code_stands_in_one_box_with_its_spaces():
    code = "def f():\n\treturn 1\n\n    # end"
    column = Column("m", (("", f"```\n{code}\n```"),))
    xml = parts(Document("en", "t", (SideBySide((column, column)),)))
    boxes = [item for item in xml["word/document.xml"].iter(qn("w:p")) if style_of(item) == "Answercode"]
    assert len(boxes) == 2 and len(list(boxes[0].iter(qn("w:br")))) == 3 and len(list(boxes[0].iter(qn("w:tab")))) == 1
    style = next(
        item for item in xml["word/styles.xml"].iter(qn("w:style")) if item.get(qn("w:styleId")) == "Answercode"
    )
    assert style.find(f"{qn('w:pPr')}/{qn('w:shd')}") is not None


ORDER = {
    "pPr": "pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers pBdr shd tabs "
    "suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE autoSpaceDN bidi adjustRightInd "
    "snapToGrid spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection textAlignment "
    "textboxTightWrap outlineLvl divId cnfStyle rPr sectPr pPrChange",
    "rPr": "rStyle rFonts b bCs i iCs caps smallCaps strike dstrike outline shadow emboss imprint noProof snapToGrid "
    "vanish webHidden color spacing w kern position sz szCs highlight u effect bdr shd fitText vertAlign rtl cs em "
    "lang eastAsianLayout specVanish oMath",
    "sectPr": "headerReference footerReference footnotePr endnotePr type pgSz pgMar paperSrc pgBorders lnNumType "
    "pgNumType cols formProt vAlign noEndnote titlePg textDirection bidi rtlGutter docGrid printerSettings",
    "tcPr": "cnfStyle tcW gridSpan hMerge vMerge tcBorders shd noWrap tcMar textDirection tcFitText vAlign hideMark",
}


def test_properties_stand_in_the_order_of_the_format():
    """Word calls a file damaged whose elements are in another order."""
    answers = (*ANSWERS, recorded(ANSWERS[0].side.model, "rtl", "שלום"), recorded(ANSWERS[2].side.model, "rtl", "x"))
    document = make_document("zh", gather(sources(answers, VOTES), PROMPTS), FULL)
    for tree in parts(document).values():
        for name, order in ORDER.items():
            for properties in tree.iter(qn(f"w:{name}")):
                places = [order.split().index(etree.QName(child).localname) for child in properties]
                assert places == sorted(places), [etree.QName(child).localname for child in properties]
