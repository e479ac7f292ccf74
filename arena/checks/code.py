"""Finds Python code in an answer, and the results that the answer claims for it, without running anything.

What the code does is not tested: a wrong function with right claims passes.
"""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_PYTHON = {"", "py", "python", "python3"}
_BEGIN = re.compile(r"(?:async )?def |class |import |from |@")
# Longer answers are cut, since parsing takes time and memory for each character.
_LONGEST = 40_000
_MOST_LINES = 400
# The largest distance between an input and a claim about it.
_REACH = 300
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_CLAIM = re.compile(
    r"(?:(output|result|returns?|prints?|total|sum(?! of)|输出|结果|返回|总和|平方和|应该?是|应该?为|会是)"
    # What may also lead to a step on the way. Of equations only a sum: "2 * 2 = 4" is no result.
    r"|gives?|yields?|得到|等于|->|=>|→|\+[^=\n]{0,60}\d\s*=)"
    r"(?:\s*(?:是|为|is|of|will be|值|的值|should be))?[\s:：`*(（“\"']{0,6}"
    + _NUMBER
    # A number that only begins a longer expression or phrase is not a result.
    + r"(?![\d.]*\d|\s*(?:[-+*/^×²→]|的|个|squared|(?:and|和|、)\s*\d))"
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


def claimed_results(text: str, written: str, right: float) -> Iterator[float]:
    """The results that the text claims after each occurrence of an input as `written` in Python.

    Steps may come before or after a result: it is `right` if a step or the first result says so, else the last of them.
    """
    text = text[:_LONGEST]
    gaps = r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", written))
    for occurrence in re.finditer(rf"(?<!\w){gaps}(?!\w)", text):
        after = text[occurrence.end() : occurrence.end() + _REACH]
        if next_input := _LIST.search(after):  # what follows is about that one
            after = after[: next_input.start()]
        claims: list[float] = []
        for match in _CLAIM.finditer(after):
            claims.append(float(match[2] or match[3]))
            if match[1] or match[3]:
                break
        if claims:
            yield right if right in claims else claims[-1]


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
        with suppress(ValueError):
            _parsed(source)
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
