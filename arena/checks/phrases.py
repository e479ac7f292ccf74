"""Whether a text says a thing in given words; a negation counts only right before them."""

from __future__ import annotations

import re
import unicodedata

# Marks that may stand anywhere within a wording without changing what is said; an apostrophe within a word stays.
_QUOTES = re.compile(r"[\"“”‘「」『』《》`*_]|(?<!\w)'|'(?!\w)")
_NEGATIONS = re.compile(
    r"(?:不是|并非|而非|绝非|不等于|没有"
    r"|\bnot|n't|\bnever|\bneither|\bnor|\brather than|\binstead of)(?:\s*(?:the|a|an|是))?\s*$"
)
_BEFORE = 24


def says(text: str, wording: str) -> bool:
    """Whether `wording` stands in `text`, whatever the width, case, quotes and spaces, and is not negated right before.

    Latin words and numbers must stand there whole: 56 is not in 156, nor in 56.5.
    """
    told, wanted = _folded(text), _folded(wording)
    if not wanted:
        return False
    for match in re.finditer(_pattern(wanted), told):
        before = told[max(0, match.start() - _BEFORE) : match.start()]
        if _whole(told, match.start(), match.end()) and not _NEGATIONS.search(before):
            return True
    return False


def _folded(text: str) -> str:
    return _QUOTES.sub("", unicodedata.normalize("NFKC", text).casefold().replace("’", "'")).strip()


def _pattern(wanted: str) -> str:
    """Spaces are needed between Latin words alone; Chinese is set with and without."""
    parts: list[str] = []
    for before, character in zip(" " + wanted, wanted, strict=False):
        if character.isspace():
            continue
        if parts and before.isspace():
            parts.append(r"\s*" if _wide(parts[-1]) or _wide(character) else r"\s+")
        elif parts and (_wide(before) or _wide(character)):
            parts.append(r"\s*")
        parts.append(re.escape(character))
    return "".join(parts)


def _whole(text: str, start: int, end: int) -> bool:
    return not _joined(text[:start][-2:], text[start]) and not _joined(text[end : end + 2][::-1], text[end - 1])


def _joined(beside: str, edge: str) -> bool:
    """Whether the character at the edge belongs to one word with what stands beside it (the nearest comes last)."""
    if not beside or not edge.isalnum() or _wide(edge):
        return False
    near = beside[-1]
    if near.isalnum() and not _wide(near):
        return True
    return edge.isdigit() and near in ".," and len(beside) == 2 and beside[0].isdigit()


def _wide(character: str) -> bool:
    """Written without spaces between words: Chinese, kana."""
    return unicodedata.east_asian_width(character[-1]) in "WF"
