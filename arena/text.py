"""Text: reading it, which characters may be stored, how wide it is shown, and which language it is in."""

import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from arena.errors import ArenaError, InputError, reason

Broken = Callable[[Path, str], ArenaError]
"""The error for a file that cannot be used, from its path and the rest of the sentence."""

# The control characters that would break CSV readers or terminals, and their pictures.
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"} | {"\x7f": "␡"}
_CONTROLS = re.compile(f"[{''.join(_PICTURES)}]")

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
    return _CONTROLS.sub(lambda match: _PICTURES[match[0]], without_lone_surrogates(text))


def without_lone_surrogates(text: str) -> str:
    """`text` as UTF-8 can hold it: a surrogate pair becomes its character, a lone surrogate U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def one_line_end(text: str) -> str:
    """The text with LF for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def breaking(code: str, subject: str = "") -> Broken:
    """What makes InputErrors with this code, which begin with the subject."""
    return lambda path, what: InputError(code, f"{subject}{path} {what}.", path=str(path), what=what)


def read_bytes(path: Path, broken: Broken) -> bytes:
    """The content of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise broken(path, f"cannot be read ({reason(error)})") from error


def read_text(path: Path, broken: Broken) -> str:
    """The text of a UTF-8 file; see `decoded`."""
    return decoded(path, read_bytes(path, broken), broken)


def decoded(path: Path, data: bytes, broken: Broken) -> str:
    """The text of a file in UTF-8, or in UTF-16 as spreadsheets save it, with its line ends unchanged."""
    try:
        return data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise broken(path, "is not UTF-8 text") from error


def visible(text: str) -> str:
    """The text in half width, without characters that nobody sees, which typing and copying add."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in folded if letter in "\n\t" or unicodedata.category(letter) not in ("Cf", "Cc"))


def typed_code(text: str) -> str:
    """A code of letters and digits as it was given out: people type it in any case, in full width, with dashes,
    spaces and marks that nobody sees."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).upper()


def id_text(value: object) -> str:
    """An id that a file holds as a number or a text; pandas writes a fraction for a whole number."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


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
