"""Text into a Word paragraph: what XML can hold, and each part of it in its own direction."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

# What XML cannot hold at all.
_NO_XML = re.compile("[\ufffe\uffff]")
_RIGHT_TO_LEFT = ("R", "AL")


def fit(text: str) -> str:
    """What XML can hold, with one kind of line end."""
    return _NO_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def write(paragraph: Paragraph, text: str, bold: bool = False) -> Paragraph:
    """The same paragraph with the text in it; it runs from the right if its first letter does."""
    parts = _parts(fit(text))
    for part, from_right in parts:
        run = paragraph.add_run(part)
        run.bold = bold or None
        if from_right:
            _mark_run(run)
    first = next((mark for mark in map(unicodedata.bidirectional, text) if mark in ("L", *_RIGHT_TO_LEFT)), "L")
    if first != "L":
        _mark_paragraph(paragraph)
    return paragraph


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text cut where its direction changes; marks and digits between two letters of one direction go with them."""
    directions: list[bool] = []
    pending = 0
    for mark in map(unicodedata.bidirectional, text):
        if mark != "L" and mark not in _RIGHT_TO_LEFT:
            pending += 1
            continue
        from_right = mark in _RIGHT_TO_LEFT
        before = bool(directions) and directions[-1]
        directions += [from_right and before] * pending + [from_right]
        pending = 0
    directions += [False] * pending
    cut = groupby(zip(text, directions, strict=True), key=lambda pair: pair[1])
    return [("".join(letter for letter, _ in group), from_right) for from_right, group in cut]


def _mark_run(run: Run) -> None:
    from docx.oxml.ns import qn

    properties = run._r.get_or_add_rPr()
    properties.append(properties.makeelement(qn("w:rtl"), {}))


def _mark_paragraph(paragraph: Paragraph) -> None:
    from docx.oxml.ns import qn

    properties = paragraph._p.get_or_add_pPr()
    mark = properties.makeelement(qn("w:bidi"), {})
    properties.insert_element_before(mark, *_AFTER_BIDI)


# The order of a paragraph's properties is part of the format.
_AFTER_BIDI = tuple(
    f"w:{name}"
    for name in (
        "adjustRightInd",
        "snapToGrid",
        "spacing",
        "ind",
        "contextualSpacing",
        "mirrorIndents",
        "suppressOverlap",
        "jc",
        "textDirection",
        "textAlignment",
        "textboxTightWrap",
        "outlineLvl",
        "divId",
        "cnfStyle",
        "rPr",
        "sectPr",
        "pPrChange",
    )
)
