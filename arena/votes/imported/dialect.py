"""Detects the format of a file of votes: its encoding, delimiter and line ends."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from arena.votes.rows import REQUIRED

_SAMPLE = 1 << 20  # bytes that are enough to detect the format
_DELIMITERS = ",;\t|"
_NAME_EDGES = " \t\r\n\u00a0\ufeff\"'"
_LONGEST_HEADER = 64 << 10  # characters
_FEW = 10  # a UTF-8 file with damage has fewer than one damaged byte in ten
_CERTAIN, _LIKELY = 0.8, 0.3  # shares of frequent characters


@dataclass(frozen=True)
class Form:
    """`ends_in_cr` means that a lone CR ends a row; `has_hint` that a line `sep=;` comes before the header."""

    encoding: str = "utf-8"
    delimiter: str = ","
    ends_in_cr: bool = False
    has_hint: bool = False


PLAIN = Form()
"""The format of the log. The line end may also be LF, and the BOM may be missing."""


def sample_of(file: BinaryIO) -> bytes:
    """The beginning of a file, and if it is all ASCII, also the first block with other bytes."""
    file.seek(0)
    sample = more = file.read(_SAMPLE)
    while more and more.isascii():
        more = file.read(_SAMPLE)
    return sample if more is sample else sample + more


def form_of(sample: bytes) -> Form | None:
    """The format of a file that begins with the sample; None if it does not begin with the header of votes."""
    encoding, text = _encoding(sample), text_of(sample)
    hint = re.match(r'"?sep=(.)"?[\r\n]+', text, re.IGNORECASE)
    below = (text[hint.end() :] if hint else text).lstrip(f"\r\n {_DELIMITERS}")
    end = re.search(r"\r\n|\r|\n|\Z", below)
    assert end  # \Z always matches
    header = below[: end.start()]
    if len(header) > _LONGEST_HEADER:
        return None
    for delimiter in (hint[1],) if hint else _DELIMITERS:
        if has_votes(column_names(next(csv.reader([header], delimiter=delimiter), []))):
            ends_in_cr = end[0] == "\r"
            if ends_in_cr and encoding == "cp1252":
                encoding = "mac_roman"
            return Form(encoding, delimiter, ends_in_cr, bool(hint))
    return None


def text_of(sample: bytes) -> str:
    """The sample as text without BOM."""
    return sample.decode(_encoding(sample), errors="replace").lstrip("\ufeff")


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The column names in a header, in lower case and without spaces and quotes that another program added."""
    return tuple(cell.strip(_NAME_EDGES).lower() for cell in cells)


def has_votes(header: Sequence[str]) -> bool:
    """Whether the header has the required columns of votes."""
    return set(REQUIRED) <= set(header)


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in sample[:64]:
        return "utf-16-le" if sample[1:2] == b"\0" else "utf-16-be"
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8"
    # Up to the last line end: the sample may end within a character.
    whole = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1] if len(sample) >= _SAMPLE else sample
    beyond_ascii = len(whole.translate(None, bytes(range(128))))
    damaged = whole.decode("utf-8", errors="replace").count("\ufffd")
    return _legacy(whole) if damaged * _FEW >= beyond_ascii > 0 else "utf-8"


def _legacy(text: bytes) -> str:
    """The encoding of text that is not UTF-8; UTF-8 if it is unknown: the reader then reports the damaged rows."""
    shares = {encoding: _share(text, encoding, is_frequent) for encoding, is_frequent in _FREQUENT.items()}
    likely = max(shares, key=lambda encoding: shares[encoding])
    if shares[likely] >= _CERTAIN:
        return likely
    if _is_western(text):
        return "cp1252"
    return likely if shares[likely] >= _LIKELY else "utf-8"


def _is_western(text: bytes) -> bool:
    """Whether non-ASCII letters come alone or in pairs, as accents do. One line is not enough to decide."""
    runs = re.findall(rb"[\x80-\xff]+", text)
    lines = sum(not line.isascii() for line in text.splitlines())
    return lines > 1 and sum(len(run) for run in runs if len(run) > 2) * _FEW < sum(map(len, runs))


def _share(text: bytes, encoding: str, is_frequent: Callable[[str], bool]) -> float:
    foreign = Counter(char for char in text.decode(encoding, errors="replace") if not char.isascii())
    return sum(count for char, count in foreign.items() if is_frequent(char)) / max(foreign.total(), 1)


def _is_frequent_gb(char: str) -> bool:
    """Whether it is punctuation or one of the 3,755 frequent characters of GB 2312, or has four bytes in GB 18030."""
    if code := char.encode("gb2312", errors="ignore"):
        return code[0] <= 0xD7
    return char != "\ufffd" and len(char.encode("gb18030")) == 4


# Of Big5 it must be punctuation or one of the 5,401 frequent characters.
_FREQUENT = {"gb18030": _is_frequent_gb, "cp950": lambda char: b"" < char.encode("big5", errors="ignore") < b"\xc7"}
