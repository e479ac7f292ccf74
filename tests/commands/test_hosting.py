"""Where the app finds itself: a Space, a Studio, one's own machine; and what a Space reads in the README."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from served_app import ROOT, free_port
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import app
from arena.errors import InputError
from backends.models.downloads import download_of
from backends.models.variants import variant_of
from bench.load.page_client import served_app
from bench.load.vote_log import sample_answers
from commands.hosting import Hosting, Platform, own_temp_dir, platform_of, settle

FOREIGN = ("ARENA_", "GRADIO_", "SPACE_", "MODELSCOPE_")


@pytest.mark.parametrize(
    ("environment", "folder", "expected"),
    [
        ({}, "data", Platform()),
        ({"SPACE_ID": ""}, "data", Platform()),
        ({"SPACE_ID": "a/b"}, "data", Platform("space", Path("data"))),
        ({"SPACE_ID": "a/b"}, "mnt/workspace", Platform("space")),
        ({"MODELSCOPE_ENVIRONMENT": "studio"}, "mnt/workspace", Platform("studio", Path("mnt/workspace"))),
        ({"MODELSCOPE_ENVIRONMENT": "studio"}, "data", Platform("studio")),
        ({"MODELSCOPE_ENVIRONMENT": "dsw"}, "mnt/workspace", Platform()),
    ],
)
def test_a_host_is_known_by_its_environment(
    tmp_path: Path, environment: dict[str, str], folder: str, expected: Platform
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    disk = tmp_path / expected.disk if expected.disk else None
    assert platform_of(environment, tmp_path) == Platform(expected.host, disk)


@pytest.mark.parametrize(
    "name", ["JPY_PARENT_PID", "JUPYTER_SERVER_URL", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"]
)
def test_a_notebook_opens_the_page_by_its_own_name(name: str) -> None:
    assert platform_of({name: "1"}).is_notebook and not platform_of({name: "", "HOME": "1"}).is_notebook
    on_loopback = Hosting(data_dir=Path("data"), is_local=True)
    assert on_loopback.hosts == frozenset()
    assert replace(on_loopback, platform=Platform(is_notebook=True)).hosts is None
    assert replace(on_loopback, is_local=False).hosts is None
    assert replace(on_loopback, public_url="https://Arena.example:443/x").hosts == {"arena.example"}


def test_a_disk_that_cannot_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    platform = platform_of({"SPACE_ID": "a/b"}, tmp_path)
    assert platform == Platform("space") and not platform.keeps


def visitor(trusted: str, peer: str, forwarded: str) -> str:
    """Whom uvicorn takes for the sender of a request."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, ProxyHeadersMiddleware(app, trusted)(scope, None, None)).result()  # type: ignore[arg-type]
    return str(seen[0])


def test_at_home_nobody_poses_as_another_visitor() -> None:
    assert visitor("", "127.0.0.1", "192.0.2.1") == "127.0.0.1"


def test_the_temporary_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = Path(own_temp_dir())
    assert own.parent == tmp_path and stat.S_IMODE(own.stat().st_mode) == 0o700 and own_temp_dir() == str(own)
    # Somebody else was there first, with a folder, a file or a link.
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    for number, make in enumerate((Path.mkdir, Path.touch, lambda path: path.symlink_to(tmp_path))):
        path = tmp_path / "gradio-arena-12345"
        make(path)
        other = Path(own_temp_dir())
        assert other != path and other.is_dir() and len([*tmp_path.glob("gradio-arena-*")]) == number + 3
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(InputError, match="Set TMPDIR"):
        own_temp_dir()


def test_what_nobody_set_is_set_and_what_somebody_set_stays() -> None:
    environment: dict[str, str] = {}
    settle(Platform("space", Path("/data")), environment)
    trusted = environment.pop("FORWARDED_ALLOW_IPS")
    places = {"ARENA_DATA_DIR": "/data/arena", "ARENA_MODELS_DIR": "/data/models"}
    assert environment == {"ARENA_HOST": "0.0.0.0", "ARENA_PORT": "7860", **places}
    # Of "visitor, made up by the visitor" the last address that is not the host's own counts.
    assert visitor(trusted, "10.1.2.3", "198.51.100.9, 192.0.2.1, 10.0.0.7") == "192.0.2.1"
    assert visitor(trusted, "203.0.113.5", "192.0.2.1") == "203.0.113.5"
    own = {"ARENA_PORT": "1", "GRADIO_SERVER_NAME": "::", "ARENA_DATA_DIR": "mine"}
    settle(Platform("studio", Path("/mnt/workspace")), own)
    assert (own["ARENA_PORT"], own["ARENA_HOST"], own["ARENA_DATA_DIR"]) == ("1", "::", "mine")
    at_home: dict[str, str] = {}
    settle(Platform(), at_home)
    assert at_home == {}


@pytest.fixture
def space(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A Space without a disk, started as a Space starts the app: its port and process number."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment |= {"SPACE_ID": "somebody/arena", "GRADIO_SERVER_PORT": str(port), "HF_ENDPOINT": nowhere}
    command = [sys.executable, str(ROOT / "app.py")]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.strip() == f"Serving on http://0.0.0.0:{port}"
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def test_a_space_is_open_to_the_world_and_says_that_votes_are_not_kept(space: tuple[int, int]) -> None:
    port, _ = space
    config = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=30).read())
    ids = {component["props"].get("elem_id") for component in config["components"]}
    assert {"backup_banner", "tab_results"} <= ids
    # Whoever comes there is not the machine's owner.
    assert "tab_batch" not in ids


