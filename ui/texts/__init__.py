"""Every text of the page in Chinese and English."""

from __future__ import annotations

from arena.errors import ArenaError
from arena.texts import LANGUAGES as LANGUAGES
from arena.texts import Texts
from arena.texts import listed as listed
from arena.types import ErrorInfo
from ui.texts import errors, judging, page, results

TEXTS = Texts(page.TEXTS, judging.TEXTS, results.TEXTS, errors.TEXTS)
text = TEXTS.text


def error_text(lang: str, error: ArenaError | ErrorInfo) -> str:
    """The translation of an error, or its own English line if it has none."""
    key = f"error_{error.code}"
    if key in TEXTS:
        return text(lang, key, **error.details)
    return error.message if isinstance(error, ErrorInfo) else str(error)


def language_of_browser(accept_language: str) -> str:
    """`zh` or `en` from an Accept-Language header: the one ranked first, English if neither is there."""
    ranked = []
    for index, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, index, tag.strip().lower()[:2]))
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), "en")
