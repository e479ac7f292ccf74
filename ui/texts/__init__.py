"""Every string of the page in Chinese and English, and how one is chosen and filled. Knows no component."""

from __future__ import annotations

from collections.abc import Iterable

from arena.errors import ArenaError
from arena.types import ErrorInfo
from ui.texts import batch_report, chat, errors, judging, page, replay, results, rooms

LANGUAGES = ("zh", "en")
TEXTS: dict[str, tuple[str, str]] = {
    key: pair
    for part in (page, chat, judging, rooms, results, replay, batch_report, errors)
    for key, pair in part.TEXTS.items()
}


def text(lang: str, key: str, **details: object) -> str:
    """The string `key` in `lang` with its values filled in. Unknown languages and keys raise."""
    return TEXTS[key][LANGUAGES.index(lang)].format(**details)


def listed(lang: str, names: Iterable[str]) -> str:
    """Names one after the other, as the language separates them."""
    return text(lang, "between_names").join(names)


def error_text(lang: str, error: ArenaError | ErrorInfo) -> str:
    """What the page says of an error: its translation, or the error's own English line if there is none."""
    key = f"error_{error.code}"
    if key in TEXTS:
        return text(lang, key, **error.details)
    return error.message if isinstance(error, ErrorInfo) else str(error)


def language_of_browser(accept_language: str) -> str:
    """`zh` or `en` from an Accept-Language header: whichever the person ranks first, English if neither."""
    ranked = []
    for place, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, place, tag.strip().lower()[:2]))
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), "en")