SPACE, HOME = Platform("space"), Platform()
DEMOS = ("smollm2-135m-t0.2", "smollm2-135m-t1.0")


@pytest.mark.parametrize(
    ("platform", "models", "answers", "has_embedded", "begin", "to_add"),
    [
        (HOME, "", "", True, DEMOS, ()),
        (HOME, "", "answers.jsonl", True, (), ()),
        (HOME, "qwen3-0.6b,qwen3-8b", "", True, ("qwen3-0.6b", "qwen3-8b"), ()),
        (SPACE, "", "", False, (), SPACE.small_pair),
        (Platform("studio"), "", "", False, (), Platform("studio").small_pair),
        # Until the pair is there.
        (SPACE, "", "", True, DEMOS, SPACE.small_pair),
        (SPACE, "", "answers.jsonl", False, (), ()),
        (SPACE, "qwen3-0.6b,qwen3-8b", "", True, (), ("qwen3-0.6b", "qwen3-8b")),
        (SPACE, "qwen3-0.6b,qwen3-8b", "answers.jsonl", True, (), ("qwen3-0.6b", "qwen3-8b")),
        (SPACE, ",".join(DEMOS), "", True, DEMOS, ()),
    ],
)
def test_a_host_downloads_what_it_lacks_while_the_page_is_up(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platform: Platform,
    models: str,
    answers: str,
    has_embedded: bool,
    begin: tuple[str, ...],
    to_add: tuple[str, ...],
) -> None:
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(app, "has_embedded", lambda: has_embedded)
    assert app.chosen_models(models, "", "", answers, platform) == (begin, to_add)


def test_the_small_pair_is_of_both_families_in_one_precision() -> None:
    for host, hub in (("space", "hf:"), ("studio", "modelscope:")):
        names = [download_of(variant_of(name).model) for name in Platform(host).small_pair]
        assert [(name.is_gguf, name.quantization) for name in names if name] == [(True, "Q8_0")] * 2
        assert all(name.id.startswith(hub) for name in names if name)
        labels = [variant_of(name).label for name in Platform(host).small_pair]
        assert labels == ["Qwen3-1.7B", "GLM-Edge-1.5B"]


def test_a_name_that_no_download_mends_ends_a_space() -> None:
    with pytest.raises(InputError, match=r"Did you mean qwen3-0\.6b\?"):
        app.chosen_models("qwen3-0.6bb,qwen3-8b", "", "", "", SPACE)


def front_matter() -> dict[str, object]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    result = re.match(r"---\n(.*?)\n---\n\n# ", text, re.S)
    assert result
    return dict(yaml.safe_load(result[1]))


def test_the_readme_tells_a_space_what_it_needs() -> None:
    output = front_matter()
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert (output["sdk"], output["app_file"]) == ("gradio", "app.py")
    assert f"gradio=={output['sdk_version']}\n" in requirements
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'python_version = "{output["python_version"]}"' in pyproject
    assert re.fullmatch(r"\d+(s|m|h)", str(output["startup_duration_timeout"]))
    assert isinstance(output["models"], list) and all(
        re.fullmatch(r"[\w.-]+/[\w.-]+", item) for item in output["models"]
    )
    assert len(str(output["short_description"])) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {output["colorFrom"], output["colorTo"]} <= colours
    assert output["license"] == "apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_on_a_space_strangers_use_up_no_limit_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All requests come from the host's proxy, which adds the visitor's address at the end."""
    for name, value in {"SPACE_ID": "x/y", "ARENA_HOST": "127.0.0.1", "ARENA_ADMIN_TOKEN": "a right token"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "answers.jsonl").write_text("\n".join(sample_answers(2)), encoding="utf-8")
    with served_app(["--answers", str(tmp_path / "answers.jsonl")], tmp_path / "data") as (url, _):
        info = httpx.get(f"{url}/gradio_api/info", trust_env=False).json()["named_endpoints"]["/results"]
        data = [parameter["parameter_default"] for parameter in info["parameters"]]

        def ask(token: str, addresses: str) -> str:
            headers = {"x-forwarded-for": addresses, "x-arena-admin-token": token, "accept-language": "en"}
            call = httpx.post(f"{url}/gradio_api/call/results", json={"data": data}, headers=headers, trust_env=False)
            event = call.raise_for_status().json()["event_id"]
            return httpx.get(f"{url}/gradio_api/call/results/{event}", headers=headers, trust_env=False).text

        for number in range(12):
            # A stranger who makes up addresses before the own one is the same stranger.
            answer = ask("a wrong token", f"198.51.100.{number}, 192.0.2.1")
            assert ("Wrong token" if number < 10 else "Too many attempts") in answer
        assert "Too many attempts" in ask("a right token", "192.0.2.1")
        assert '"no_votes"' in ask("a right token", "192.0.2.2")
        assert '"no_votes"' in ask("a right token", "192.0.2.3, 10.1.2.3")  # a second proxy of the host
