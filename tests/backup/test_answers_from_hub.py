"""Recorded answers that are kept in a dataset, against a server on the loopback that plays both hubs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_hub import TOKEN, Dataset, DatasetHub
from served_app import run

from arena.errors import BackendError, InputError
from backup.datasets import download_answers
from commands.options import answers_file

Point = Callable[[str, str], None]
NAME = "somebody/answers"
FIRST, SECOND = b'{"prompt_id": "q1"}\n', b'{"prompt_id": "q1"}\n{"prompt_id": "q2"}\n'


@pytest.fixture(params=["hf", "modelscope"])
def named(request: pytest.FixtureRequest, hub: DatasetHub) -> str:
    hub.datasets[NAME] = Dataset(files={"answers.jsonl": FIRST, "sets/一.jsonl": SECOND})
    return f"{request.param}:{NAME}"


def held(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_dataset_s_file_is_here_and_nothing_beside_it(named: str, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "fetched"
    path, problem = download_answers(named, folder)
    assert problem is None and path.read_bytes() == FIRST
    assert held(folder) == [path] and path.suffix == ".jsonl"


def test_another_file_can_be_named_and_has_a_place_of_its_own(named: str, tmp_path: Path) -> None:
    first, _ = download_answers(named, tmp_path / "data")
    other, _ = download_answers(f"{named}#sets/一.jsonl", tmp_path / "data")
    assert other.read_bytes() == SECOND and first.read_bytes() == FIRST


def test_what_is_newer_there_replaces_what_is_here(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    path = download_answers(named, tmp_path / "data")[0]
    hub.datasets[NAME].files["answers.jsonl"] = SECOND
    assert download_answers(named, tmp_path / "data")[0] == path
    assert path.read_bytes() == SECOND and held(tmp_path / "data") == [path]


@pytest.mark.parametrize("status", [401, 500])
def test_without_the_hub_the_last_copy_is_used_and_told(
    hub: DatasetHub, named: str, tmp_path: Path, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers_file(named, tmp_path / "data")
    capsys.readouterr()
    hub.faults.status = status
    assert answers_file(named, tmp_path / "data") == path
    assert path is not None and path.read_bytes() == FIRST
    warning = capsys.readouterr().err.splitlines()[-1]
    assert warning.startswith("Warning: ") and str(status) in warning and "last time" in warning


@pytest.mark.parametrize(
    ("status", "file", "words"),
    [(401, "", "needs (HF_TOKEN|MODELSCOPE_API_TOKEN)"), (0, "#none.jsonl", "none.jsonl"), (500, "", "500")],
)
def test_without_a_copy_one_line_says_why(
    hub: DatasetHub, named: str, tmp_path: Path, status: int, file: str, words: str
) -> None:
    hub.faults.status = status
    with pytest.raises(BackendError, match=words) as caught:
        download_answers(named + file, tmp_path / "data")
    line = str(caught.value)
    assert caught.value.code == "answers_unfetched" and TOKEN not in line and "\n" not in line
    assert held(tmp_path / "data") == []


def test_a_hub_that_nobody_hears_is_told_by_its_name(hub: DatasetHub, hub_addresses: Point, tmp_path: Path) -> None:
    hub_addresses("http://127.0.0.1:9", "http://127.0.0.1:9")
    with pytest.raises(BackendError, match=r"Hugging Face did not send the answers in a/b \(\w+\)"):
        download_answers("hf:a/b", tmp_path / "data")


@pytest.mark.parametrize("name", ["hf:a", "hf:a/b/c", "modelscope:", "hf:a/b#../x", "hf:a/b#/etc/x", "hf:a/b#x\n"])
def test_a_name_that_is_none_asks_nobody(hub: DatasetHub, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"hf:OWNER/NAME|not a file name"):
        download_answers(name, tmp_path / "data")
    assert hub.asked == [] and held(tmp_path / "data") == []


def test_a_folder_that_cannot_be_written_is_told(named: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(InputError, match=r"cannot be saved in .*: Not a directory") as caught:
        download_answers(named, tmp_path / "data" / "fetched")
    assert caught.value.code == "answers_unwritable"


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    assert answers_file("", tmp_path) is None
    assert answers_file("hf/answers.jsonl", tmp_path) == Path("hf/answers.jsonl")


def test_the_command_line_takes_a_dataset(hub: DatasetHub, tmp_path: Path) -> None:
    lines = [{"prompt_id": "q1", "prompt": "2+2?", "model": model, "response": "4"} for model in ("one", "two")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    hub.datasets[NAME] = Dataset(files={"answers.jsonl": text.encode()})
    hubs = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    data = str(tmp_path / "data")
    arguments = ("--data-dir", data, "--out", str(tmp_path / "out"), "--json")
    done = run("report", *arguments, **hubs, ARENA_ANSWERS=f"hf:{NAME}")
    assert done.returncode == 0 and json.loads(done.stdout)["models"] == ["one", "two"]
    refused = run("--data-dir", data, **hubs, ARENA_ANSWERS="hf:somebody/none")
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.splitlines()[1:] == [
        "Error: Hugging Face has no answers.jsonl in a dataset somebody/none, or does not show it to this app (404): a "
        "private one needs HF_TOKEN."
    ]
