"""python app.py results: files, patterns, parts, JSON, and one clear line for what is wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from served_app import run as run_program
from served_app import run_in_process
from vote_samples import vote_between

from arena.events import WITHDRAWN, EventLog
from arena.types import Winner
from arena.votes import VoteLog
from arena.votes.records import HEAD
from arena.votes.rows import COLUMNS

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_in_process("results", *arguments, folder=folder)


def log(folder: Path, *winners: Winner, host: int = 0, prompt: str = "q1-clothes") -> None:
    with VoteLog(folder / "votes.csv") as votes:
        for number, winner in enumerate(winners, start=100 * host):
            votes.append(vote_between(number, "qwen", "glm", winner, prompt))


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Two hosts' folders: one with a bad row and a withdrawn vote."""
    log(tmp_path / "one", *[A] * 12, B, TIE)
    log(tmp_path / "two", A, Winner.BOTH_BAD, host=1)
    with (tmp_path / "one" / "votes.csv").open("ab") as file:
        file.write(b"no,vote\r\n")
    with EventLog(tmp_path / "one") as events:
        events.append(WITHDRAWN, durable=True, vote="vote-12")
    return tmp_path


def test_json_has_what_notebooks_want(hosts: Path) -> None:
    done = run_program("results", "*/votes.csv", "--json", folder=hosts)
    assert (done.returncode, done.stderr) == (0, "")
    output = json.loads(done.stdout)
    assert (output["votes"], output["raters"], output["withdrawn"], output["skipped_rows"]) == (15, 15, 1, 1)
    assert output["skipped"] == [{"file": "one/votes.csv", "line": 16, "reason": f"2 cells, not {len(COLUMNS)}"}]
    qwen, glm = output["models"]
    named = [qwen[name] for name in ("model", "wins", "losses", "ties", "both_bad", "best_rank", "worst_rank")]
    assert named == ["qwen", 13, 0, 1, 1, 1, 1]
    assert (qwen["win_rate"], glm["win_rate"], glm["best_rank"]) == (1.0, 0.0, 2)
    assert qwen["interval"][0] < 1.0 == qwen["interval"][1]
    assert output["verdict"]["outcome"] == "preferred" and output["verdict"]["preferred"] == "qwen"
    (group,) = output["by_dimension"][""]
    assert (group["first"], group["votes"], group["first_wins"], group["win_rate"]) == ("glm", 15, 0, 0.0)


def test_lines_say_the_same(hosts: Path) -> None:
    lines = run(hosts, "one/votes.csv", "two/votes.csv").stdout.splitlines()
    assert lines[0].startswith("Raters prefer qwen to glm: they gave it 93.3% of their votes on average")
    assert "Based on 15 blind votes by 15 raters (2 ties or both bad). Prompts: 1." in lines[0]
    assert any("was always on the same side" in line for line in lines)
    assert "Decided. No more votes are needed." not in lines
    assert f"  one/votes.csv, line 16: 2 cells, not {len(COLUMNS)}" in lines
    assert "  Unreadable rows: 1" in lines


def test_parts_are_brought_along_and_filters_hold(tmp_path: Path) -> None:
    with VoteLog(tmp_path / "votes.csv") as first, VoteLog(tmp_path / "votes.csv") as second:
        first.append(vote_between(1, "x", "y", A, leaked=True))
        second.append(vote_between(2, "x", "y", B, room="R1"))
    assert (tmp_path / "votes-2.csv").exists()
    for arguments, votes in (
        (["votes.csv"], 2),
        (["votes.csv", "--not-leaked"], 1),
        (["votes.csv", "--room", "R1"], 1),
    ):
        assert json.loads(run(tmp_path, *arguments, "--json").stdout)["votes"] == votes


def test_without_a_file_the_data_folder_is_read_and_a_log_without_votes_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "votes.csv").write_bytes(HEAD)
    assert run(tmp_path).stdout.splitlines()[0] == "No votes yet."
    log(tmp_path / "data", A)
    assert "Keep voting" in run(tmp_path).stdout
    assert run(tmp_path, "data").stdout == run(tmp_path).stdout == run(tmp_path, "data/votes.csv").stdout


def test_an_unknown_room_is_one_line(hosts: Path) -> None:
    done = run(hosts, "one", "--room", "NOSUCH")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no room NOSUCH in these votes.\n"


def test_models_and_groups_of_prompts_are_chosen_by_name(tmp_path: Path) -> None:
    with VoteLog(tmp_path / "votes.csv") as votes:
        for number, (a, b) in enumerate([("x", "y"), ("y", "z"), ("x", "z"), ("x", "y")]):
            language = "Chinese" if number else "English"
            votes.append(vote_between(number, a, b, A, "q1-clothes", language=language))
    for arguments, count in (
        (["--model", "y"], 3),
        (["--model", "x", "--model", "y"], 2),
        (["--model", "x", "--model", "y", "--language", "Chinese"], 1),
        (["--category", "no such"], "Error: No vote has the category no such.\n"),
    ):
        done = run(tmp_path, "votes.csv", *arguments, "--json")
        assert (json.loads(done.stdout)["votes"] if isinstance(count, int) else done.stderr) == count


def test_three_models_are_ranked_in_lines(tmp_path: Path) -> None:
    with VoteLog(tmp_path / "votes.csv") as votes:
        for number in range(30):
            a, b = [("x", "y"), ("y", "z"), ("x", "z")][number % 3]
            votes.append(vote_between(number, a, b, A if number % 4 else B, "q1", judge=f"j{number // 3}"))
    lines = run(tmp_path, "votes.csv").stdout.splitlines()
    assert lines[0].startswith("Of 3 models, none ranks first yet; these still may: ")
    assert any(line.startswith("  1–3 ") and " x " in line for line in lines)
