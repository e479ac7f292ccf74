"""The page's strings: whole in both languages, one for every error, nothing left over."""

from __future__ import annotations

import ast
import re
from functools import cache
from string import Formatter

import pytest
from served_app import ROOT

from arena.errors import InputError
from arena.types import CRITERIA, SideName
from ui.texts import CHINESE, TEXTS, error_text, language_of_browser, language_of_system, listed, text

ROOMS = ("arena", "backends", "backup", "bench", "commands", "hubs", "ui")
CODE = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")] + [ROOT / "app.py"]
# What makes an error with a code.
ERRORS = ("InputError", "BackendError", "VoteRefused", "ErrorInfo", "_error_chunk")
# Functions that make or raise the error of a code themselves, and the details that they add.
RAISING = {
    "os_error_as": {"reason"},
    "check_room": {"needed", "free"},
    "breaking": {"path", "what"},
    "info_of": {"reason"},
}
# Tables of errors that are made by a function beside them: the codes are the keys.
TABLES = {"_REFUSALS": {"path"}}


@cache
def raised() -> dict[str, list[set[str]]]:
    """The code of every error that is made anywhere, and the details that it has each time."""
    calls: dict[str, list[set[str]]] = {}
    for node in (node for path in CODE for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Assign) and (table := getattr(node.targets[0], "id", "")) in TABLES:
            assert isinstance(node.value, ast.Dict)
            for key in node.value.keys:
                calls.setdefault(key.value, []).append(TABLES[table])
        if not isinstance(node, ast.Call) or (name := getattr(node.func, "id", "")) not in (*ERRORS, *RAISING):
            continue
        code = next(iter(node.args[name == "info_of" :]), None)  # its first argument is the error
        if isinstance(code, ast.Constant):
            details = {keyword.arg for keyword in node.keywords} | RAISING.get(name, set())
            if name == "ErrorInfo" and isinstance(node.args[-1], ast.Dict):
                details |= {key.value for key in node.args[-1].keys}
            calls.setdefault(code.value, []).append(details)
    return calls


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_error_has_a_chinese_text_and_no_text_is_without_one() -> None:
    codes, pairs = set(raised()), {key.removeprefix("error_") for key in TEXTS.table if key.startswith("error_")}
    assert {"prompt_empty", "vote_twice", "backend_failed", "port_busy"} <= codes
    assert {code for code in codes if not code.startswith("bench_")} == CHINESE.keys() | pairs
    assert not CHINESE.keys() & pairs


@pytest.mark.parametrize("code", [*CHINESE, *(key[6:] for key in TEXTS.table if key.startswith("error_"))])
def test_every_error_has_what_its_text_needs(code: str) -> None:
    template = CHINESE.get(code) or TEXTS.table[f"error_{code}"][0]
    for details in raised()[code]:
        assert None in details or fields(template) <= details | {"message"}


def test_an_error_in_both_languages() -> None:
    error = InputError("report_model", "There are no answers by qwen.", model="qwen")
    assert (error_text("zh", error), error_text("en", error)) == ("没有 qwen 的回答", "There are no answers by qwen")
    two = InputError("too_many_tries", "Too many attempts. Try again in a minute.")
    assert error_text("en", two) == str(two)
    assert error_text("zh", InputError("report_model", "Details were lost.")) == "Details were lost"
    unfit = InputError("folder_unfit", "x has no config.json.", path="x")
    assert error_text("zh", unfit) == "x 无法使用：x has no config.json."


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "en_US.UTF-8"}, "zh"),
        ({"ARENA_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"ARENA_LANG": "", "LC_ALL": "zh_CN"}, "zh"),
        ({"ARENA_LANG": "zh", "LC_ALL": "C"}, "zh"),
    ],
)
def test_the_systems_language_is_that_of_the_setting_or_else_of_the_locale(
    environment: dict[str, str], lang: str
) -> None:
    assert language_of_system(environment) == lang


@pytest.mark.parametrize("key", list(TEXTS.table))
def test_both_languages_say_the_same(key: str) -> None:
    chinese, english = TEXTS.table[key]
    assert fields(chinese) == fields(english)
    assert chinese.strip() and english.strip()
    if key != "other_language":
        assert not re.search("[\u4e00-\u9fff]", english)


def test_no_text_is_left_over() -> None:
    using = [path for path in CODE if path.parent.name != "texts" or path.name == "__init__.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in using)
    rules = (
        "error",
        "column",
        "vote",
        "stand",
        "scripted",
        "about",
        "verdict",
        "answer",
        "tab",
        "live",
        "class_is",
        "cell",
        "report",
        "section",
        "bias",
        "filter",
        "group",
        "language",
        "left",
        "suspicious",
        "replay",
        "mode",
        "welcome",
        "hint",
        "saved",
        "side",
        "unread",
        "pick",
        "open",
        "save",
        "head",
        "tile",
        "host",
        "class_project",
        "excluded",
        "sign_in",
        "add",
    )
    by_rule = tuple(f"{prefix}_" for prefix in rules)
    by_rule += tuple(f"class_{name}" for name in ("joined", "finished", "votes", "prompts_count"))
    by_rule += tuple(f"prompts_{name}" for name in ("added", "changed", "removed", "moved"))
    by_rule += tuple(f"judge_{name}" for name in (*SideName, *CRITERIA))
    by_rule += ("memory_note", "joules_note")
    named = set(re.findall(r"""["'](\w[^"']*)["']""", code))
    unused = [key for key in TEXTS.table if key not in named and not key.startswith(by_rule)]
    assert unused == []


def test_an_error_without_a_text_says_its_own_line() -> None:
    assert error_text("zh", InputError("never_heard_of", "Something {odd}.")) == "Something {odd}"


@pytest.mark.parametrize(("lang", "words"), [("zh", "`a`、`b`"), ("en", "`a`, `b`")])
def test_names_are_listed_as_the_language_does(lang: str, words: str) -> None:
    assert listed(lang, ["`a`", "`b`"]) == words and listed(lang, ["`a`"]) == "`a`"


def test_values_with_braces_are_shown_as_they_are() -> None:
    assert "{x}" in text("zh", "failed", reason="{x}")


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("fr-FR,fr;q=0.9", "en"),
        ("fr,zh;q=0.5,en;q=0.3", "zh"),
        ("en;q=0.1,zh-TW;q=0.7", "zh"),
        ("", "en"),
        (";q=,,zh;q=x", "zh"),
    ],
)
def test_the_browsers_first_language_of_the_two_is_taken(header: str, lang: str) -> None:
    assert language_of_browser(header) == lang
