"""The blocks a report consists of, in every format: their values, numbers and anchors. A format escapes their text."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from arena.report.texts import text
from arena.text import one_line_end

FIRST_LEVEL = 2  # of headings; the title has level 1


@dataclass(frozen=True)
class Cover:
    """`above` is set over the title; `rows` are (label, value)."""

    title: str
    above: str = ""
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contents:
    """The place of the table of contents, which each format builds from the headings."""

    title: str


@dataclass(frozen=True)
class Heading:
    """A section (level FIRST_LEVEL) or a subsection (3); `anchor` is the link target."""

    level: int
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A bullet list; an item that is a web address becomes a link."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Citation:
    """One entry of the references; `address` may be empty."""

    text: str
    address: str = ""


@dataclass(frozen=True)
class References:
    """Entries numbered from 1."""

    items: tuple[Citation, ...]


@dataclass(frozen=True)
class Table:
    """Cells by row; the first column holds row headers. Only a table with a caption gets a label (Table 1)."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    label: str = ""


@dataclass(frozen=True)
class Quote:
    """A verbatim text; `about` says whose it is."""

    text: str
    about: str = ""


@dataclass(frozen=True)
class Column:
    """The answers of one model: `parts` are (heading, verbatim text), followed by `notes`."""

    name: str
    parts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SideBySide:
    """Columns to compare."""

    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Figure:
    """A plot as a Vega-Lite specification; `name` is a file name, `caption` describes the plot in words."""

    name: str
    caption: str
    spec: Mapping[str, Any]
    label: str = ""


Block = Cover | Contents | Heading | Paragraph | Bullets | References | Table | Quote | SideBySide | Figure


@dataclass(frozen=True)
class Document:
    """A whole report in one language (zh or en). Captioned figures and tables get labels, and headings anchors."""

    lang: str
    title: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(_labelled(self.lang, self.blocks)))

    @property
    def headings(self) -> list[Heading]:
        """The lines of the table of contents."""
        return [block for block in self.blocks if isinstance(block, Heading)]


def _labelled(lang: str, blocks: tuple[Block, ...]) -> Iterator[Block]:
    counts: Counter[str] = Counter()
    anchors: set[str] = set()
    for block in blocks:
        if isinstance(block, Heading):
            block = replace(block, anchor=_unique_anchor(anchors, block.text))
        elif isinstance(block, Figure | Table) and block.caption:
            word = text(lang, "figure" if isinstance(block, Figure) else "table")
            counts[word] += 1
            block = replace(block, label=f"{word} {counts[word]}")
        yield block


def caption_of(lang: str, block: Figure | Table) -> str:
    """What follows the label."""
    return text(lang, "caption", text=block.caption)


def _unique_anchor(taken: set[str], heading: str) -> str:
    """The anchor that common Markdown renderers give: lower case, no punctuation, hyphens for spaces, then a number."""
    allowed = (mark for mark in heading.lower() if mark in " -_" or unicodedata.category(mark)[0] in "LNM")
    slug = "".join(allowed).replace(" ", "-")
    name, repeat = slug, 0
    while name in taken:
        repeat += 1
        name = f"{slug}-{repeat}"
    taken.add(name)
    return name


def is_web_address(line: str) -> bool:
    """Whether the whole text is a web address that Markdown can hold as well."""
    return bool(re.fullmatch(r"https?://[^\s<>]+", line))


@dataclass(frozen=True)
class TextPart:
    """Some lines of an answer, verbatim; the fences around code are left out."""

    text: str
    is_code: bool = False


def split_code(answer: str) -> tuple[TextPart, ...]:
    """The answer cut into prose and code. Only a closed fence at the left margin makes code."""
    from markdown_it import MarkdownIt

    answer = one_line_end(answer)
    lines = answer.split("\n")
    parts: list[TextPart] = []
    done = 0
    for token in MarkdownIt().parse(answer):
        if token.type != "fence" or token.level or not token.map:
            continue
        begin, end = token.map
        if not _is_closed(lines, begin, end, token.markup):
            continue
        if prose := "\n".join(lines[done:begin]).strip("\n"):
            parts.append(TextPart(prose))
        parts.append(TextPart("\n".join(lines[begin + 1 : end - 1]), is_code=True))
        done = end
    if prose := "\n".join(lines[done:]).strip("\n"):
        parts.append(TextPart(prose))
    return tuple(parts)


def _is_closed(lines: list[str], begin: int, end: int, markup: str) -> bool:
    """Whether the last line is the closing fence, and not code inside a fence that never ends."""
    last = lines[end - 1].strip() if end - 1 > begin else ""
    return last.startswith(markup) and not last.strip(markup[0])
