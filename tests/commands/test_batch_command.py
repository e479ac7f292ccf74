"""`python app.py batch` as a person runs it: stopped by hand, killed, run again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from served_app import ROOT
from vendor_server import END, answering, delta, saying, streaming

from arena.answers import read_recorded

Say = Callable[..., Any]
SLOW = [{"match": "Two", "steps": [{"text": "tick ", "delay": 0.05, "times": 60}]}, {"steps": [{"text": "Done."}]}]


@pytest.fixture
def place(tmp_path: Path) -> SimpleNamespace:
    """Two scripted models, three prompts, and how to run a batch over them."""

    def model(name: str, answers: list[Any], **more: Any) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"id": name, "name": name.upper(), "answers": answers, **more}), encoding="utf-8")
        return f"scripted:{path}"

    prompts = tmp_path / "prompts.csv"
    prompts.write_text("id,prompt\none,One\ntwo,Two\nthree,Three\n", encoding="utf-8")
    out = tmp_path / "data" / "answers.jsonl"

    def command(*arguments: str, a: str = "", b: str = "", pair: bool = True) -> list[str]:
        models = ["--a", a or model("a", SLOW[1:]), "--b", b or model("b", SLOW[1:])] if pair else []
        files = ["--prompts", str(prompts), "--data-dir", str(out.parent)]
        return [sys.executable, str(ROOT / "app.py"), "batch", *models, *files, *arguments]

    def run(*arguments: str, **models: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments, **models), capture_output=True, text=True, timeout=60, check=False)

    def begin(until: str, a: str) -> subprocess.Popen[str]:
        """A batch that has said so."""
        begun = subprocess.Popen(command(a=a), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert begun.stderr
        while until not in (line := begun.stderr.readline()):
            assert line, "it ended before"
        time.sleep(0.3)  # the next answer begins, which nothing reports
        return begun

    return SimpleNamespace(model=model, run=run, begin=begin, out=out)


def answered(path: Path) -> list[tuple[str, str]]:
    return [(entry.side.model.id, entry.prompt_id) for entry in read_recorded(path)]


def test_a_batch_leaves_a_file_of_answers(place: SimpleNamespace) -> None:
    done = place.run()
    assert done.returncode == 0
    assert re.fullmatch(re.escape(f"{place.out}: 6 of 6 answered, in ") + r"0:00:\d\d\n", done.stdout)
    assert [line.split("  ")[:2] for line in done.stderr.splitlines()][:2] == [["a", "one"], ["a", "two"]]
    assert answered(place.out) == [(model, prompt) for model in "ab" for prompt in ("one", "two", "three")]
    first = read_recorded(place.out)[0]
    assert first.machine["cores"] >= 1 and first.machine["python"] and first.memory and first.time


def test_any_number_of_models_is_asked(place: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [place.model("a", [], load_error="no memory"), *(place.model(name, SLOW[1:]) for name in "bc")]
    file = tmp_path / "models.txt"
    file.write_text("\n".join(names), encoding="utf-8")
    monkeypatch.setenv("ARENA_MODELS", str(file))
    done = place.run(pair=False)
    assert done.returncode == 2 and "6 of 9 answered, 3 not yet answered" in done.stdout
    assert done.stderr.startswith("A cannot be loaded: no memory\nb  one  ")
    assert answered(place.out) == [(model, prompt) for model in "bc" for prompt in ("one", "two", "three")]


def test_the_same_command_asks_nothing_twice(place: SimpleNamespace) -> None:
    place.run()
    before = place.out.read_bytes()
    done = place.run("--json")
    assert json.loads(done.stdout) | {"seconds": 0} == {
        "file": str(place.out), "cells": 6, "done": 6, "failed": 0, "waiting": 0, "seconds": 0
    }  # fmt: skip
    assert place.out.read_bytes() == before and done.stderr == ""


def test_repeats_have_seeds_of_their_own(place: SimpleNamespace) -> None:
    done = place.run("--repeats", "2", "--seed", "5", "--temperature", "0.3", "--max-new-tokens", "9")
    assert done.returncode == 0
    entries = read_recorded(place.out)
    assert [(entry.repeat, entry.side.config.seed) for entry in entries if entry.prompt_id == "one"] == [
        (0, 5), (1, 6), (0, 5), (1, 6)
    ]  # fmt: skip
    assert entries[0].side.config.temperature == 0.3 and entries[0].side.config.max_new_tokens == 9


def test_once_by_hand_lets_the_running_answer_end(place: SimpleNamespace) -> None:
    begun = place.begin("a  one", place.model("a", SLOW))
    begun.send_signal(signal.SIGINT)
    said, problem = begun.communicate(timeout=60)
    assert (begun.returncode, said.split(", ")[1]) == (130, "4 not yet answered")
    assert "Ctrl-C again to drop it" in problem and "Run the same command again" in problem
    assert answered(place.out) == [("a", "one"), ("a", "two")]
    assert place.run(a=place.model("a", SLOW)).returncode == 0
    assert answered(place.out) == [(model, prompt) for model in "ab" for prompt in ("one", "two", "three")]


def test_thinking_is_limited_for_the_models_that_think(place: SimpleNamespace) -> None:
    steps = [{"text": "<think>"}, {"text": "hm ", "times": 4}, {"text": "</think>"}, {"text": "Yes"}]
    thinker = place.model("a", [{"steps": steps}], thinking="switch")
    assert place.run("--think", "3", a=thinker).returncode == 0
    sides = {entry.side.model.id: entry.side for entry in read_recorded(place.out)}
    a, b = sides["a"], sides["b"]
    assert a.config and b.config and (a.config.thinking, b.config.thinking) == (3, None)
    assert (a.answer.reasoning, a.answer.text, a.answer.usage.thinking_tokens) == ("hm hm \n", "Yes", 3)


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=["twice", "asked to end"])
def test_twice_by_hand_drops_it(place: SimpleNamespace, signals: list[signal.Signals]) -> None:
    begun = place.begin("a  one", place.model("a", SLOW))
    begun.send_signal(signals[0])
    for number in signals[1:]:
        assert "Stopping" in begun.stderr.readline()  # the first one has been handled
        begun.send_signal(number)
    said, problem = begun.communicate(timeout=60)
    assert begun.returncode == 130 and "5 not yet answered" in said and "Traceback" not in problem
    assert answered(place.out) == [("a", "one")]


def test_a_batch_that_is_killed_goes_on_where_it_was(place: SimpleNamespace) -> None:
    begun = place.begin("a  one", place.model("a", SLOW))
    begun.kill()
    begun.communicate()
    assert answered(place.out) == [("a", "one")]
    assert place.run(a=place.model("a", SLOW)).returncode == 0
    assert len(answered(place.out)) == len(set(answered(place.out))) == 6


def test_what_failed_is_asked_again_when_told_so(place: SimpleNamespace) -> None:
    boom = [{"match": "Two", "steps": [{"text": "Hm"}, {"raise": "out of memory"}]}, *SLOW[1:]]
    done = place.run(a=place.model("a", boom))
    assert done.returncode == 2 and "5 of 6 answered, 1 failed" in done.stdout
    assert "a  two  failed: " in done.stderr and "out of memory" in done.stderr and "--retry" in done.stderr
    assert place.run().returncode == 2  # still, although the model would answer now
    done = place.run("--retry")
    assert done.returncode == 0 and "6 of 6 answered, in" in done.stdout


def test_a_model_that_cannot_be_loaded_does_not_stop_the_other(place: SimpleNamespace) -> None:
    done = place.run(a=place.model("a", SLOW, load_error="disk on fire"))
    assert done.returncode == 2 and "3 of 6 answered, 3 not yet answered" in done.stdout
    assert done.stderr.splitlines()[-1] == "Error: A cannot be loaded: disk on fire"
    assert answered(place.out) == [("b", "one"), ("b", "two"), ("b", "three")]


def test_a_batch_waits_as_long_as_a_server_asks(place: SimpleNamespace) -> None:
    asked: list[str] = []

    def answer(handler: Any, request: dict[str, Any]) -> None:
        asked.append(request["messages"][-1]["content"])
        busy = len(asked) in (1, 2, 5)
        (saying("{}", 429, retry_after="1") if busy else streaming(delta(content="ok"), END))(handler, request)

    with answering(answer) as url:
        done = place.run("--at-once", "2", a=f"openai:{url}#m")
    assert (done.returncode, len(asked)) == (0, 6) and "6 of 6 answered" in done.stdout
    assert {entry.side.answer.text for entry in read_recorded(place.out)} == {"ok", "Done."}


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_a_batch_stops_for_a_server_that_is_gone_and_goes_on_when_it_is_back(
    place: SimpleNamespace, at_once: str
) -> None:
    asked: list[str] = []
    gone = True

    def answer(handler: Any, request: dict[str, Any]) -> None:
        asked.append(request["messages"][-1]["content"])
        if gone and len(asked) > 1:
            handler.connection.shutdown(socket.SHUT_RDWR)  # as a server that dies
        else:
            streaming(delta(content="ok"), END)(handler, request)

    with answering(answer) as url:
        stopped = place.run("--at-once", at_once, a=f"openai:{url}#m")
        assert stopped.returncode == 2 and "4 of 6 answered, 2 not yet answered" in stopped.stdout
        assert stopped.stderr.splitlines()[-1].startswith(f"Error: {url} cannot be reached (")
        assert "failed" not in stopped.stdout + stopped.stderr and len(answered(place.out)) == 4
        gone = False
        done = place.run(a=f"openai:{url}#m")
    assert done.returncode == 0 and "6 of 6 answered, in" in done.stdout
    assert len(answered(place.out)) == 6 and len(set(asked)) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repeats", "0"], "Runs per prompt must be between 1 and 100"),
        (["--seed", "-1"], "seed must be between 0 and 4294967294"),
        (["--temperature", "9"], "temperature must be between 0 and 5"),
        (["--think", "maybe"], "thinking must be off, on or a number of tokens"),
        (["--prompts", "none.json"], "none.json cannot be read"),
        (["--b", "qwen-8b"], "no model called 'qwen-8b'. Did you mean qwen3-8b?"),
        (["--out", os.devnull + "/answers.jsonl"], "Answers cannot be saved"),
    ],
)
def test_bad_input_is_one_line(place: SimpleNamespace, arguments: list[str], words: str) -> None:
    done = place.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ") and words in done.stderr and len(done.stderr.splitlines()) == 1
    assert not place.out.exists()
