"""The help: short summaries, every setting, and nothing of this machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from served_app import ROOT
from typer.testing import CliRunner

import app

COMMANDS = [command.callback.__name__ for command in app.cli.registered_commands if command.callback]
CODE = [
    ROOT / "app.py",
    *(path for room in ("arena", "backends", "commands", "ui") for path in (ROOT / room).rglob("*.py")),
]


def help_of(*command: str) -> str:
    done = CliRunner().invoke(app.cli, [*command, "--help"], env={"TERMINAL_WIDTH": "200"})
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("bench",), ("bench", "load")])
def test_help_names_nothing_of_this_machine(command: tuple[str, ...]) -> None:
    text = help_of(*command)
    assert not [word for word in (str(ROOT), str(Path.home()), "commands.", ".py:", "None") if word in text]


@pytest.mark.parametrize("group", [(), ("bench",)])
def test_summaries_are_short_and_whole(group: tuple[str, ...]) -> None:
    summaries = dict(re.findall(r"^  (\w+) {2,}(\S.*)$", help_of(*group).partition("Commands:")[2], re.M))
    assert len(summaries) >= 7
    for summary in summaries.values():
        assert summary.endswith(".") and not summary.endswith("..") and len(summary.split()) <= 8, summary


def test_every_setting_is_in_the_help() -> None:
    settings = set(re.findall(r"ARENA_[A-Z_]+", "\n".join(path.read_text(encoding="utf-8") for path in CODE)))
    assert len(settings) > 12
    assert settings <= set(re.findall(r"ARENA_[A-Z_]+", help_of()))
    assert "ARENA_MODELS_DIR" in help_of("fetch") and "ARENA_ANSWERS" in help_of("report")
    assert {"HF_TOKEN", "MODELSCOPE_API_TOKEN", "OPENAI_API_KEY"} <= set(re.findall("[A-Z_]+", help_of()))
