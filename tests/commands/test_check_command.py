"""`app.py check`: what it says of a good model, and one clear line for every other."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from model_folders import DATA, ORACLES, TINY, copied, edit_json, make_scripted, needs_oracles
from native_folders import qwen35_folder
from served_app import ROOT, run
from typer.testing import CliRunner
from vendor_server import END, answering, delta, streaming

from backends.folder.gguf import model_file
from backends.models import budget
from backends.models.catalog import EMBEDDED, EMBEDDED_SHA256

SHARD = "model-00002-of-00002.safetensors"


def check(*arguments: object) -> Result:
    """Runs the command in this process."""
    import app

    return CliRunner().invoke(app.cli, ["check", *map(str, arguments)])


def refused(*arguments: object) -> str:
    """The one line that the command ends with; `--json` prints nothing beside it."""
    result = check(*arguments)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.output
    assert result.stderr.startswith("Error: ")
    if "--json" in arguments:
        said = json.loads(result.stdout)
        assert said["state"] == "failed" and said["error"] in result.stderr
    assert "loaded in" not in result.stdout
    return result.stderr


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder of Qwen's kind to change."""
    return copied(ORACLES / TINY["qwen"], tmp_path / "tiny")


@pytest.fixture
def micro(tmp_path: Path) -> Path:
    """A folder without a tokenizer: what is wrong with its weights is found before that."""
    return copied(DATA / "qwen-micro-vocab2048", tmp_path / "micro")


