"""Text: which characters may be stored, how wide it is shown, and which language it is in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# A whole surrogate pair comes first, or its two halves would match as lone ones.
_UNSTORABLE = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DEL = 0x7F
_CONTROL_PICTURES = 0x2400
_DEL_PICTURE = "\u2421"
_REPLACEMENT = "\ufffd"

# Kana and Hangul come before Han: Japanese and Korean texts may hold both.
_SCRIPTS = (
    ("HIRAGANA", "Japanese"),
    ("KATAKANA", "Japanese"),
    ("HANGUL", "Korean"),
    ("CJK", "Chinese"),
    ("CYRILLIC", "Russian"),
    ("ARABIC", "Arabic"),
    ("LATIN", "English"),
)
SAMPLE = 2000


def clean(text: str) -> str:
    """`text` with every character that breaks UTF-8, CSV readers or terminals made visible; all else unchanged.

    A surrogate pair becomes the character it stands for, a lone surrogate U+FFFD, and a control character other than
    tab, line feed and carriage return its picture (NUL becomes ␀). Cleaning twice changes nothing more.
    """
    return _UNSTORABLE.sub(_visible, text)


def without_lone_surrogates(text: str) -> str:
    """`text` as UTF-8 can hold it: a surrogate pair becomes its character, a lone surrogate U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def columns_wide(text: str) -> int:
    """The width in Latin characters; a Chinese one is two wide."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def language_of(text: str) -> str:
    """The language by script, as the English name that FastChat's tools filter on; `unknown` if there are no letters.

    Latin script counts as English. A script decides if a tenth of the letters in the first 2,000 characters are in it.
    """
    counts: Counter[str] = Counter()
    for character in text[:SAMPLE]:
        if character.isalpha():
            counts[unicodedata.name(character, "").split(" ")[0].split("-")[0]] += 1
    total = counts.total()
    for script, language in _SCRIPTS:
        if total and counts[script] * 10 >= total:
            return language
    return "unknown"


def _visible(match: re.Match[str]) -> str:
    characters = match.group()
    if len(characters) == 2:
        return characters.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    code = ord(characters)
    if code == _DEL:
        return _DEL_PICTURE
    return chr(_CONTROL_PICTURES + code) if code < _DEL else _REPLACEMENT
