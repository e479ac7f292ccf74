"""What Word computes itself: numbers of pages, figures and tables, the table of contents, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arena.report.formats.docx_styles import LINK
from arena.report.formats.docx_text import write
from arena.report.formats.numbering import Line, Numbered

if TYPE_CHECKING:
    from docx.document import Document as Word
    from docx.text.paragraph import Paragraph


def add_field(parent: Any, instruction: str, shown: str = "") -> None:
    """A field at the end of a paragraph or a link; `shown` stands there until Word computes it."""
    begin_field(parent, instruction)
    if shown:
        _add_run(parent, "w:t", shown)
    end_field(parent)


def begin_field(parent: Any, instruction: str) -> None:
    """Opens a field whose shown text may reach over several paragraphs."""
    _add_mark(parent, "begin")
    _add_run(parent, "w:instrText", f" {instruction} ")
    _add_mark(parent, "separate")


def end_field(parent: Any) -> None:
    """Closes the field that was opened last."""
    _add_mark(parent, "end")


def add_caption(word: Word, item: Numbered) -> Paragraph:
    """A caption in Word's own style, its number counted by Word."""
    paragraph = word.add_paragraph(style="Caption")
    paragraph.add_run(f"{item.word} ")
    add_field(paragraph._p, f"SEQ {item.word} \\* ARABIC", str(item.number))
    return write(paragraph, item.caption)


def add_bookmark(paragraph: Paragraph, anchor: str, lines: Sequence[Line]) -> None:
    """Marks a heading so that the table of contents can point at it."""
    from docx.oxml.ns import qn

    number = next((place for place, line in enumerate(lines) if line.anchor == anchor), None)
    if number is None:
        return
    begin = paragraph._p.makeelement(qn("w:bookmarkStart"), {qn("w:id"): str(number), qn("w:name"): bookmark(number)})
    end = paragraph._p.makeelement(qn("w:bookmarkEnd"), {qn("w:id"): str(number)})
    paragraph._p.insert(1 if paragraph._p.pPr is not None else 0, begin)
    paragraph._p.append(end)


def bookmark(number: int) -> str:
    """The name of a heading's bookmark, as Word names them."""
    return f"_Toc{number:08d}"


def add_link(paragraph: Paragraph, address: str) -> None:
    """A web address that can be followed."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml.ns import qn

    target = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = _child(paragraph._p, "w:hyperlink", {qn("r:id"): target})
    run = paragraph.add_run(address, style=LINK)
    link.append(run._r)


def add_inner_link(paragraph: Paragraph, name: str) -> Any:
    """An empty link to a bookmark, to be filled."""
    from docx.oxml.ns import qn

    return _child(paragraph._p, "w:hyperlink", {qn("w:anchor"): name, qn("w:history"): "1"})


def update_fields_on_opening(word: Word) -> None:
    """Word offers to compute all fields when it opens the file: page numbers are known to nobody before."""
    from docx.oxml.ns import qn

    settings = word.settings.element
    mark = settings.makeelement(qn("w:updateFields"), {qn("w:val"): "true"})
    after = ("w:hdrShapeDefaults", "w:footnotePr", "w:endnotePr", "w:compat", "w:docVars", "w:rsids", "m:mathPr")
    follower = next((child for name in after if (child := settings.find(qn(name))) is not None), None)
    if follower is None:
        settings.append(mark)
    else:
        follower.addprevious(mark)


def _add_mark(parent: Any, kind: str) -> None:
    from docx.oxml.ns import qn

    _child(_child(parent, "w:r"), "w:fldChar", {qn("w:fldCharType"): kind})


def _add_run(parent: Any, name: str, text: str) -> None:
    from docx.oxml.ns import qn

    child = _child(_child(parent, "w:r"), name, {qn("xml:space"): "preserve"})
    child.text = text


def _child(parent: Any, name: str, attributes: dict[str, str] | None = None) -> Any:
    from docx.oxml.ns import qn

    child = parent.makeelement(qn(name), attributes or {})
    parent.append(child)
    return child
