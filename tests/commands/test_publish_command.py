"""python app.py publish: what is listed, what is asked, and that nothing is sent without a yes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from dataset_hub import DatasetHub
from served_app import run_in_process
from typer.testing import CliRunner
from vote_samples import vote_between

from app import cli
from arena.types import Winner
from arena.votes import VoteLog

NAME = "somebody/votes"
FILES = ["README.md", "votes.csv", "votes.parquet"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's folder: two votes to publish, one with a mail address, and one without consent."""
    with VoteLog(tmp_path / "data" / "votes.csv") as log:
        for number, comment in enumerate(("", "write to a.b@example.com", "")):
            vote = vote_between(number, "qwen", "glm", Winner.MODEL_A, f"q{number}", comment=comment)
            log.append(replace(vote, may_publish=True))
        log.append(vote_between(9, "qwen", "glm", Winner.MODEL_B, "q9"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("named", ["hf", "modelscope"])
def test_with_yes_the_votes_are_published(folder: Path, hub: DatasetHub, named: str) -> None:
    done = run_in_process("publish", f"{named}:{NAME}", "--yes", "--json")
    output = json.loads(done.stdout)
    assert (done.returncode, output["sent"], output["votes"], output["raters"]) == (0, True, 2, 2)
    assert output["left_out"] == {"no_consent": 1, "hidden": 0, "personal": 1}
    (finding,) = output["findings"]
    assert finding == {"battle": "battle-1", "column": "comment", "kind": "mail", "excerpt": "a.***********om"}
    assert sorted(hub.datasets[NAME].files) == FILES and not hub.datasets[NAME].private
    text = hub.datasets[NAME].files["votes.csv"].decode()
    assert "Why q0?" in text and "Why q1?" not in text and "Why q9?" not in text


def test_without_a_terminal_and_without_yes_nothing_is_sent(folder: Path, hub: DatasetHub) -> None:
    done = run_in_process("publish", f"hf:{NAME}")
    assert done.returncode == 1 and "Add --yes" in done.stdout
    assert "battle battle-1, comment: mail address a.***********om" in done.stdout
    assert hub.asked == []


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_on_a_terminal_the_host_is_asked(
    folder: Path, hub: DatasetHub, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(
        "commands.publish.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True), stderr=sys.stderr)
    )
    done = CliRunner().invoke(cli, ["publish", f"hf:{NAME}"], input=f"{answer}\n")
    assert f"Publish 2 votes to hf:{NAME}, for everybody to read? [y/N]" in done.stderr
    assert (done.exit_code, NAME in hub.datasets) == ((0, True) if answer == "y" else (1, False))
    assert ("Published 2 votes" if answer == "y" else "Nothing was sent") in done.stdout


def test_the_files_can_be_read_first(folder: Path, hub: DatasetHub) -> None:
    done = run_in_process(
        "publish", f"hf:{NAME}", "--to", "look", "--yes", "--keep", "battle-1", "--licence", "cc-by-4.0"
    )
    assert done.returncode == 0 and "Nothing was sent" in done.stdout
    assert sorted(path.name for path in (folder / "look").iterdir()) == FILES
    assert "license: cc-by-4.0" in (folder / "look" / "README.md").read_text(encoding="utf-8")
    assert "Why q1?" in (folder / "look" / "votes.csv").read_text(encoding="utf-8-sig")
    assert hub.asked == []


def test_the_host_reads_it_in_chinese(folder: Path, hub: DatasetHub) -> None:
    done = run_in_process("publish", f"hf:{NAME}", ARENA_LANG="zh")
    assert "对比 battle-1，comment：邮箱 a.***********om" in done.stdout and "可发布 2 票" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"), [(["hf:nobody"], "dataset_name"), (["hf:a/b", "--data-dir", "none"], "votes_missing")]
)
def test_what_is_wrong_is_one_line(folder: Path, arguments: list[str], code: str) -> None:
    done = run_in_process("publish", *arguments, "--json")
    assert done.returncode == 2 and json.loads(done.stdout)["code"] == code
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_log_without_consent_is_refused(tmp_path: Path, hub: DatasetHub) -> None:
    with VoteLog(tmp_path / "data" / "votes.csv") as log:
        log.append(vote_between(1, "qwen", "glm", Winner.MODEL_B, "q1"))
    done = run_in_process("publish", f"hf:{NAME}", "--yes", folder=tmp_path, ARENA_LANG="zh")
    assert done.returncode == 2 and "没有可以发布的投票" in done.stderr and "未同意公开: 1" in done.stderr
    assert hub.asked == []
