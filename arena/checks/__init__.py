"""Automatic checks of an answer against its prompt's reference: hints for raters, not verdicts. Runs no code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from arena.checks.wording import languages_in, says
from arena.prompts import CodeReference, Reference
from arena.texts import Texts

Kind = Literal["says", "does not say", "language", "parses", "function", "result"]


@dataclass(frozen=True)
class Check:
    """The result for one fact, which may have several wordings.

    `expected` is its first wording, `found` what the answer says, or "".
    """

    kind: Kind
    expected: str
    found: str
    passed: bool


def check_answer(reference: Reference, text: str) -> tuple[Check, ...]:
    """The checks of an answer in the order of the reference; none if the reference is only for reading."""
    return tuple(_checks(reference, text))


def _checks(reference: Reference, text: str) -> Iterator[Check]:
    for wordings in reference.must:
        match = _first_match(text, wordings)
        yield Check("says", wordings[0], match, bool(match))
    for wordings in reference.must_not:
        match = _first_match(text, wordings)
        yield Check("does not say", wordings[0], match, not match)
    if reference.languages:
        languages = languages_in(text)
        for language in reference.languages:
            yield Check("language", language, ", ".join(sorted(languages)), language in languages)
    if reference.code:
        code = check_code(text)
        yield Check("parses", "Python", code.syntax_error, code.parses)
        if code.parses:
            name = reference.code.function
            is_defined = name in code.functions if name else bool(code.functions)
            yield Check("function", name, ", ".join(code.functions), is_defined)
        yield from _results(text, reference.code)


def _first_match(text: str, wordings: tuple[str, ...]) -> str:
    """The first of the wordings that the text says, or ""."""
    return next((wording for wording in wordings if says(text, wording)), "")


def _results(text: str, reference: CodeReference) -> Iterator[Check]:
    """One check per input that the text states a result for: a single wrong claim about it fails the check."""
    inputs: set[str] = set()
    for written, right in reference.results:
        key = "".join(written.split())
        claims = [] if key in inputs else list(claimed_results(text, written))
        inputs.add(key)
        if claims:
            worst = next((claim for claim in claims if claim != right), right)
            yield Check("result", f"{written} → {right:g}", f"{worst:g}", worst == right)


# ---- each outcome in one short line

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
    "result_failed": ("所称结果有误：应为 {expected}，答成 {found}", "the result should be {expected}, not {found}"),
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


# ---- Python code, without running it; what it does is not tested: a wrong function with right claims passes

_PYTHON = {"", "py", "python", "python3"}
_BEGIN = re.compile(r"(?:async )?def |class |import |from |@")
# Longer answers are cut, since parsing takes time and memory for each character.
_LONGEST = 40_000
_MOST_LINES = 400
# The largest distance between an input and a claim about it.
_REACH = 300
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_CLAIM = re.compile(
    r"(?:output|result|returns?|prints?|gives?|yields?|输出|结果|返回|得到|等于|应该?是|应该?为|会是|->|=>|→|\d\s*=)"
    r"(?:\s*(?:是|为|is|of|will be|值|的值|should be))?[\s:：`*(（“\"']{0,6}"
    + _NUMBER
    # A number that only begins a longer expression or phrase is not a result.
    + r"(?![\d.]*\d|\s*(?:[-+*/^×²]|的|个|\*\*))"
    r"|^[ \t#>]*" + _NUMBER + r"[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_LIST = re.compile(r"\[[^\[\]]*\]")


@dataclass(frozen=True)
class CodeCheck:
    """The code in an answer. `syntax_error` says why it does not parse; it is also "" if there is no code."""

    parses: bool
    syntax_error: str
    functions: tuple[str, ...]


def check_code(text: str) -> CodeCheck:
    """Checks the Python code in `text`, fenced or not. Runs nothing."""
    trees, syntax_error = [], ""
    for source in _sources(text[:_LONGEST]):
        try:
            trees.append(_parsed(source))
        except ValueError as error:
            syntax_error = syntax_error or str(error)
    nodes = (node for tree in trees for node in ast.walk(tree))
    functions = dict.fromkeys(node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return CodeCheck(bool(trees) and not syntax_error, syntax_error, tuple(functions))


def claimed_results(text: str, written: str) -> Iterator[float]:
    """The results that the text claims for an input as `written` in Python: the first number after each occurrence."""
    text = text[:_LONGEST]
    gaps = r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", written))
    for occurrence in re.finditer(rf"(?<!\w){gaps}(?!\w)", text):
        after = text[occurrence.end() : occurrence.end() + _REACH]
        if next_input := _LIST.search(after):  # what follows is about that one
            after = after[: next_input.start()]
        if match := _CLAIM.search(after):
            yield float(match[1] or match[2])


def _sources(text: str) -> Iterator[str]:
    """Blocks fenced as Python or without a language; without any fence, what begins like Python and parses."""
    from markdown_it import MarkdownIt

    fences = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    if fences:
        for fence in fences:
            name = fence.info.strip().split(" ")[0].lower()
            # A fence without a language may hold anything, so it must begin like Python.
            if name in _PYTHON and (name or _begins(fence.content.split("\n")) is not None):
                yield fence.content
        return
    lines = text.split("\n")[:_MOST_LINES]
    begin = _begins(lines)
    if begin is not None:
        yield _longest(lines[begin:])


def _begins(lines: list[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if _BEGIN.match(line)), None)


def _longest(lines: list[str]) -> str:
    """The longest beginning that parses, so without prose after it; all lines if none parses."""
    for end in range(len(lines), 0, -1):
        source = "\n".join(lines[:end])
        try:
            _parsed(source)
        except ValueError:
            continue
        return source
    return "\n".join(lines)


def _parsed(source: str) -> ast.Module:
    """Raises ValueError with the reason."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"{error.msg} (line {error.lineno})") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("nested too deeply") from error
