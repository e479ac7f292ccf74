"""Damage inside the weights is found at a load too, where the list has hashes; each file is read once for that."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from served_app import ROOT

from arena.errors import BackendError
from backends import Backends
from backends.folder import verified
from backends.folder.manifest import Manifest, write_manifest
from backends.folder.verified import verify_changed
from backends.models.resolve import folder_spec, resolve
from hubs import ListedFile, Repo

MICRO = ROOT / "tests" / "data" / "qwen-micro-vocab2048"
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def list_files(folder: Path) -> None:
    """Writes fetched.json as a download does; like a hub, it has hashes of large files alone."""
    files = tuple(
        ListedFile(
            path.name,
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.suffix in (".safetensors", ".gguf") else None,
        )
        for path in sorted(folder.iterdir())
    )
    write_manifest(folder, Manifest("huggingface", Repo("maker/micro", "0" * 40), files))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = shutil.copytree(MICRO, tmp_path / "micro")
    list_files(copy)
    return copy


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose hash was computed."""
    names, check = [], verified.check_sha256

    def noted(file: Path, expected: str, remedy: str) -> None:
        names.append(file.name)
        check(file, expected, remedy)

    monkeypatch.setattr(verified, "check_sha256", noted)
    return names


def flip_a_bit(path: Path) -> None:
    """Changes neither the size nor the time that a copy keeps."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[-3] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_each_file_is_compared_once_and_again_when_it_has_changed(folder: Path, compared: list[str]) -> None:
    spec = folder_spec(folder)
    verify_changed(spec)
    assert compared == [*SHARDS]
    verify_changed(spec)
    assert compared == [*SHARDS]
    flip_a_bit(folder / SHARDS[1])
    for _ in range(2):  # as often as it is loaded
        with pytest.raises(BackendError, match=rf"{SHARDS[1]} is damaged: .*; run fetch with --verify\.$"):
            verify_changed(spec)
    assert compared == [*SHARDS, SHARDS[1], SHARDS[1]]
    shutil.copy(MICRO / SHARDS[1], folder)
    verify_changed(spec)
    # A new list with another hash for the same bytes.
    flip_a_bit(folder / SHARDS[0])
    list_files(folder)
    shutil.copy2(MICRO / SHARDS[0], folder)
    with pytest.raises(BackendError, match=f"{SHARDS[0]} is damaged"):
        verify_changed(spec)


def test_a_model_with_damaged_weights_is_not_loaded(folder: Path, eventually: Callable[..., bool]) -> None:
    flip_a_bit(folder / SHARDS[0])
    backend = Backends().open(folder_spec(folder))
    backend.load()
    assert eventually(lambda: backend.load_state.error)
    error = backend.load_state.error
    assert error and (error.code, error.details["path"]) == ("model_damaged", SHARDS[0])


def test_of_several_gguf_files_only_the_models_own_are_compared(tmp_path: Path, compared: list[str]) -> None:
    for name in ("one.gguf", "two.gguf"):
        (tmp_path / name).write_bytes(b"GGUF" + name.encode() * 20)
    list_files(tmp_path)
    (tmp_path / "two.gguf").write_bytes(b"GGUF" + b"TWO.gguf" * 20)
    spec = resolve(str(tmp_path / "one.gguf"))
    verify_changed(spec)
    assert compared == ["one.gguf"]


@pytest.mark.parametrize("noted", [b"", b"{", b"[1]", b'{"model-00001-of-00002.safetensors": 7}', b"\xff"])
def test_what_cannot_be_remembered_is_compared_again(folder: Path, compared: list[str], noted: bytes) -> None:
    (folder / ".verified").write_bytes(noted)
    verify_changed(folder_spec(folder))
    assert compared == [*SHARDS]


def test_a_folder_without_a_list_is_loaded_as_it_is(folder: Path, compared: list[str]) -> None:
    revision = folder_spec(folder).revision
    for content in ("{}", None):
        if content:
            (folder / "fetched.json").write_text(content)
        else:
            (folder / "fetched.json").unlink()
        verify_changed(folder_spec(folder))
    assert not compared and not (folder / ".verified").exists() and revision
