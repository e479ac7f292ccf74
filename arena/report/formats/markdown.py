"""A report as Markdown that renders the same everywhere: answers are fenced, plots are separate SVG files."""

import re
from collections.abc import Iterator, Sequence

from arena.report import blocks
from arena.report.texts import text
from arena.text import one_line_end

_MARKS = re.compile(r"([\\`*_\[\]<>|~$&#])")
# What would start a list, underline a heading or draw a rule; a backslash goes before the mark.
_AT_BEGINNING = re.compile(r"^(\s*)([-+=]+)(?=\s|$)|^(\s*\d+)([.)])(?=\s|$)", re.MULTILINE)
_BACKSLASH = r"\\\1"
_TICKS = re.compile(r"`{3,}")


def as_markdown(document: blocks.Document) -> str:
    """The whole file; it refers to each figure as NAME.svg in the same folder."""
    return "\n\n".join(part for block in document.blocks for part in _parts(document, block)) + "\n"


def _parts(document: blocks.Document, block: blocks.Block) -> Iterator[str]:
    lang = document.lang
    match block:
        case blocks.Cover():
            yield from _cover(block, lang)
        case blocks.Contents():
            yield f"**{_escaped(block.title)}**"
            yield "\n".join(
                f"{'  ' * (heading.level - blocks.FIRST_LEVEL)}- [{_escaped(heading.text)}](#{heading.anchor})"
                for heading in document.headings
            )
        case blocks.Heading():
            yield f"{'#' * block.level} {_MARKS.sub(_BACKSLASH, block.text)}"
        case blocks.Paragraph():
            yield _escaped(block.text)
        case blocks.Bullets():
            yield "\n".join(f"- {_address(item)}" for item in block.items)
        case blocks.References():
            works = ([_escaped(work.text), _address(work.address)] for work in block.items)
            yield "\n".join(f"{number}. {' '.join(work).rstrip()}" for number, work in enumerate(works, start=1))
        case blocks.Table():
            if block.label:
                yield _caption(block, lang)
            yield _table(block.headers, block.rows)
        case blocks.Quote():
            about = [f"**{_escaped(block.about)}**", ""] if block.about else []
            yield "\n".join(f"> {line}".rstrip() for line in (*about, *_hard_lines(block.text)))
        case blocks.SideBySide():
            for column in block.columns:
                yield from _column(column)
        case blocks.Figure():
            yield f"![{_escaped(block.caption)}]({block.name}.svg)"
            if block.label:
                yield _caption(block, lang)


def _cover(cover: blocks.Cover, lang: str) -> Iterator[str]:
    yield f"# {_MARKS.sub(_BACKSLASH, cover.title)}"
    rows = [(text(lang, "university"), cover.above), *cover.rows] if cover.above else list(cover.rows)
    if rows:
        yield _table((text(lang, "field"), text(lang, "value")), rows)


def _caption(block: blocks.Table | blocks.Figure, lang: str) -> str:
    return f"**{block.label}**{_escaped(blocks.caption_of(lang, block))}"


def _address(line: str) -> str:
    return f"<{line}>" if blocks.is_web_address(line) else _escaped(line)


def _hard_lines(quoted: str) -> list[str]:
    """The lines, with a backslash where Markdown would otherwise join two of them."""
    lines = _escaped(one_line_end(quoted)).split("\n")
    return [
        line + "\\" if line.strip() and after.strip() else line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
    ]


def _column(column: blocks.Column) -> Iterator[str]:
    yield f"#### {_escaped(column.name)}"
    for heading, answer in column.parts:
        if heading:
            yield f"**{_escaped(heading)}**"
        # Verbatim: the fence is longer than any fence in the answer.
        ticks = "`" * max((len(run) + 1 for run in _TICKS.findall(answer)), default=3)
        yield f"{ticks}text\n{answer}\n{ticks}"
    if column.notes:
        yield "\n".join(f"- {_escaped(note)}" for note in column.notes)


def _table(headers: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [[_escaped(" ".join(cell.split())) for cell in row] for row in (headers, *body)]
    rows.insert(1, ["---"] * len(headers))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _escaped(plain: str) -> str:
    return _AT_BEGINNING.sub(r"\1\3\\\2\4", _MARKS.sub(_BACKSLASH, plain))
