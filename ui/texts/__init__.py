"""Every text of the page in Chinese and English."""

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from arena.errors import ArenaError, ErrorInfo
from arena.report import texts as report
from arena.translations import LANGUAGES as LANGUAGES
from arena.translations import Texts, read_table
from arena.translations import listed as listed

COVER = ("university", "school", "major", "course", "author", "student_number", "teacher", "date")
"""The fields on a report's cover below its title."""

_OF_REPORT = {
    f"{prefix}_{name}": report.TEXTS[name]
    for prefix, names in {"report": COVER, "about": ("model", "id", "revision", "licence")}.items()
    for name in names
}
_HERE = Path(__file__).parent
_TABLES = ("arena", "page", "judging", "prompts", "results", "errors")
TEXTS = Texts(*(read_table(_HERE / f"{name}.toml") for name in _TABLES), _OF_REPORT)
# The errors whose English is their own message, by code.
CHINESE: Mapping[str, str] = tomllib.loads((_HERE / "errors_zh.toml").read_text(encoding="utf-8"))
# What is wrong with prompts, as arena.prompts says it and in Chinese.
_MISTAKES: Mapping[str, str] = tomllib.loads((_HERE / "prompt_mistakes_zh.toml").read_text(encoding="utf-8"))
text = TEXTS.text


def error_text(lang: str, error: ArenaError | ErrorInfo) -> str:
    """An error for a reader in this language; in Chinese too its own English line if there is no translation.

    A single sentence has no full stop, as on labels.
    """
    details = {
        name: error_text(lang, value) if isinstance(value, ErrorInfo) else value
        for name, value in error.details.items()
    }
    if lang == "zh" and "what" in details:
        details["what"] = _mistake_in_chinese(str(details["what"]))
    own = error.message if isinstance(error, ErrorInfo) else str(error)
    with suppress(KeyError):  # an error that crossed processes has lost its details
        if f"error_{error.code}" in TEXTS:
            return text(lang, f"error_{error.code}", **details)
        if lang == "zh" and error.code in CHINESE:
            return CHINESE[error.code].format(**{"message": own, **details})
    return own if ". " in own else own.removesuffix(".")


def _mistake_in_chinese(what: str) -> str:
    """What is wrong with prompts; as it is if it is something else."""
    for pattern, chinese in _MISTAKES.items():
        if match := re.fullmatch(pattern, what, re.DOTALL):
            return chinese.format(*map(_mistake_in_chinese, match.groups()))
    return what


def language_of_system(environment: Mapping[str, str]) -> str:
    """`zh` or `en` from ARENA_LANG, or else from the locale's variables."""
    values = (environment.get(name) for name in ("ARENA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, values), "").lower().startswith("zh") else "en"


def language_of_browser(accept_language: str) -> str:
    """`zh` or `en` from an Accept-Language header: the one ranked first, English if neither is there."""

    def weight(item: str) -> float:
        try:
            return float(item.partition(";q=")[2] or 1)
        except ValueError:
            return 0.0

    ranked = sorted(accept_language.split(","), key=weight, reverse=True)
    tags = (item.strip().lower()[:2] for item in ranked)
    return next((tag for tag in tags if tag in LANGUAGES), "en")
