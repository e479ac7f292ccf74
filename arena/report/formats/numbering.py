"""The numbers of figures and tables and the names of headings: counted here once, the same in every format."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from arena.report.blocks import Block, Document, Figure, Heading, Table
from arena.report.words import say

# The levels of headings that the table of contents shows.
FIRST_LEVEL, LAST_LEVEL = 2, 3


@dataclass(frozen=True)
class Numbered:
    """A block with its number, which is 0 for what is not numbered.

    `word` is what the number counts ("Figure"), `caption` the text after both, `anchor` what a link to a heading names.
    """

    block: Block
    word: str = ""
    number: int = 0
    caption: str = ""
    anchor: str = ""

    @property
    def label(self) -> str:
        """The numbered caption's beginning, such as "Figure 1"; "" without a number."""
        return f"{self.word} {self.number}" if self.number else ""


def numbered(document: Document) -> tuple[Numbered, ...]:
    """Every block in its order."""
    counts: Counter[str] = Counter()
    anchors: set[str] = set()
    found = []
    for block in document.blocks:
        match block:
            case Figure() | Table() if block.caption:
                word = say(document.lang, "figure" if isinstance(block, Figure) else "table")
                counts[word] += 1
                text = say(document.lang, "caption", text=block.caption)
                found.append(Numbered(block, word, counts[word], text))
            case Heading():
                found.append(Numbered(block, anchor=_unique(anchors, block.text)))
            case _:
                found.append(Numbered(block))
    return tuple(found)


@dataclass(frozen=True)
class Line:
    """A line of the table of contents; `level` is the heading's."""

    level: int
    text: str
    anchor: str


def contents(items: Sequence[Numbered]) -> tuple[Line, ...]:
    """The headings that the table of contents shows."""
    found = [(item.block, item.anchor) for item in items if isinstance(item.block, Heading)]
    return tuple(
        Line(block.level, block.text, anchor) for block, anchor in found if FIRST_LEVEL <= block.level <= LAST_LEVEL
    )


def _unique(taken: set[str], text: str) -> str:
    """As the usual Markdown readers name a heading: lower case, no punctuation, hyphens for spaces, then a number."""
    kept = (mark for mark in text.lower() if mark in " -_" or unicodedata.category(mark)[0] in "LNM")
    slug = "".join(kept).replace(" ", "-")
    name, again = slug, 0
    while name in taken:
        again += 1
        name = f"{slug}-{again}"
    taken.add(name)
    return name
