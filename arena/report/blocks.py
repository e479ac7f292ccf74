"""What a report is made of, whatever its format. All text is plain: a format escapes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cover:
    """The title and, around it, who hands the report in: `above` stands over the title, `rows` are (label, value)."""

    title: str
    above: str = ""
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contents:
    """The place of the table of contents; each format makes it out of the document's headings."""

    title: str


@dataclass(frozen=True)
class Heading:
    """Level 2 is a part of the report, 3 a part of that."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Links:
    """Addresses; what is no web address is shown as it is."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Cited:
    """One entry of the references, with its web address if it has one."""

    text: str
    address: str = ""


@dataclass(frozen=True)
class References:
    """Numbered from 1, in their order."""

    items: tuple[Cited, ...]


@dataclass(frozen=True)
class Table:
    """Cells by row; the first column names what the row is about. A table with a caption is numbered."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Quote:
    """What somebody wrote, to the letter; `about` says who or what it is."""

    text: str
    about: str = ""


@dataclass(frozen=True)
class Column:
    """What one model said: `parts` are (heading, text), each text to the letter; `notes` come after."""

    name: str
    parts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SideBySide:
    """Two columns to compare."""

    left: Column
    right: Column


@dataclass(frozen=True)
class Figure:
    """A plot as a Vega-Lite specification; `caption` says in words what it shows, `name` is a file name."""

    name: str
    caption: str
    spec: Mapping[str, Any]


Block = Cover | Contents | Heading | Paragraph | Bullets | Links | References | Table | Quote | SideBySide | Figure


@dataclass(frozen=True)
class Document:
    """A whole report in one language (zh or en)."""

    lang: str
    title: str
    blocks: tuple[Block, ...]
