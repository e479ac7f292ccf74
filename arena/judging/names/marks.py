"""Puts marks in place of the names of models and makers, so that patterns need not spell the names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from arena.judging.names.makers import MAKERS, Maker

# The kinds of names, as Maker lists them: the plainer, the lower.
_MODEL, _WORD, _LAB, _FIRM = range(4)
# A private character stands for each kind, and one of the next four for the same kind in the battle.
_FIRST = 0xE000
_OWN = 4
# Stands after a name that has a version.
VERSION = "\ue008"
# A name that says nothing about the speaker.
MASKED = "\ue009"
NAME = re.compile(f"[\ue000-\ue007]{VERSION}?")
OWN = re.compile("[\ue004-\ue007]")
OWN_MODEL = re.compile("\ue004")

_VERSION = r"(?P<version>[ \-]?v?\d{1,4}(?:\.\d{1,3}){0,2}(?:x\d{1,3})?(?:[bkmovr]\d{0,3}|vl)?(?![a-z]))?"
_TAIL = (
    r"(?:[ \-]?(?:v?\d{1,4}(?:\.\d)?[bkm]?|[qk]\d[a-z0-9]{0,6}|a\d{1,3}b|instruct|chat|base|lite|mini|turbo|plus|pro|"
    "max|ultra|flash|nano|large|small|medium|tiny|coder|code|math|vl|omni|vision|opus|sonnet|haiku|thinking|preview|"
    "exp|distill|r1|it|hf|gguf|int4|int8|lm|llm)(?![a-z])){0,6}"
)
_AROUND = 80


@dataclass(frozen=True)
class Marked:
    """A folded text with marks in place of names, and the keys of the makers whose names they were."""

    text: str
    makers: frozenset[str]


@dataclass(frozen=True)
class _Name:
    kind: int
    maker: Maker
    numbered: bool


def mark(folded: str, own: tuple[Maker, ...] = ()) -> Marked:
    """The text with every name marked; `own` are the makers of the models in the battle."""
    pattern, names = _names(tuple(maker for maker in own if maker not in MAKERS))
    found: set[str] = set()

    def replaced(match: re.Match[str]) -> str:
        name, version = names[_squeezed(match["name"])], match["version"]
        kind = _MODEL if name.numbered and version else name.kind
        if name.maker.unless and kind != _MODEL and _says(name.maker.unless, match):
            return match.group()
        found.add(name.maker.key)
        return _mark(kind, name.maker in own, bool(version))

    return Marked(_joined(pattern.sub(replaced, folded)), frozenset(found))


def _mark(kind: int, own: bool, version: bool) -> str:
    return chr(_FIRST + kind + (_OWN if own else 0)) + (VERSION if version else "")


def _says(pattern: str, match: re.Match[str]) -> bool:
    """Whether the pattern is found near the match."""
    near = match.string[max(0, match.start() - _AROUND) : match.end() + _AROUND]
    return re.search(pattern, near) is not None


_QUOTED_NAME = re.compile(f'["《]({NAME.pattern})["》]')
# A maker before the name of its model, or one name of a thing after the other.
_RUN = re.compile(f"{NAME.pattern}(?:(?:[ ·/&]?\\(?| ?的|'s ){NAME.pattern}\\)?){{1,4}}")


def _joined(marked: str) -> str:
    return _RUN.sub(_strongest, _QUOTED_NAME.sub(r"\1", marked))


def _strongest(run: re.Match[str]) -> str:
    """One mark for several in a row: `Google's Gemini` is as plain as can be."""
    marks = [ord(one) - _FIRST for one in NAME.findall(run.group().replace(VERSION, ""))]
    kinds = {one % _OWN for one in marks}
    kind = _MODEL if _WORD in kinds and kinds & {_LAB, _FIRM} else min(kinds)
    return _mark(kind, max(marks) >= _OWN, VERSION in run.group())


@lru_cache(maxsize=64)
def _names(more: tuple[Maker, ...]) -> tuple[re.Pattern[str], dict[str, _Name]]:
    """The pattern of all names, and what each of them is by its spelling without gaps. `more` are in no table."""
    names: dict[str, _Name] = {}
    patterns: dict[str, str] = {}
    for maker in (*more, *MAKERS):
        for kind, spelling in _spellings(maker):
            bare = spelling.rstrip("#")
            names.setdefault(_squeezed(bare), _Name(kind, maker, spelling != bare))
            patterns.setdefault(bare, _pattern(bare, kind == _MODEL))
    latin, han = (_either(patterns, ascii_only) for ascii_only in (True, False))
    end = r"(?:(?<![a-z0-9])|(?![a-z]))"
    return re.compile(f"(?P<name>(?<![a-z0-9])(?:{latin})|(?:{han}))(?:{_VERSION}{_TAIL}){end}"), names


def _either(patterns: dict[str, str], ascii_only: bool) -> str:
    """Any of the names in one script, longer ones first; by their first letters, which is ten times as fast."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(patterns, key=len, reverse=True):
        if name.isascii() == ascii_only:
            by_letter.setdefault(name[0], []).append(patterns[name].removeprefix(name[0]))
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


def _spellings(maker: Maker) -> Iterator[tuple[int, str]]:
    for kind, names in enumerate((maker.models, maker.words, maker.labs, maker.firms)):
        yield from ((kind, name) for name in names)


def _squeezed(name: str) -> str:
    return re.sub(r"[ \-.·']", "", name)


def _pattern(name: str, plain: bool) -> str:
    """How a name may be written: a plain one in Latin letters with a gap anywhere, others apart at their spaces."""
    if not name.isascii():
        return re.escape(name)
    parts, between = (list(_squeezed(name)), r"[ \-.·]{0,2}") if plain else (name.split(" "), r"[ \-]?")
    return between.join(map(re.escape, parts))