def write_manifest(folder: Path, **changes: dict[str, Any]) -> int:
    """Writes fetched.json as fetching does, with `changes` to the entries of files; returns their number."""
    files = []
    for path in sorted(path for path in folder.iterdir() if path.name != "fetched.json"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = {"path": path.name, "size": path.stat().st_size, "sha256": digest}
        files.append({**entry, **changes.get(path.name.partition(".")[0], {})})
    fetched = {"hub": "huggingface", "repo": {"id": "owner/name", "revision": "main"}, "files": files}
    (folder / "fetched.json").write_text(json.dumps(fetched))
    return len(files)


# ---- good ones


@pytest.mark.model
def test_the_embedded_model_from_the_command_line() -> None:
    command = [sys.executable, str(ROOT / "app.py"), "check", "smollm2-135m"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    for words in (
        "SmolLM2-135M-Instruct (smollm2-135m)",
        "q4_1 on llama.cpp",
        "4,096 tokens",
        "Apache-2.0",
        f"sha256:{EMBEDDED_SHA256}",
        "SmolLM2-135M-Instruct.Q4_1.gguf  98.4 MB",
        "272, 134,515,008 parameters: F32 35,136, Q4_1 106,168,320, Q8_0 28,311,552",
        "weights 98.4 MB, cache 377.5 MB, other 90.7 MB",
        "(16 tokens)",
    ):
        assert words in done.stdout
    labels = [line[2:14].strip() for line in done.stdout.splitlines()[1:] if line[2:3].strip()]
    assert labels == [
        *("source", "family", "runs as", "context", "licence", "revision", "files", "tensors", "verified"),
        *("memory", "loaded in", "first token", "speed", "answer", "resident"),
    ]


def test_what_is_left_out_of_a_folder_is_said(tmp_path: Path) -> None:
    done = check(qwen35_folder(tmp_path / "qwen35"))
    assert done.exit_code == 0, done.output
    assert "left out     tensors for pictures and for guessing several tokens" in done.stdout
    assert "loaded in" in done.stdout


@needs_oracles
def test_the_context_says_what_ends_it(tmp_path: Path) -> None:
    folder = copied(ORACLES / TINY["qwen"], tmp_path / "tiny")
    result = json.loads(check(f"{folder}?ctx=512", "--json").stdout)
    assert (result["id"], result["context_length"], result["context_limit"]) == ("tiny?ctx=512", 512, "ctx")
    assert "512 tokens (as given by ctx)" in check(f"{folder}?ctx=512").stdout


def test_what_cannot_run_ends_with_its_reason_and_a_way_out(micro: Path) -> None:
    edit_json(micro / "generation_config.json", chat_format="raw")
    # The weights are not looked at.
    for file in micro.glob("*.safetensors"):
        file.write_bytes(b"cut")
    line = refused(micro)
    assert "without a chat format" in line and "Use the folder of the chat model." in line


@needs_oracles
def test_what_computes_a_packed_model_is_said(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    assert CliRunner().invoke(app.cli, ["quantize", str(tiny)]).exit_code == 0
    for computed in ("compiled kernels, reading into the caches (a product took 1 ms)", "PyTorch alone"):
        monkeypatch.setattr("backends.packed.kernels.computed_by", lambda computed=computed: computed)
        assert f"  computed by  {computed}\n" in check(f"{tiny}@int4").stdout
    result = json.loads(check(f"{tiny}@int4", "--json").stdout)
    assert result["computed_by"] == "PyTorch alone"
    assert json.loads(check(tiny, "--json").stdout)["computed_by"] is None


@needs_oracles
def test_a_folder_as_an_object() -> None:
    result = check(ORACLES / TINY["qwen"], "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    results = json.loads(result.stdout)
    assert (results["id"], results["family"], results["precision"]) == (TINY["qwen"], "qwen", "bf16")
    assert (results["tensors"], results["parameters"], results["dtypes"]) == (19, 4_866_480, {"BF16": 4_866_480})
    assert {"path": SHARD, "size": 4_867_376} in results["files"]
    assert results["files_compared"] is None
    need = results["memory"]
    assert need["weights"] == 2 * 4_866_480
    assert need["needed"] == need["weights"] + need["cache"] + need["overhead"] < need["free"]
    assert results["tokens"] == 16
    assert results["tokens_per_second"] > 1 and results["load_seconds"] > results["first_token_seconds"] > 0
    assert 100_000_000 < results["resident_bytes"] <= results["peak_bytes"]
    assert results["answer"].strip()


@needs_oracles
def test_a_folder_that_was_fetched_is_compared_with_its_list(tiny: Path) -> None:
    count = write_manifest(tiny, config={"sha256": None})
    result = check(f"{tiny}@fp32")
    assert result.exit_code == 0, result.output
    assert f"fetched.json agrees with {count} files" in result.stdout
    assert "tiny (fp32) (tiny@fp32)" in result.stdout
    assert "weights 19.5 MB" in result.stdout


@needs_oracles
def test_an_answer_that_ends_at_once_has_no_speed(tiny: Path) -> None:
    make_scripted(tiny, "qwen", [198, 9707, 151645])  # "Hello", and the end
    result = check(tiny)
    assert result.exit_code == 0, result.output
    assert "unknown (1 tokens)" in result.stdout
    assert '"Hello"' in result.stdout


# ---- damaged ones


def cut(folder: Path) -> None:
    data = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(data[: len(data) // 2])


def rename_a_tensor(folder: Path) -> None:
    data = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(data.replace(b"lm_head.weight", b"lm_hood.weight"))


def drop_a_shard(folder: Path) -> None:
    (folder / SHARD).unlink()


def noise_as_header(folder: Path) -> None:
    (folder / SHARD).write_bytes(struct.pack("<Q", 40) + b"?" * 400_000)


def odd_shape(folder: Path) -> None:
    data = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(data.replace(b'"shape":[', b'"shope":['))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, f"{SHARD} has 202,176 bytes instead of 404,352; copy or download it again"),
        (rename_a_tensor, f"{SHARD} lacks lm_head.weight, which the index lists"),
        (drop_a_shard, f"{SHARD} is missing"),
        (noise_as_header, f"{SHARD} is not a safetensors file"),
        (odd_shape, "the header of its weights is damaged at "),
        (lambda folder: None, "qwen.tiktoken is missing"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_folder(micro: Path, damage: Any, words: str, options: tuple[str, ...]) -> None:
    damage(micro)
    assert words in refused(micro, *options)


@needs_oracles
def test_a_tensor_that_the_index_forgets_as_well(tiny: Path) -> None:
    """The files agree with each other, so that only loading finds it."""
    rename_a_tensor(tiny)
    index = tiny / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("lm_head.weight", "lm_hood.weight"))
    assert "lm_head.weight" in refused(tiny)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"size": 5}}, "config.json has 819 bytes instead of 5; run fetch with --verify"),
        ({"config": {"sha256": "0" * 64}}, "config.json is damaged: its sha256 is "),
        ({"config": {"path": "../outside"}}, "fetched.json is damaged"),
        ({"config": {"path": "/etc/hostname"}}, "fetched.json is damaged"),
        ({"config": {"size": "x"}}, "fetched.json is damaged"),
    ],
)
def test_a_folder_that_is_not_as_it_was_fetched(micro: Path, changes: dict[str, Any], words: str) -> None:
    write_manifest(micro, **changes)
    size = (micro / "config.json").stat().st_size
    assert words.replace("819", f"{size:,}") in refused(micro)


