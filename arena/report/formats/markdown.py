"""A report as Markdown that shows the same everywhere: answers stand in fences, plots in files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from arena.report.blocks import (
    Bullets,
    Cited,
    Column,
    Contents,
    Cover,
    Document,
    Figure,
    Heading,
    Links,
    Paragraph,
    Quote,
    References,
    SideBySide,
    Table,
)
from arena.report.formats.addresses import is_address
from arena.report.formats.numbering import FIRST_LEVEL, Line, Numbered, contents, numbered
from arena.report.words import say

_MARKS = re.compile(r"([\\`*_\[\]<>|~$&#])")
# What would begin a list, underline a heading or draw a line: a backslash stands before the mark then.
_AT_BEGINNING = re.compile(r"^(\s*)([-+=]+)(?=\s|$)|^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
_BACKSLASH = r"\\\1"
_TICKS = re.compile(r"`{3,}")


def as_markdown(document: Document) -> str:
    """The whole file; figures are looked for as NAME.svg beside it."""
    items = numbered(document)
    entries = contents(items)
    return "\n\n".join(part for item in items for part in _block(item, entries, document.lang)) + "\n"


def _block(item: Numbered, entries: Sequence[Line], lang: str) -> Iterator[str]:
    block = item.block
    match block:
        case Cover():
            yield from _cover(block, lang)
        case Contents():
            yield f"**{_escaped(block.title)}**"
            yield "\n".join(
                f"{'  ' * (line.level - FIRST_LEVEL)}- [{_escaped(line.text)}](#{line.anchor})" for line in entries
            )
        case Heading():
            yield f"{'#' * block.level} {_MARKS.sub(_BACKSLASH, block.text)}"
        case Paragraph():
            yield _escaped(block.text)
        case Bullets():
            yield "\n".join(f"- {_escaped(text)}" for text in block.items)
        case Links():
            yield "\n".join(f"- {_address(text)}" for text in block.items)
        case References():
            yield "\n".join(f"{number}. {_cited(work)}" for number, work in enumerate(block.items, start=1))
        case Table():
            if item.number:
                yield _caption(item)
            yield _table(block.headers, block.rows)
        case Quote():
            lines = [f"**{_escaped(block.about)}**", ""] if block.about else []
            # Ends of lines are kept by a backslash; a blank line is one of its own.
            yield "\n".join(f"> {line}".rstrip() for line in (*lines, *_kept_lines(block.text)))
        case SideBySide():
            yield from _column(block.left)
            yield from _column(block.right)
        case Figure():
            yield f"![{_escaped(block.caption)}]({block.name}.svg)"
            if item.number:
                yield _caption(item)


def _cover(cover: Cover, lang: str) -> Iterator[str]:
    yield f"# {_MARKS.sub(_BACKSLASH, cover.title)}"
    rows = [(say(lang, "university"), cover.above), *cover.rows] if cover.above else list(cover.rows)
    if rows:
        yield _table((say(lang, "field"), say(lang, "value")), rows)


def _caption(item: Numbered) -> str:
    return f"**{item.label}**{_escaped(item.caption)}"


def _cited(work: Cited) -> str:
    return " ".join(filter(None, (_escaped(work.text), work.address and _address(work.address))))


def _address(text: str) -> str:
    return f"<{text}>" if is_address(text) else _escaped(text)


def _kept_lines(text: str) -> list[str]:
    lines = _escaped(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return [
        line + "\\" if line.strip() and after.strip() else line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
    ]


def _column(column: Column) -> Iterator[str]:
    yield f"#### {_escaped(column.name)}"
    for heading, text in column.parts:
        if heading:
            yield f"**{_escaped(heading)}**"
        yield _fenced(text)
    if column.notes:
        yield "\n".join(f"- {_escaped(note)}" for note in column.notes)


def _fenced(text: str) -> str:
    """To the letter: the fence is longer than any in the text."""
    ticks = "`" * max(3, *(len(found) + 1 for found in _TICKS.findall(text)), 3)
    return f"{ticks}text\n{text}\n{ticks}"


def _table(headers: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [headers, ["---" for _ in headers], *body]
    lines = [[cell if at == 1 else _escaped(" ".join(cell.split())) for cell in row] for at, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _escaped(text: str) -> str:
    return _AT_BEGINNING.sub(r"\1\3\\\2\4", _MARKS.sub(_BACKSLASH, text))
