"""`python app.py report` as a person runs it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from served_app import run, run_in_process
from vote_samples import make_side, make_vote

from arena.votes import VoteLog

COVER = ("--university", "某大学", "--author", "张三", "--machine", "一台 8 核笔记本")
LINES = [
    {"prompt_id": "q1", "prompt": "首都?", "model": model, "response": f"{model} 说：**堪培拉**", "seconds": 3}
    for model in ("qwen", "glm")
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES)
    (folder / "answers.jsonl").write_text(text, encoding="utf-8")
    with VoteLog(folder / "votes.csv") as log:
        vote = make_vote()
        sides = {name: make_side(line["model"], line["response"]) for name, line in zip("ab", LINES, strict=True)}
        log.append(replace(vote, battle=replace(vote.battle, **sides)))
    return folder


def test_a_report_is_made_of_what_lies_in_the_data_folder(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("report", "--data-dir", str(data), "--out", str(out), *COVER, "--link", "https://x.org")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        str(out / name) for name in ("report.md", "results.svg", "report.html", "report.docx")
    ]
    text = (out / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# qwen 与 glm 对比报告") and "| 姓名 | 张三 |" in text and "qwen 说：**堪培拉**" in text
    assert "| 学校 | 某大学 |" in text and "作者填写的运行环境：一台 8 核笔记本" in text
    assert "依据 1 位投票者的 1 票" in text and "https://x.org" in text


def test_files_can_be_named_and_no_votes_are_needed(data: Path, tmp_path: Path) -> None:
    out, answers = tmp_path / "out", str(data / "answers.jsonl")
    done = run_in_process(
        "report", "--answers", answers, "--data-dir", str(tmp_path), "--out", str(out), "--lang", "en", "--json"
    )
    output = json.loads(done.stdout)
    assert (output["models"], output["prompts"], output["votes"]) == (["qwen", "glm"], 1, 0)
    assert "There are no votes" in (out / "report.md").read_text(encoding="utf-8")
    votes = str(data / "votes.csv")
    done = run_in_process(
        "report", "--answers", answers, "--votes", votes, "--votes", votes, "--out", str(out), "--json"
    )
    assert json.loads(done.stdout)["votes"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--answers", "none.jsonl"], "none.jsonl cannot be read"),
        (["--votes", "none.csv"], "none.csv does not exist."),
        (["--a", "qwen"], "Name both models"),
        (["--a", "qwen", "--b", "gpt"], "There are no answers by gpt."),
        (["--prompts", "none.json"], "none.json cannot be read"),
        (["--data-dir", "none"], "A report needs answers by two models"),
        (["--author", "x" * 301], "300 characters"),
    ],
)
def test_bad_input_is_one_line(data: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    out = tmp_path / "out"
    done = run_in_process("report", "--data-dir", str(data), "--out", str(out), *arguments)
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Error: ") and words in done.stderr and not out.exists()
