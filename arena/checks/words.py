"""The outcome of a check in one short line, in both languages."""

from __future__ import annotations

from arena.checks.compare import Check

LANGUAGE_NAMES = {
    "Chinese": "中文",
    "English": "英文",
    "Japanese": "日文",
    "Korean": "韩文",
    "Russian": "俄文",
    "Arabic": "阿拉伯文",
    "German": "德文",
    "French": "法文",
    "Spanish": "西班牙文",
    "Italian": "意大利文",
    "Portuguese": "葡萄牙文",
    "Dutch": "荷兰文",
}
# (kind, passed): (Chinese, English)
_LINES = {
    ("says", True): ("提到“{found}”", "says “{found}”"),
    ("says", False): ("没有提到“{expected}”", "does not say “{expected}”"),
    ("does not say", True): ("没有错说“{expected}”", "does not claim “{expected}”"),
    ("does not say", False): ("错说了“{found}”", "claims “{found}”, which is wrong"),
    ("language", True): ("有{expected}", "has {expected}"),
    ("language", False): ("没有{expected}", "has no {expected}"),
    ("parses", True): ("代码语法正确", "the code parses"),
    ("parses", False): ("没有语法正确的 Python 代码", "no Python code that parses"),
    ("function", True): ("定义了函数 {found}", "defines {found}"),
    ("function", False): ("没有定义要求的函数", "does not define the function asked for"),
    ("result", True): ("所称结果正确：{expected}", "the claimed result is right: {expected}"),
    ("result", False): (
        "所称结果有误：应为 {expected}，答成 {found}",
        "the claimed result is wrong: {expected}, not {found}",
    ),
}


def describe(lang: str, check: Check) -> str:
    """What was found. `lang` is zh or en."""
    expected = check.expected
    if check.kind == "language" and lang == "zh":
        expected = LANGUAGE_NAMES[expected]
    line = _LINES[check.kind, check.passed][lang == "en"].format(expected=expected, found=check.found)
    return line if check.passed or check.kind != "parses" or not check.found else f"{line} ({check.found})"
