"""The examples of docs/api.md, run against a served app."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from served_app import ROOT, ServedApp, text_steps

from ui.api import Api

DOCUMENT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
TOKEN = "a token for tests"


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Two scripts, and two recorded pairs to rate."""
    answers = [
        {"prompt_id": f"q{number}", "prompt": f"Question {number}", "model": model, "response": model * number}
        for number in (1, 2)
        for model in ("short", "longer")
    ]
    scripts = ({"answers": [{"match": "", "steps": text_steps(answer)}]} for answer in ("Canberra", "Sydney"))
    return serve(*scripts, answers=answers, admin_token=TOKEN)


def run(app: ServedApp, *command: str) -> str:
    """The output of the examples in this language."""
    code = "\n".join(re.findall(rf"^```{command[1]}\n(.*?)^```", DOCUMENT, re.M | re.S))
    assert "http://127.0.0.1:7860" in code
    code = code.replace("http://127.0.0.1:7860", app.url.rstrip("/"))
    environment = {**os.environ, "ARENA_ADMIN_TOKEN": TOKEN}
    done = subprocess.run([command[0], "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_examples(app: ServedApp) -> None:
    printed = run(app, sys.executable, "python")
    assert re.search(r"^Canberra 0\.\d+ 8 stop$\n^Sydney 0\.\d+ 6 stop$", printed, re.M), printed
    live, *recorded = app.rows()
    assert (live["prompt"], live["winner"]) == ("What is the capital of Australia?", "model_a")
    assert json.loads(live["criteria"]) == {"clear": "a"}
    assert "Answer in one sentence." in live["conversation_a"] and json.loads(live["settings"])["a"]["seed"] == 7
    assert len(recorded) == 2 and all(row[row["winner"]] == "longer" for row in recorded)
    assert "Vote saved" in printed and "2 of 2" in printed and "votes.csv" in printed


def test_the_curl_example(app: ServedApp) -> None:
    printed = run(app, "sh", "sh")
    (row,) = [row for row in app.rows() if row["winner"] == "tie"]
    assert row["vote_id"] in printed and "event: complete" in printed


def test_the_table_names_every_endpoint_and_argument() -> None:
    rows = dict(re.findall(r"^\| `/(\w+)\((.*?)\)`", DOCUMENT, re.M))
    assert set(rows) == {"chat", "battle", "vote", "results", "export"}
    for name, arguments in rows.items():
        code = getattr(Api, name).__code__
        names = [argument for argument in code.co_varnames[1 : code.co_argcount] if argument != "request"]
        assert ", ".join(names) == arguments
