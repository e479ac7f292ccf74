"""The text that is searched for leaks: in one spelling, and with marks in place of the names of models and makers."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from arena.judging.leaks.patterns import read_sections


@dataclass(frozen=True)
class Maker:
    """One maker and the names that give away the maker or one of its models.

    `models` always mean a model. `words` are also ordinary words or people (Claude, Gemini, 豆包); with a `#` they are
    unambiguous when a version follows (Gemini 1.5). `labs` mainly make language models; `firms` make many other things,
    or are universities. A space in a Latin name marks where people also write a hyphen or nothing.
    """

    key: str
    models: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    firms: tuple[str, ...] = ()


def _maker(line: str) -> Maker:
    key, *columns = re.split(r" ?\| ", line)
    spellings = {kind: tuple(names.split(", ")) for kind, names in (column.split(": ") for column in columns)}
    return Maker(key, **spellings)


_SECTIONS = read_sections("names")
MAKERS = tuple(map(_maker, _SECTIONS["makers"]))
UNLESS = dict(line.split(": ", 1) for line in _SECTIONS["unless"])
# Words in the names of models that identify none.
NOISE = frozenset(" ".join(_SECTIONS["noise"]).split())

# ---- the text

_TRADITIONAL, _SIMPLIFIED = _SECTIONS["traditional"][0], _SECTIONS["simplified"][0]
_SCRIPT = str.maketrans(_TRADITIONAL + "’‘＇´" + "「」『』“”„«»〝〞", _SIMPLIFIED + "''''" + '"' * 11)
# Invisible characters, emoji, and the private characters that serve as marks below.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\ue000-\ue00f\U000e0000-\U000e0fff\u2600-\u27bf\U0001f000-\U0001faff]"
)
_HAN = "[\u3400-\u9fff]"
_REPLACEMENTS = tuple(
    (re.compile(pattern, re.MULTILINE), new)
    for pattern, new in (
        # Inline code goes unless it is words, as a name is; so do lines of code, and links.
        (r"`(?:([\w \-]{1,300})|[^`\n]{1,300})`", r"\1"),
        (
            r"""^[^\n]{0,200}?(?:\w[(\[]f?["']| = ["'\[{]|^\s{0,20}[{\[]"|\bfrom \S{1,40} import\b|\bdef \w{1,40}\()"""
            r"[^\n]{0,400}$",
            "",
        ),
        (r"\bhttps?://\S{1,500}", ""),
        (r"<[/|]?[a-z_]{1,20}[/|]?>", "\n"),
        (r"[*`]{1,4}|~~", ""),
        (r"^[ >#]{1,12}", ""),
        (r"(?:_|[^\S\n]){1,200}", " "),
    )
)
_SPELLED = re.compile(r"(?<![a-z'])[a-z](?:[ .\-·]{1,3}[a-z](?![a-z'])){2,20}")
_BESIDE_HAN = re.compile(f"(?<={_HAN})[ ·・.\\-]{{1,4}}(?={_HAN})|(?<={_HAN}) (?=[a-z0-9])|(?<=[a-z0-9]) (?={_HAN})")
_FULL_STOP = re.compile(r"\.(?=\s|$)")

# A private-use character marks each kind of name (less ambiguous kinds first), the next four mark names in the battle.
_MODEL, _WORD, _LAB, _FIRM = range(4)
_FIRST_MARK, _OWN = 0xE000, 4
# Follows a mark whose name has a version.
_VERSION_MARK = "\ue008"
# Replaces a name that says nothing about the writer.
MASKED = "\ue009"
NAME = re.compile(f"[\ue000-\ue007]{_VERSION_MARK}?")
OWN = re.compile("[\ue004-\ue007]")
OWN_MODEL = re.compile("\ue004")

_VERSION = r"(?P<version>[ \-]?v?\d{1,4}(?:\.\d{1,3}){0,2}(?:x\d{1,3})?(?:[bkmovr]\d{0,3}|vl)?(?![a-z]))?"
_TAIL = (
    r"(?:[ \-]?(?:v?\d{1,4}(?:\.\d)?[bkm]?|[qk]\d[a-z0-9]{0,6}|a\d{1,3}b|instruct|chat|base|lite|mini|turbo|plus|pro|"
    "max|ultra|flash|nano|large|small|medium|tiny|coder|code|math|vl|omni|vision|opus|sonnet|haiku|thinking|preview|"
    "exp|distill|r1|it|hf|gguf|int4|int8|lm|llm)(?![a-z])){0,6}"
)
_QUOTED_NAME = re.compile(f'["《]({NAME.pattern})["》]')
# A maker before the name of its model, or one name of a thing after the other.
_RUN = re.compile(f"{NAME.pattern}(?:(?:[ ·/&]?\\(?| ?的|'s ){NAME.pattern}\\)?){{1,4}}")


@dataclass(frozen=True)
class Marked:
    """A folded text with marks in place of names, and the keys of the makers whose names they were."""

    text: str
    makers: frozenset[str]


def fold(text: str) -> str:
    """The text in lower case and simplified characters, without markup, code, links, or gaps inside words.

    `。` ends each sentence, `"` stands for every kind of quotation mark.
    """
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    # A block of code that is never closed goes on to the end.
    folded = "\n".join(folded.split("```")[::2])
    for pattern, new in _REPLACEMENTS:
        folded = pattern.sub(new, folded)
    folded = _SPELLED.sub(lambda match: re.sub("[^a-z]", "", match.group()), folded.translate(_SCRIPT))
    return _FULL_STOP.sub("。", _BESIDE_HAN.sub("", folded))


def mark(folded: str, own: tuple[Maker, ...] = ()) -> Marked:
    """The text with every name marked; `own` are the makers of the models in the battle."""
    pattern, names = _names(tuple(maker for maker in own if maker not in MAKERS))
    makers: set[str] = set()

    def marked(match: re.Match[str]) -> str:
        (kind, maker, is_numbered), version = names[_squeezed(match["name"])], match["version"]
        kind = _MODEL if is_numbered and version else kind
        near = folded[max(0, match.start() - 80) : match.end() + 80]
        if kind != _MODEL and maker.key in UNLESS and re.search(UNLESS[maker.key], near):
            return match.group()
        makers.add(maker.key)
        return _mark(kind, maker in own, bool(version))

    text = _QUOTED_NAME.sub(r"\1", pattern.sub(marked, folded))
    return Marked(_RUN.sub(_strongest, text), frozenset(makers))


def _mark(kind: int, is_own: bool, has_version: bool) -> str:
    return chr(_FIRST_MARK + kind + _OWN * is_own) + _VERSION_MARK * has_version


def _strongest(run: re.Match[str]) -> str:
    """One mark for several in a row: `Google's Gemini` is unambiguous."""
    marks = [ord(mark[0]) - _FIRST_MARK for mark in NAME.findall(run.group())]
    kinds = {mark % _OWN for mark in marks}
    kind = _MODEL if _WORD in kinds and kinds & {_LAB, _FIRM} else min(kinds)
    return _mark(kind, max(marks) >= _OWN, _VERSION_MARK in run.group())


@lru_cache(maxsize=64)
def _names(more: tuple[Maker, ...]) -> tuple[re.Pattern[str], dict[str, tuple[int, Maker, bool]]]:
    """The pattern of all names; by name without gaps its kind, its maker, and whether a version makes it unambiguous.

    `more` are makers that are not in the table.
    """
    names: dict[str, tuple[int, Maker, bool]] = {}
    patterns: dict[str, str] = {}
    for maker in (*more, *MAKERS):
        for kind, spellings in enumerate((maker.models, maker.words, maker.labs, maker.firms)):
            for name in spellings:
                bare = name.rstrip("#")
                names.setdefault(_squeezed(bare), (kind, maker, name != bare))
                patterns.setdefault(bare, _pattern(bare, kind == _MODEL))
    latin, han = (_either(patterns, is_ascii) for is_ascii in (True, False))
    end = r"(?:(?<![a-z0-9])|(?![a-z]))"
    return re.compile(f"(?P<name>(?<![a-z0-9])(?:{latin})|(?:{han}))(?:{_VERSION}{_TAIL}){end}"), names


def _either(patterns: dict[str, str], is_ascii: bool) -> str:
    """Any of the names in one script, longer ones first; grouped by first letter, which is ten times as fast."""
    by_letter: dict[str, list[str]] = {}
    for name in sorted(patterns, key=len, reverse=True):
        if name.isascii() == is_ascii:
            by_letter.setdefault(name[0], []).append(patterns[name].removeprefix(name[0]))
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in by_letter.items())


def _squeezed(name: str) -> str:
    return re.sub(r"[ \-.·']", "", name)


def _pattern(name: str, is_plain: bool) -> str:
    """How a name may be written: a plain one in Latin letters with a gap anywhere, others with gaps at their spaces."""
    if not name.isascii():
        return re.escape(name)
    parts, between = (list(_squeezed(name)), r"[ \-.·]{0,2}") if is_plain else (name.split(" "), r"[ \-]?")
    return between.join(map(re.escape, parts))
