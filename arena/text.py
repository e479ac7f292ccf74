"""What text may be stored and shown. Knows nothing of files, pages or languages."""

from __future__ import annotations

import re
import unicodedata

# A whole surrogate pair comes first, or its two halves would be taken for lone ones.
_UNSTORABLE = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DEL = 0x7F
_CONTROL_PICTURES = 0x2400
_DEL_PICTURE = "\u2421"
_REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    """`text` with every character that breaks UTF-8, CSV readers or terminals made visible; all else exactly as it is.

    A surrogate pair becomes the character it stands for, a lone surrogate U+FFFD, and a control character other than
    tab, line feed and carriage return its picture (NUL becomes ␀). Cleaning twice changes nothing more.
    """
    return _UNSTORABLE.sub(_replacement, text)


def without_lone_surrogates(text: str) -> str:
    """`text` as UTF-8 can hold it and nothing else changed: pairs become their character, a lone half U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def columns_wide(text: str) -> int:
    """How many Latin characters take as much room: a Chinese one takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _replacement(match: re.Match[str]) -> str:
    found = match.group()
    if len(found) == 2:
        return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    code = ord(found)
    if code == _DEL:
        return _DEL_PICTURE
    return chr(_CONTROL_PICTURES + code) if code < _DEL else _REPLACEMENT
