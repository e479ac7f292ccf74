"""From nothing to a served page, as the README says; slow, so part of `make test-extra`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from served_app import ROOT, free_port, wait_for

pytestmark = pytest.mark.extra


def clone(place: Path) -> Path:
    """A fresh clone of what is committed."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], check=True)
    return place


def serve_once(command: list[str], folder: Path, port: int) -> str:
    """Starts the app, waits for the page and both models, stops it, and returns its output."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "ARENA_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    printed = ""
    try:
        assert wait_for(f"http://127.0.0.1:{port}/", 600) == 200
        while "\n  b: " not in printed:
            printed += process.stdout.readline()
    finally:
        os.killpg(process.pid, 15)
    return printed + process.communicate(timeout=60)[0]


def test_make_run_installs_once(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    printed = serve_once(["make", "run"], folder, free_port())
    assert "Serving on" in printed and "smollm2-135m-t1.0" in printed
    again = serve_once(["make", "run"], folder, free_port())
    assert "Serving on" in again and "Installing" not in again


def test_the_readmes_steps_without_make(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    block = next(part for part in readme.split("```") if "python3 -m venv" in part)
    *steps, start = [line for line in block.splitlines() if line.strip()]
    for step in steps:
        subprocess.run(step.split(), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    program, *arguments = start.split()
    command = [program, "-W", "error::DeprecationWarning", *arguments]
    assert "Serving on" in serve_once(command, folder, free_port())
