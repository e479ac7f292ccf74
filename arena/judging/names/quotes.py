"""Takes the names out of what a speaker quotes, supposes or denies: they say nothing about the speaker."""

from __future__ import annotations

import re

from arena.judging.names import chinese, english
from arena.judging.names.marks import MASKED, NAME, OWN
from arena.judging.names.pattern_parts import compiled

# A quotation, or a title.
_QUOTED = re.compile(
    '"[^"\n]{1,400}"|《[^《》\n]{1,60}》|' + r"(?<=[\s:(])'[^\n]{1,300}?'(?=[\s,;:!?)。]|$)", re.MULTILINE
)
# What the speaker says of its instructions, or that it would answer so, counts for its own words.
_OWN_WORDS = re.compile(
    r"(?:\bmy (?:\w{1,12} ){0,2}(?:instructions?|prompt|settings?|setup|text)|^\s{0,3}system(?: prompt)?:|\bthe "
    "(?:system )?prompt (?:says|reads|states|is|tells)"
    r"|我的(?:系统)?(?:提示|设定|指令)|系统(?:提示|设定)(?:词)?(?:是|为|写|说|:))[^。!?\n]{0,40}$"
    r"|\b(?:i|i'll|i'd) (?:will |would |should |must |always |can )?(?:say|answer|reply|respond)[^。!?\n\"]{0,12}$"
    "|我(?:会|应该|要|可以|就|只能)(?:说|回答|回复)[^。!?\n]{0,6}$"
)
_OWN_PROMPT = re.compile(
    r"[^。!?\n]{0,20}\bmy (?:system )?(?:prompt|instructions)|[^。!?\n]{0,8}我的(?:系统)?(?:提示|设定|指令)"
)
_AROUND = 80

# One name after another: not ChatGPT, Claude or Gemini.
_NAMES = (
    r"<X>(?:(?:[ ,、/]|\b(?:and|or|nor|by|from|the|an?)\b|和|或|与|及|以及|也不是|又不是|更不是|也不|由){1,6}<X>){0,8}"
)
_PARTS = chinese.PARTS | english.PARTS
_DENIED = compiled(_PARTS, *(f"(?:{before}){_NAMES}" for before in (*chinese.DENIES, *english.DENIES)))
_SUPPOSED = compiled(_PARTS, *(f"(?:{before}){_NAMES}" for before in (*chinese.SUPPOSES, *english.SUPPOSES)))
_I = re.compile(r"\b(?:i|i'm|my|me)\b|我|本助手|本模型")


def without_quotations(text: str) -> str:
    """The text with the names in quotations masked, but for those of the speaker's own words."""

    def replaced(match: re.Match[str]) -> str:
        quoted = match.group()
        before, after = text[max(0, match.start() - _AROUND) : match.start()], text[match.end() : match.end() + _AROUND]
        is_all = len(quoted) > 0.8 * len(text.strip())
        if is_all or _OWN_WORDS.search(before) or _OWN_PROMPT.match(after):
            return "。" + quoted[1:-1] + "。"
        return NAME.sub(MASKED, quoted)

    return _QUOTED.sub(replaced, text)


def without_denials(text: str) -> str:
    """The text with the names masked that the speaker denies or supposes to be its own."""
    for pattern in (*_DENIED, *_SUPPOSED):
        text = pattern.sub(lambda match: NAME.sub(MASKED, match.group()), text)
    return text


def denies_own(text: str) -> bool:
    """Whether the speaker says that it is not one of the models in the battle."""
    return any(
        OWN.search(match.group()) and _I.search(text[max(0, match.start() - _AROUND) : match.end() + _AROUND])
        for pattern in _DENIED
        for match in pattern.finditer(text)
    )
