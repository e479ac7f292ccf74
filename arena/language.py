"""Which language a prompt is in, by its script. Knows no words, so it cannot tell English from German."""

from __future__ import annotations

import unicodedata
from collections import Counter

# Kana or Hangul among Han characters decide, since Japanese and Korean text may hold both.
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


def language_of(text: str) -> str:
    """The English name that FastChat's tools filter on; Latin script counts as English, no letters as `unknown`.

    A script counts once a tenth of the letters in the first 2,000 characters are in it.
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
