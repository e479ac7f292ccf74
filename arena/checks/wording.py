"""Finds out whether a text says something in given words, and in which languages it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Marks that are ignored, since they do not change the meaning; an apostrophe within a word is not one of them.
_QUOTES = re.compile(r"[\"“”‘「」『』《》`*_]|(?<!\w)'|'(?!\w)")
_NEGATIONS = re.compile(
    r"(?:不是|并非|而非|绝非|不等于|没有"
    r"|\bnot|n't|\bnever|\bneither|\bnor|\brather than|\binstead of)(?:\s*(?:the|a|an|是))?\s*$"
)
_BEFORE = 24


def says(text: str, wording: str) -> bool:
    """Whether `wording` occurs in `text`, ignoring width, case, quotes and spaces, without a negation right before it.

    Latin words and numbers must match as a whole: 56 is neither in 156 nor in 56.5.
    """
    text, wording = _normalized(text), _normalized(wording)
    if not wording:
        return False
    for match in re.finditer(_pattern(wording), text):
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        if _is_whole(text, match.start(), match.end()) and not _NEGATIONS.search(before):
            return True
    return False


def _normalized(text: str) -> str:
    return _QUOTES.sub("", unicodedata.normalize("NFKC", text).casefold().replace("’", "'")).strip()


def _pattern(wording: str) -> str:
    """A pattern that requires spaces between Latin words only, since Chinese is written with or without."""
    first, *words = "".join(f" {letter} " if _is_wide(letter) else letter for letter in wording).split()
    pattern = re.escape(first)
    for before, word in zip([first, *words], words, strict=False):
        pattern += (r"\s*" if _is_wide(before) or _is_wide(word) else r"\s+") + re.escape(word)
    return pattern


def _is_whole(text: str, start: int, end: int) -> bool:
    return not _continues(text[:start][-2:], text[start]) and not _continues(text[end : end + 2][::-1], text[end - 1])


def _continues(beside: str, edge: str) -> bool:
    """Whether the character at the edge is part of one word with the characters beside it (the nearest is last)."""
    if not beside or not edge.isalnum() or _is_wide(edge):
        return False
    near = beside[-1]
    if near.isalnum() and not _is_wide(near):
        return True
    return edge.isdigit() and near in ".," and len(beside) == 2 and beside[0].isdigit()


def _is_wide(character: str) -> bool:
    """Whether the script has no spaces between words: Chinese, kana."""
    return unicodedata.east_asian_width(character[-1]) in "WF"


# ---- languages

# The languages in Latin script, by the codes of the language identifier.
_LATIN = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
}
_SCRIPTS = (
    ("Korean", re.compile(r"[\uac00-\ud7a3]{2}")),
    ("Russian", re.compile(r"[\u0400-\u04ff]{3}")),
    ("Arabic", re.compile(r"[\u0620-\u064a]{3}")),
)
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
# A name or a heading ("德文:") is not a sentence.
_LEAST_KANA, _LEAST_HAN, _LEAST_WORDS = 3, 6, 3
_LEAST_CONFIDENCE = 0.6
_CLAUSES = re.compile(r"[\n\r.!?。！？;；:：\"“”«»()（）|]+")
_LATIN_RUN = re.compile(r"[A-Za-z\u00c0-\u024f'’,\- ]+")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f'’]+")
# Characters; more than an answer of a few hundred tokens has.
_LONGEST = 20_000


def languages_in(text: str) -> frozenset[str]:
    """The English names of the languages with a clause in the text; see `arena.prompts.prompt.LANGUAGES`.

    Clauses in Latin script are identified by their words (at least three), whatever language the text claims.
    """
    return frozenset(_languages(text[:_LONGEST]))


def _languages(text: str) -> Iterator[str]:
    for language, pattern in _SCRIPTS:
        if pattern.search(text):
            yield language
    for clause in _CLAUSES.split(text):
        kana, han = len(_KANA.findall(clause)), len(_HAN.findall(clause))
        if kana >= _LEAST_KANA:
            yield "Japanese"
        elif han >= _LEAST_HAN and not kana:
            yield "Chinese"
        for run in _LATIN_RUN.findall(clause):
            if len(_WORD.findall(run)) >= _LEAST_WORDS:
                code, confidence = _identifier().classify(run.strip())
                if confidence >= _LEAST_CONFIDENCE:
                    yield _LATIN[code]


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_LATIN))
    return identifier
