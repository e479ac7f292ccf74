"""`python app.py fetch` as a person runs it: a process of its own, the hubs' addresses in the environment."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import HubServer
from served_app import ROOT, run
from typer.testing import CliRunner

from arena.errors import ErrorInfo, InputError
from arena.needs import Needs, Room
from commands import print_error
from commands.progress import JSON_LINES, StatusLine

MICRO = ROOT / "tests" / "data" / "qwen-micro-vocab2048"
FILES = {path.name: path.read_bytes() for path in MICRO.iterdir()}
SHARD = "model-00002-of-00002.safetensors"
REVISION = "89abcdef" * 5
# app.py with a catalogue of the test's own.
APP = f"""
import importlib.util, sys
from pathlib import Path

sys.path.insert(0, {str(ROOT)!r})
from backends.models.catalog import PUBLISHED, Published
from hubs import Repo

PUBLISHED.clear()
repo = Repo("maker/micro", {REVISION!r})
PUBLISHED["qwen-7b-chat"] = Published({{"huggingface": repo, "modelscope": repo}}, 737872)
found = importlib.util.spec_from_file_location("arena_app", {str(ROOT / "app.py")!r})
app = importlib.util.module_from_spec(found)
found.loader.exec_module(app)
app.HERE = Path(__file__).parent
app.cli()
"""


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer(dict(FILES), "maker/micro", REVISION).serving() as running:
        yield running


@pytest.fixture
def environment(server: HubServer, tmp_path: Path) -> dict[str, str]:
    """A home without a login, models in a folder of the test, both hubs on the loopback."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    hubs = {"HF_ENDPOINT": server.url, "MODELSCOPE_ENDPOINT": server.url, "HOME": str(tmp_path)}
    skip = ("HF_TOKEN", "HF_HOME", "HF_HUB_OFFLINE", "MODELSCOPE_API_TOKEN", "MODELSCOPE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in skip}
    return {**kept, **hubs, "ARENA_MODELS_DIR": str(tmp_path / "models"), "NO_PROXY": "127.0.0.1"}


def fetch(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    app = str(Path(environment["HOME"]) / "app.py")
    command = [sys.executable, app, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.mark.parametrize("hub", ["huggingface", "modelscope"])
def test_a_model_is_fetched_with_its_licence_said_and_found_again(
    environment: dict[str, str], server: HubServer, hub: str
) -> None:
    done = fetch(environment, "fetch", "qwen-7b-chat", "--hub", hub)
    assert done.returncode == 0, done.stderr
    for words in ("Qwen-7B-Chat", "Tongyi Qianwen", "LICENSE", REVISION, "741.1 kB", "qwen-7b-chat is ready at"):
        assert words in done.stdout
    assert not {"\r", "\x1b"} & set(done.stdout + done.stderr)
    folder = Path(environment["ARENA_MODELS_DIR"]) / "qwen-7b-chat"
    assert all((folder / name).read_bytes() == content for name, content in FILES.items())
    again = fetch(environment, "fetch", "qwen-7b-chat", "--json")
    result = json.loads(again.stdout)
    assert (result["state"], result["hub"], result["revision"], result["came"]) == ("present", hub, REVISION, 0)
    assert again.stderr == ""


@pytest.mark.parametrize("hub", ["hf", "modelscope"])
def test_a_repository_is_fetched_by_its_name_and_at_start_too(
    environment: dict[str, str], server: HubServer, hub: str
) -> None:
    name = f"{hub}:maker/micro"
    done = fetch(environment, "fetch", name)
    assert done.returncode == 0, done.stderr
    for words in ("Licence: see https://", "Memory: about ", " as int4; ", f"{name} is ready at"):
        assert words in done.stdout
    again = json.loads(fetch(environment, "fetch", f"{name}@{REVISION}", "--json").stdout)
    assert again["state"] == "fetched" and list(again["memory"]) == ["bf16", "int8", "int4"]
    server.asked.clear()
    arguments = ("--fetch", "--a", f"A={name}?temperature=0", "--b", f"B={name}@main", "--lang", "fr")
    done = fetch(environment, *arguments)
    assert f"{name}@main is ready at" in done.stdout and f"{name} is" not in done.stdout
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith("Use zh or en.")
    server.asked.clear()
    fetch(environment, *arguments)
    assert not server.asked


def test_without_a_model_it_lists_what_can_be_fetched_and_asks_nobody(
    environment: dict[str, str], server: HubServer
) -> None:
    assert fetch(environment, "fetch").stdout.split() == [
        "qwen-7b-chat",
        "737.9",
        "kB",
        "Tongyi",
        "Qianwen",
        "License",
        "Agreement",
    ]
    (Path(environment["ARENA_MODELS_DIR"]) / "qwen-7b-chat").mkdir(parents=True)
    listed = json.loads(fetch(environment, "fetch", "--json").stdout)
    assert (listed["model"], listed["bytes"], listed["here"]) == ("qwen-7b-chat", 737872, True)
    assert server.asked == []


@pytest.mark.parametrize("hub", ["huggingface", "modelscope"])
def test_a_failure_is_one_line(environment: dict[str, str], server: HubServer, hub: str) -> None:
    server.faults.contents = {SHARD: FILES[SHARD][:-1] + b"\xaa"}
    done = fetch(environment, "fetch", "qwen-7b-chat", "--hub", hub, "--json")
    assert done.returncode == 2
    problem = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(problem) == 1 and SHARD in problem[0] and "Traceback" not in done.stderr
    result = json.loads(done.stdout)
    assert (result["state"], result["code"]) == ("failed", "fetch_damaged")


def test_without_network_the_way_by_hand_is_said(environment: dict[str, str]) -> None:
    dead = {"HF_ENDPOINT": "http://127.0.0.1:9", "MODELSCOPE_ENDPOINT": "http://127.0.0.1:9"}
    done = fetch({**environment, **dead}, "fetch", "qwen-7b-chat")
    assert done.returncode == 2 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Error: Neither Hugging Face nor ModelScope can be reached")
    assert "https://huggingface.co/maker/micro" in done.stderr and environment["ARENA_MODELS_DIR"] in lines[-1]


def test_ctrl_c_says_how_to_go_on(environment: dict[str, str], server: HubServer, gate: threading.Event) -> None:
    server.faults.gate = gate
    command = [sys.executable, str(Path(environment["HOME"]) / "app.py"), "fetch", "qwen-7b-chat"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not server.fetched() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again" in said.splitlines()[-1] and "Traceback" not in said
    assert not (Path(environment["ARENA_MODELS_DIR"]) / "qwen-7b-chat").exists()
    gate.set()
    assert fetch(environment, "fetch", "qwen-7b-chat").returncode == 0


def test_a_download_ends_with_the_page_that_started_it(
    environment: dict[str, str], server: HubServer, gate: threading.Event, eventually: Callable[..., object]
) -> None:
    """A page that was killed reads no more; the next download resumes."""
    server.faults.gate = gate
    command = [sys.executable, str(Path(environment["HOME"]) / "app.py"), "fetch", "--json", "qwen-7b-chat"]
    process = subprocess.Popen(
        command, env={**environment, **JSON_LINES}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert eventually(server.fetched) and process.stdout
    process.stdout.close()
    gate.set()
    assert process.wait(timeout=60) != 0
    assert not (Path(environment["ARENA_MODELS_DIR"]) / "qwen-7b-chat").exists()
    assert fetch(environment, "fetch", "qwen-7b-chat").returncode == 0


def test_at_start_missing_models_are_fetched_before_the_page(environment: dict[str, str], server: HubServer) -> None:
    # A language that does not exist ends the start after the models have been looked for.
    arguments = ("--fetch", "--a", "qwen-7b-chat@fp32", "--b", "smollm2-135m", "--lang", "fr")
    done = fetch(environment, *arguments)
    assert "qwen-7b-chat is ready at" in done.stdout
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith("Use zh or en.")
    server.asked.clear()
    assert "ready" not in fetch(environment, *arguments).stdout
    assert not server.asked


def test_a_fetch_that_fails_at_start_ends_it(environment: dict[str, str], server: HubServer) -> None:
    server.faults.list_status = 404
    done = fetch({**environment, "ARENA_FETCH": "1"}, "--a", "qwen-7b-chat")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "has no maker/micro" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("smollm2-135m", "needs no download"), ("x.gguf", "needs no download"), (str(MICRO), "needs no download"),
     ("qwen-9b", "Did you mean qwen"), ("gpt-4", "Known:"), ("hf:../x", "OWNER/NAME")],
)  # fmt: skip
def test_what_cannot_be_fetched_is_one_line(name: str, words: str) -> None:
    done = run("fetch", name)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert words in done.stderr and name in done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress_of(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with StatusLine(in_bytes=True) as line:
        for done in (0, 3_000_000_000, 12_000_000_000):
            line.show("model-00002.safetensors", done, 15_000_000_000)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_a_plain_line_is_printed_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert progress_of(io.StringIO(), monkeypatch) == ""
    monkeypatch.setattr("commands.progress.PLAIN_SECONDS", 0.0)
    lines = progress_of(io.StringIO(), monkeypatch).splitlines()
    shares = [line.split()[:3] for line in lines]
    assert shares == [["0%", "0.0/15.0", "GB"], ["20%", "3.0/15.0", "GB"], ["80%", "12.0/15.0", "GB"]]
    assert all(line.endswith("  model-00002.safetensors") and "\r" not in line for line in lines)


def test_a_terminal_gets_one_line_that_is_removed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shown = progress_of(Terminal(), monkeypatch)
    assert "80%" in shown and "12.0/15.0 GB" in shown and shown.endswith("\x1b[2K")


def test_progress_is_json_for_the_page(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in JSON_LINES.items():
        monkeypatch.setenv(name, value)
    with StatusLine(in_bytes=True, state="downloading") as line:
        line.show("a.safetensors", 1, 4)
        line.show("a.safetensors", 4, 4)
    printed = capsys.readouterr()
    assert [json.loads(line) for line in printed.out.splitlines()] == [{"state": "downloading", "done": 4, "total": 4}]
    assert printed.err == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_what_models_need_is_said_without_weights(
    environment: dict[str, str], server: HubServer, as_json: bool
) -> None:
    done = fetch(environment, "fetch", "--plan", "qwen-7b-chat@int4", str(MICRO), *(["--json"] if as_json else []))
    assert done.returncode == 0, done.stderr
    if as_json:
        first, second = map(json.loads, done.stdout.splitlines())
        assert (first["state"], first["title"], second["download"]) == ("planned", "Qwen-7B-Chat (int4)", 0)
        assert first["download"] > first["quantize"] > 0 and first["memory"] > 0
    else:
        for words in ("Qwen-7B-Chat (int4): 741.1 kB to download", "Tongyi Qianwen", "Total: ", "two at once"):
            assert words in done.stdout
    assert SHARD not in server.fetched()


def test_a_disk_that_is_too_small_for_all_models_is_said(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = [Needs("a", "A", disk=3 * 10**9, memory=10**9), Needs("b", "B", disk=10**9, memory=3 * 10**9)]
    Room(4 * 10**9, memory_total=4 * 10**9).check(needs)
    with pytest.raises(InputError, match=r"4\.0 GB are needed, 3\.9 GB are free"):
        Room(3_900_000_000).check(needs)
    with pytest.raises(InputError, match=r"need 4\.0 GB of memory, and this machine has 3\.9 GB"):
        Room(10**12, memory_total=3_900_000_000).check([*needs, Needs("c", "C", memory=1)])


def test_an_error_as_json_can_be_translated(capsys: pytest.CaptureFixture[str]) -> None:
    why = ErrorInfo("unsupported_base", "it is a base model")
    print_error(InputError("model_unsupported", "No.", model="m", reason=why, path=Path("x")), True, model="m")
    details = json.loads(capsys.readouterr().out)["details"]
    assert details == {"model": "m", "reason": {"code": why.code, "message": why.message, "details": {}}, "path": "x"}


def test_a_download_before_the_page_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import app

    given: dict[str, str] = {}
    for name in ("ARENA_ADMIN_TOKEN", "ARENA_JUDGE_KEY"):
        monkeypatch.setenv(name, "correct horse")
    monkeypatch.setattr(app, "fetch_missing", lambda names, path: given.update(os.environ))
    monkeypatch.setattr(app, "serve", lambda *settings: None)
    command = ["--fetch", "--a", "qwen3-0.6b", "--b", "qwen-7b-chat", "--data-dir", str(tmp_path)]
    assert CliRunner().invoke(app.cli, command).exit_code == 0
    assert given and not {"ARENA_ADMIN_TOKEN", "ARENA_JUDGE_KEY"} & given.keys()


# ---- make pair


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `make pair` with a Python and a pip that only say what they are asked; `fails` is what the first refuses."""

    def run_make(fails: str = "nothing") -> subprocess.CompletedProcess[str]:
        for name in (".installed", ".installed-hf"):
            (tmp_path / name).touch()
        stub = tmp_path / "python"
        stub.write_text(f'#!/bin/sh\necho "$@"\ncase "$*" in *"{fails}"*) exit 2;; esac\n', encoding="utf-8")
        stub.chmod(0o755)
        command = ["make", "-s", "pair", f"VENV={tmp_path}", f"PY={stub}", "PIP=false", "ARGS=--port 9"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    return run_make


def test_make_pair_says_what_it_needs_fetches_and_serves(
    make: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    asked = make().stdout.splitlines()
    pair = ("qwen-7b-chat@int4", "chatglm3-6b@int4")
    assert asked == [
        f"app.py fetch --plan {' '.join(pair)}",
        f"app.py fetch {' '.join(pair)}",
        f"app.py --a {pair[0]} --b {pair[1]} --port 9",
    ]


def test_make_pair_stops_before_anything_that_does_not_fit(
    make: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = make("--plan")
    assert done.returncode != 0 and len(done.stdout.splitlines()) == 1