def test_a_list_that_is_none(micro: Path) -> None:
    (micro / "fetched.json").write_text('{"files": 3}')
    assert "fetched.json is damaged" in refused(micro)


def gguf_file(place: Path, size: int) -> Path:
    """The embedded model's first bytes."""
    path = place / "cut.gguf"
    with model_file(EMBEDDED["smollm2-135m"]).open("rb") as file:
        path.write_bytes(file.read(size))
    return path


@pytest.mark.model
@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_damaged_gguf(tmp_path: Path, size: int, options: tuple[str, ...]) -> None:
    """Cut in its first numbers, in its vocabulary, and in its weights."""
    assert "cut.gguf cannot be " in refused(gguf_file(tmp_path, size), *options)


@pytest.mark.model
def test_a_gguf_beside_its_list(tmp_path: Path) -> None:
    path = gguf_file(tmp_path, 3_000_000)
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    write_manifest(tmp_path, other={"sha256": "0" * 64})
    # Another file's damage is none of this one; its own is found before it is loaded.
    assert "not supported by llama.cpp" in refused(path)
    write_manifest(tmp_path, cut={"size": 98_362_432})
    assert "cut.gguf has 3,000,000 bytes instead of 98,362,432" in refused(path)


# ---- what is no model, or too large


def test_what_is_no_model(tmp_path: Path) -> None:
    assert "no model called 'qwen-8b'. Did you mean qwen3-8b?" in refused("qwen-8b")
    assert "There is no file" in refused(tmp_path / "gone.gguf")
    assert "config.json is missing" in refused(tmp_path)
    script = tmp_path / "script.json"
    script.write_text('{"answers": [{"steps": []}]}')
    assert "has no weights" in refused(f"scripted:{script}")


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_a_model_on_a_server(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    with answering(streaming(delta(content="Hello"), END)) as url:
        result = check("--json", f"openai:{url}#m")
    assert result.exit_code == 0, result.output
    assert (json.loads(result.stdout)["answer"], json.loads(result.stdout)["files"]) == ("Hello", [])


def test_a_file_that_cannot_be_read(micro: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, *arguments: object, **keywords: object) -> None:
        raise OSError(5, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        from backends.folder import contents

        patch.setattr(contents, "find_weights", fail)
        assert "cannot be read: Input/output error." in refused(micro)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_model_that_does_not_fit(monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    monkeypatch.setattr(budget, "available_bytes", lambda: 300_000_000)
    line = refused("smollm2-135m", *options)
    assert "needs 0.6 GB of memory (weights 0.1, cache 0.4, other 0.1), and 0.3 GB is free." in line


@pytest.mark.parametrize(("encoding", "name"), [("utf-8", b"\xb4\xf3 model"), ("ascii", "大 model".encode())])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_name_that_the_terminal_cannot_show_ends_in_no_traceback(
    tmp_path: Path, encoding: str, name: bytes, options: tuple[str, ...]
) -> None:
    """In the terminal of a Chinese Linux, Python refuses to print what is not in its encoding."""
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3"}', encoding="utf-8")
    result = run("check", str(folder), *options, PYTHONIOENCODING=f"{encoding}:strict")
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "has no weights" in result.stderr and " model cannot be loaded" in result.stderr
