"""The command line: bad input gives one clear line, and the page comes up in awkward surroundings."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from served_app import ROOT, free_port, run, wait_for

HEAVY = ("gradio", "torch", "transformers", "scipy", "pandas", "numpy", "xllamacpp", "httpx")


@pytest.mark.parametrize(("arguments", "option"), [((), "--port"), (("check",), "--json")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...], option: str) -> None:
    command = [sys.executable, "-X", "importtime", str(ROOT / "app.py"), *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert option in done.stdout
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("package", ["typer", "filelock"])
def test_a_package_that_is_not_installed_is_named_in_one_line(package: str) -> None:
    hidden = f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_path('app.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"The package {package} is not installed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def broken_files(place: Path) -> dict[str, Path]:
    """Files that are not what their names say."""
    files = {name: place / name for name in ("text.gguf", "empty.gguf", "broken.json", "odd.json", "no-prompts.json")}
    files["text.gguf"].write_text("I am no model")
    files["empty.gguf"].touch()
    files["broken.json"].write_text("{")
    files["odd.json"].write_text('{"anwsers": []}')
    files["no-prompts.json"].write_text('[{"id": "x"}]')
    return files


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--a", "gpt-4"], ["gpt-4", "smollm2-135m"]),
        (["--a", "Qwen-7B-Cht"], ["'Qwen-7B-Cht'. Did you mean qwen-7b-chat?"]),
        (["fetch", "chatglm-6b@int4"], ["Did you mean chatglm3-6b?"]),
        (["--a", "smollm2-135m@int4"], ["smollm2-135m", "int4"]),
        (["--a", "missing.gguf"], ["missing.gguf"]),
        (["--a", "{text.gguf}"], ["text.gguf", "GGUF"]),
        (["--b", "{empty.gguf}"], ["empty.gguf", "GGUF"]),
        (["--a", "scripted:nowhere.json"], ["nowhere.json"]),
        (["--a", "scripted:{broken.json}"], ["broken.json"]),
        (["--a", "scripted:{odd.json}"], ["odd.json", "anwsers"]),
        (["--a", "smollm2-135m", "--b", "smollm2-135m"], ["smollm2-135m", "different"]),
        (["--prompts", "{no-prompts.json}"], ["no-prompts.json", "entry 1"]),
        (["--prompts", "nowhere.json"], ["nowhere.json"]),
        (["--lang", "fr"], ["fr"]),
        (["--host", "no.such.host.invalid"], ["no.such.host.invalid", "Check --host."]),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    files = {f"{{{name}}}": str(path) for name, path in broken_files(tmp_path).items()}
    for mark, path in files.items():
        arguments = [argument.replace(mark, path) for argument in arguments]
    done = run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("environment", [{"ARENA_LANG": "zh"}, {"LC_ALL": "zh_CN.UTF-8", "ARENA_LANG": ""}])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--a", "qwen-7b-cht"], "没有模型 qwen-7b-cht，是不是 qwen-7b-chat？"),
        (["results", "none.csv"], "none.csv 不存在：请指定投票文件，或含有 votes.csv 的文件夹"),
        (["batch", "--repeats", "0"], "次数应在 1 到 100 之间"),
        (["export", "out.pdf", str(ROOT / "README.md")], "README.md 没有 question_id 这一列：投票文件的第一行应有"),
    ],
)
def test_errors_are_chinese_where_the_system_is(environment: dict[str, str], arguments: list[str], line: str) -> None:
    done = run(*arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"错误：{line}") and done.stderr.count("\n") == 1


def test_a_language_that_is_asked_for_holds_for_errors_too() -> None:
    assert run("--lang", "zh", "--a", "qwen-7b-cht").stderr.startswith("错误：没有模型")
    assert run("--lang", "en", "--a", "qwen-7b-cht", ARENA_LANG="zh").stderr.startswith("Error: There is no model")


@pytest.mark.parametrize("package", ["typer", "pandas"])
def test_a_missing_package_is_one_line_that_says_what_to_do(tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('none', name='{package}')")
    done = run("results", str(ROOT / "README.md"), PYTHONPATH=str(tmp_path), ARENA_LANG="en")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{package} is not installed" in done.stderr and "pip install -r requirements.txt" in done.stderr


def test_a_busy_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(GRADIO_SERVER_PORT=str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--port" in done.stderr


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """The app from a copy of the code, behind a dead proxy, without HOME, warnings as errors, nowhere to write votes.

    Gives its address, the copy's folder and the log.
    """
    place = tmp_path_factory.mktemp("awkward")
    code = place / "code"
    skip = shutil.ignore_patterns(".*", "__pycache__", "data", "tests")
    shutil.copytree(ROOT, code, ignore=skip)
    (place / "file").touch()
    port = str(free_port())
    proxies = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY")}
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "no_proxy", "NO_PROXY")}
    log = place / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-B",
                "-W",
                "error::DeprecationWarning",
                "app.py",
                "--data-dir",
                str(place / "file" / "x"),
            ],
            cwd=code,
            env={**kept, **proxies, "ARENA_PORT": port, "ARENA_DATA_DIR": str(place / "file" / "x")},
            stdout=out,
            stderr=out,
        )
        yield f"http://127.0.0.1:{port}/", code, log
        process.terminate()
        process.wait(60)


@pytest.mark.model
def test_the_page_comes_up_in_awkward_surroundings(
    awkward: tuple[str, Path, Path], eventually: Callable[..., bool]
) -> None:
    url, _, log = awkward
    assert wait_for(url) == 200
    assert eventually(lambda: "  b: " in log.read_text())
    words = log.read_text()
    assert "smollm2-135m-t0.2" in words and url.rstrip("/") in words
    assert "share" not in words and "Traceback" not in words


@pytest.mark.model
def test_a_vote_that_cannot_be_kept_is_refused_with_the_reason(awkward: tuple[str, Path, Path]) -> None:
    url, _, log = awkward
    wait_for(url)
    client = Client(url, verbose=False)
    assert "closed_banner" in [part["props"].get("elem_id") for part in client.config["components"]]
    answer = client.predict("What is the capital of France?", settings={"max_new_tokens": 12}, api_name="/chat")
    assert answer["a"].strip() and answer["b"].strip()
    with pytest.raises(AppError, match="NOT saved"):
        client.predict(answer["battle_id"], "tie", {}, "", api_name="/vote")
    assert "cannot be written" in log.read_text()


@pytest.mark.model
def test_nothing_is_written_beside_the_code(awkward: tuple[str, Path, Path]) -> None:
    url, code, _ = awkward
    wait_for(url)
    ours = {path.relative_to(ROOT) for path in ROOT.rglob("*")}
    assert {path.relative_to(code) for path in code.rglob("*")} <= ours
