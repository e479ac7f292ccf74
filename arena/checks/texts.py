"""The strings of checks: each outcome in one short line."""

from __future__ import annotations

from arena.checks import Check
from arena.texts import Texts

TEXTS: dict[str, tuple[str, str]] = {
    # key: (Chinese, English)
    "says_passed": ("提到“{found}”", "says “{found}”"),
    "says_failed": ("没有提到“{expected}”", "does not say “{expected}”"),
    "does_not_say_passed": ("没有错说“{expected}”", "does not claim “{expected}”"),
    "does_not_say_failed": ("错说了“{found}”", "claims “{found}”, which is wrong"),
    "language_passed": ("有{expected}", "has {expected}"),
    "language_failed": ("没有{expected}", "has no {expected}"),
    "parses_passed": ("代码语法正确", "the code parses"),
    "parses_failed": ("没有语法正确的 Python 代码", "no Python code that parses"),
    "function_passed": ("定义了函数 {found}", "defines {found}"),
    "function_failed": ("没有定义要求的函数", "does not define the required function"),
    "result_passed": ("所称结果正确：{expected}", "the claimed result is right: {expected}"),
    "result_failed": (
        "所称结果有误：应为 {expected}，答成 {found}",
        "the result should be {expected}, not {found}",
    ),
    "Chinese": ("中文", "Chinese"),
    "English": ("英文", "English"),
    "Japanese": ("日文", "Japanese"),
    "Korean": ("韩文", "Korean"),
    "Russian": ("俄文", "Russian"),
    "Arabic": ("阿拉伯文", "Arabic"),
    "German": ("德文", "German"),
    "French": ("法文", "French"),
    "Spanish": ("西班牙文", "Spanish"),
    "Italian": ("意大利文", "Italian"),
    "Portuguese": ("葡萄牙文", "Portuguese"),
    "Dutch": ("荷兰文", "Dutch"),
}

text = Texts(TEXTS).text


def describe(lang: str, check: Check) -> str:
    """The outcome of a check, for example: says “20 minutes”."""
    expected = text(lang, check.expected) if check.kind == "language" else check.expected
    key = f"{check.kind.replace(' ', '_')}_{'passed' if check.passed else 'failed'}"
    line = text(lang, key, expected=expected, found=check.found)
    return f"{line} ({check.found})" if key == "parses_failed" and check.found else line
