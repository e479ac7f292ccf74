"""Which languages stand in a text, each with a sentence or so; what the sentences say is not compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Languages of the Latin script that are told apart, by the codes of the identifier.
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
# A name or a heading ("德文:") is no sentence.
_LEAST_KANA, _LEAST_HAN, _LEAST_WORDS = 3, 6, 3
_LEAST_CONFIDENCE = 0.6
_CLAUSES = re.compile(r"[\n\r.!?。！？;；:：\"“”«»()（）|]+")
_LATIN_RUN = re.compile(r"[A-Za-z\u00c0-\u024f'’,\- ]+")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f'’]+")
# Enough for what an answer of a few hundred tokens can hold.
_LONGEST = 20_000


def languages_in(text: str) -> frozenset[str]:
    """The English names of the languages that have a clause in the text; see `arena.prompts.prompt.LANGUAGES`.

    Latin script is told apart by words (three at least), so that English called German is English.
    """
    return frozenset(_found(text[:_LONGEST]))


def _found(text: str) -> Iterator[str]:
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
            if len(_WORD.findall(run)) >= _LEAST_WORDS and (language := _latin(run.strip())):
                yield language


def _latin(run: str) -> str:
    """The language of a few words, "" if they might be several."""
    code, confidence = _identifier().classify(run)
    return _LATIN[code] if confidence >= _LEAST_CONFIDENCE else ""


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_LATIN))
    return identifier
