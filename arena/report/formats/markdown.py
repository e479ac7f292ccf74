"""A report as Markdown that shows the same everywhere: answers stand in fences, plots in files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from arena.report.blocks import (
    Block,
    Bullets,
    Column,
    Document,
    Figure,
    Heading,
    Links,
    Paragraph,
    Quote,
    SideBySide,
    Table,
)

_MARKS = re.compile(r"([\\`*_\[\]<>|~$&#])")
# What would begin a list, underline a heading or draw a line: a backslash stands before the mark then.
_AT_BEGINNING = re.compile(r"^(\s*)([-+=]+)(?=\s|$)|^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
_BACKSLASH = r"\\\1"
_TICKS = re.compile(r"`{3,}")


def as_markdown(document: Document) -> str:
    """The whole file; figures are looked for as NAME.svg beside it."""
    return "\n\n".join(part for block in document.blocks for part in _block(block)) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_MARKS.sub(_BACKSLASH, block.text)}"
        case Paragraph():
            yield _escaped(block.text)
        case Bullets():
            yield "\n".join(f"- {_escaped(item)}" for item in block.items)
        case Links():
            yield "\n".join(f"- <{item}>" if _is_address(item) else f"- {_escaped(item)}" for item in block.items)
        case Table():
            yield _table(block)
        case Quote():
            lines = [f"**{_escaped(block.about)}**", ""] if block.about else []
            # Ends of lines are kept by a backslash; a blank line is one of its own.
            yield "\n".join(f"> {line}".rstrip() for line in (*lines, *_kept_lines(block.text)))
        case SideBySide():
            yield from _column(block.left)
            yield from _column(block.right)
        case Figure():
            yield f"![{_escaped(block.text)}]({block.name}.svg)\n\n*{_escaped(block.text)}*"


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


def _table(table: Table) -> str:
    rows = [table.headers, tuple("---" for _ in table.headers), *table.rows]
    lines = [[cell if at == 1 else _escaped(" ".join(cell.split())) for cell in row] for at, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _escaped(text: str) -> str:
    return _AT_BEGINNING.sub(r"\1\3\\\2\4", _MARKS.sub(_BACKSLASH, text))


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"https?://[^\s<>]+", text))
