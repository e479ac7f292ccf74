"""The page's strings: whole in both languages, one for every error, nothing left over."""

from __future__ import annotations

import ast
import re
from string import Formatter

import pytest
from served_app import ROOT

from arena.errors import InputError
from arena.types import CRITERIA, SideName
from ui.texts import TEXTS, error_text, language_of_browser, listed, text

ROOMS = ("arena", "backends", "backup", "bench", "commands", "hubs", "ui")
CODE = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")] + [ROOT / "app.py"]
# Raised before there is a page, or by the command line alone.
NOT_ON_THE_PAGE = {
    "adapter_base", "admin_short", "answers_name", "answers_unfetched",
    "dataset_name", "hub_library",
    "openai_library", "openai_login", "openai_name",
    "report_pair", "votes_missing",
    "fetch_needless",
    "fetch_proxy",
    "fetch_unknown",
    "bench_choice", "bench_failed", "bench_missing", "bench_no_code", "bench_program", "bench_python", "bench_room",
    "bench_unpacked", "bench_untrusted",
    "embedded_missing", "export_into_log", "export_kind", "export_nothing",
    "fetch_busy", "fetch_cut", "fetch_damaged",
    "fetch_denied", "fetch_foreign", "fetch_hostile", "fetch_missing", "fetch_offline", "fetch_room",
    "fetch_twice", "fetch_unfit", "fetch_unpublished", "fetch_unwritable", "file_missing", "file_unreadable",
    "folder_unfit", "model_missing", "not_gguf", "nothing_to_check", "port_busy", "precision_unavailable",
    "packed_missing", "prompts_broken", "public_url", "quantize_best", "quantize_changed", "quantize_failed",
    "quantize_group", "quantize_room", "quantize_there",
    "quantize_twice", "quantize_unfit", "quantize_unwritable",
    "same_model", "script_broken", "unknown_language", "unknown_model", "unknown_runtime",
    "unknown_setting", "words_unreadable",
}  # fmt: skip


def raised_codes() -> set[str]:
    """The first argument of every error that is made anywhere."""
    codes = set()
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = getattr(node.func, "id", "")
            if name in ("InputError", "BackendError", "VoteRefused", "ErrorInfo", "_error_chunk"):
                codes.add(node.args[0].value)
    return codes


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_error_has_its_text_in_both_languages() -> None:
    codes = raised_codes()
    assert {"prompt_empty", "vote_twice", "backend_failed"} <= codes
    missing = {code for code in codes - NOT_ON_THE_PAGE if f"error_{code}" not in TEXTS}
    assert not missing


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
    )
    by_rule = ("batch_intro", "class_intro", *(f"{prefix}_" for prefix in rules))
    by_rule += tuple(f"judge_{name}" for name in (*SideName, *CRITERIA))
    unused = [key for key in TEXTS.table if f'"{key}"' not in code and not key.startswith(by_rule)]
    assert unused == []


def test_an_error_without_a_text_says_its_own_line() -> None:
    assert error_text("zh", InputError("never_heard_of", "Something {odd}.")) == "Something {odd}."


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
