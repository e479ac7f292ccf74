"""`python app.py quantize` as a person runs it, and a model packed right after it was fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hub_server import HubServer
from kernel_cache import share_kernels
from model_folders import DATA, ORACLES, TINY, copied, edit_json, needs_oracles
from native_folders import native_folder
from served_app import run, run_in_process
from test_fetch_command import environment, fetch, server

__all__ = ["environment", "server"]


@pytest.fixture
def micro(tmp_path: Path) -> Path:
    return copied(DATA / "qwen-micro-vocab2048", tmp_path / "micro")


def quantize(*arguments: object) -> tuple[int, str, str]:
    done = run_in_process("quantize", *map(str, arguments), HF_HUB_OFFLINE="1")
    return done.returncode, done.stdout, done.stderr


def test_a_folder_is_packed_and_the_next_run_finds_it(micro: Path) -> None:
    done = run("quantize", str(micro))
    assert done.returncode == 0 and done.stdout == f"{micro}@int4 is ready (485.3 kB)\n"
    code, said, _ = quantize(micro, "--json")
    result = json.loads(said)
    assert (code, result["state"], result["folder"], result["freed"]) == (0, "present", f"{micro}@int4", 0)
    code, said, _ = quantize(micro, "--precision", "int8", "--json")
    assert code == 0 and json.loads(said)["model"] == "micro@int8"
    code, said, _ = quantize(f"{micro}@int4")
    assert code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--group", "48"], "--group is 32, 64 or 128, not 48."),
        (["--best", "--precision", "int8"], "--best is for int4"),
    ],
)
def test_what_cannot_be_is_one_line(micro: Path, arguments: list[str], words: str) -> None:
    code, said, problem = quantize(micro, *arguments)
    assert (code, said) == (2, "") and problem.startswith("Error: ") and words in problem
    assert len(problem.splitlines()) == 1
    assert not micro.with_name("micro@int4").exists()


def test_a_model_without_original_weights_is_refused() -> None:
    code, _, problem = quantize("smollm2-135m")
    assert code == 2 and "a checkpoint folder with its original weights is needed" in problem


def test_the_original_goes_only_after_the_new_one_has_proved_itself(tmp_path: Path) -> None:
    source = native_folder(tmp_path / "native")
    assert quantize(source)[0] == 0
    layer = Path(f"{source}@int4") / "packed-layer-000.safetensors"
    whole = layer.read_bytes()
    layer.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, _, problem = quantize(source, "--drop-original")
    assert code == 2 and "is damaged" in problem and (source / "model.safetensors").exists()
    layer.write_bytes(whole)
    size = (source / "model.safetensors").stat().st_size
    code, said, _ = quantize(source, "--drop-original", "--json")
    assert code == 0 and json.loads(said)["freed"] == size and not (source / "model.safetensors").exists()
    assert (source / "config.json").exists()


def test_a_model_is_fetched_and_packed_in_one_go_and_needs_no_original_then(
    environment: dict[str, str], server: HubServer
) -> None:
    share_kernels(Path(environment["HOME"]))
    done = fetch(environment, "fetch", "qwen-7b-chat@int4")
    models = Path(environment["ARENA_MODELS_DIR"])
    assert done.returncode == 0, done.stderr
    assert f"{models / 'qwen-7b-chat@int4'} is ready" in done.stdout
    listed = json.loads((models / "qwen-7b-chat@int4" / "packed.json").read_text(encoding="utf-8"))
    assert listed["source"] == "qwen-7b-chat" and listed["revision"] == "89abcdef" * 5
    edit_json(models / "qwen-7b-chat@int4" / "packed.json", format=1)
    anew = fetch(environment, "fetch", "qwen-7b-chat@int4")
    assert anew.returncode == 0 and f"{models / 'qwen-7b-chat@int4'} is ready" in anew.stdout, anew.stderr
    asked = len(server.asked)
    for path in (models / "qwen-7b-chat").iterdir():
        path.unlink()
    again = fetch(environment, "fetch", "qwen-7b-chat@int4", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["state"] == "present"
    assert len(server.asked) == asked


@needs_oracles
def test_a_run_that_was_stopped_before_dropping_the_original_is_made_good_by_the_next(
    environment: dict[str, str], server: HubServer
) -> None:
    share_kernels(Path(environment["HOME"]))
    source = copied(ORACLES / TINY["qwen"], Path(environment["ARENA_MODELS_DIR"]) / "qwen-7b-chat")
    assert fetch(environment, "quantize", str(source)).returncode == 0
    size = sum(path.stat().st_size for path in source.iterdir() if "safetensors" in path.name)
    again = fetch(environment, "fetch", "qwen-7b-chat@int4", "--drop-original", "--json")
    assert again.returncode == 0, again.stderr
    result = json.loads(again.stdout)
    assert (result["state"], result["freed"]) == ("present", size)
    assert not [path for path in source.iterdir() if "safetensors" in path.name]
    assert not server.asked
