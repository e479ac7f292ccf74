"""What the documents say of the project is so: tests, files, settings and commands that they name are there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from served_app import ROOT

DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SETTING = re.compile(r"ARENA_[A-Z_]+")


def code(*folders: str) -> str:
    """All Python of these folders and of app.py."""
    files = [ROOT / "app.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.fixture(scope="module")
def tests() -> set[str]:
    return set(re.findall(r"def (test_\w+)", code("tests")))


def test_every_threat_has_tests_that_are_there(tests: set[str]) -> None:
    lines = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) > 25
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named and set(named) <= tests, (row, set(named) - tests)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_to_files_that_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_settings_and_commands_that_are_named_are_there(document: Path) -> None:
    text, known = document.read_text(encoding="utf-8"), code("bench", "commands", "backends", "backup")
    missing = {name for name in SETTING.findall(text) if name not in known}
    assert not missing
    for command in re.findall(r"app\.py ([a-z]+)\b", text):
        assert find_spec(f"commands.{command}"), command
    for command in re.findall(r"`bench ([a-z]+)", text):
        assert re.search(rf"bench\.command|def {command}_?\(", known) and f"def {command}" in known, command


def test_every_setting_of_the_page_is_in_the_table_of_settings() -> None:
    table = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    options = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("app.py", "commands/options.py"))
    assert {"ARENA_SIGN_IN", "ARENA_ANSWERS"} <= set(SETTING.findall(options))
    assert set(SETTING.findall(options)) <= set(SETTING.findall(table))


@pytest.mark.parametrize("name", ["README", "docs/hosting"])
def test_a_document_and_its_chinese_twin_say_the_same(name: str) -> None:
    """As far as a program can tell: headings, code blocks, tables, settings and numbers."""
    english, chinese = (
        re.sub(r"\A---\n.*?\n---\n", "", (ROOT / f"{name}{end}.md").read_text(encoding="utf-8"), flags=re.S)
        for end in ("", ".zh")
    )
    for result in (
        lambda text: [len(mark) for mark in re.findall(r"^(#+) ", text, re.M)],
        lambda text: [block for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S)],
        lambda text: sum(line.startswith("|") for line in text.splitlines()),
        lambda text: set(SETTING.findall(text)),
    ):
        assert result(english) == result(chinese)
