"""An answer's text cut into prose and code, with nothing lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """Some lines to the letter; of code the fences are left out."""

    text: str
    code: bool = False


def pieces(text: str) -> tuple[Piece, ...]:
    """The text in its order. Only a fence that stands at the margin and ends makes code; all else stays as written."""
    from markdown_it import MarkdownIt

    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    found: list[Piece] = []
    done = 0
    for token in MarkdownIt().parse(text):
        if token.type != "fence" or token.level or not token.map:
            continue
        begin, end = token.map
        if not _closes(lines, begin, end, token.markup):
            continue
        if prose := "\n".join(lines[done:begin]).strip("\n"):
            found.append(Piece(prose))
        found.append(Piece("\n".join(lines[begin + 1 : end - 1]), code=True))
        done = end
    if prose := "\n".join(lines[done:]).strip("\n"):
        found.append(Piece(prose))
    return tuple(found)


def _closes(lines: list[str], begin: int, end: int, markup: str) -> bool:
    """Whether the last line is the closing fence, and not code of one that never ends."""
    last = lines[end - 1].strip() if end - 1 > begin else ""
    return last.startswith(markup) and not last.strip(markup[0])
