"""The Dockerfile: its steps run without a Docker engine, as far as that goes. The long part is of `make test-extra`.

A folder stands for the image's root, a new environment for its Python; the code is root's, and user 1000 runs it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from served_app import ROOT, free_port

Step = tuple[str, str]
# The tests' own may lie in a home that nobody else may enter.
SYSTEM_PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin")


def steps() -> list[Step]:
    """The instructions in their order."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    result = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in result]


def of(kind: str) -> list[str]:
    return [rest for name, rest in steps() if name == kind]


def test_all_that_the_app_imports_is_copied_and_nothing_else() -> None:
    copied = {Path(source).name for rest in of("COPY") for source in shlex.split(rest)[:-1]}
    rooms = {path.parent.name for path in ROOT.glob("[!.]*/__init__.py")} - {"tests", "bench"}
    needed = {f"requirements{of}.txt" for of in ("", "-model", "-modelscope")}
    assert copied == rooms | needed | {"app.py", "prompts.json", "samples", "LICENSE"}


def test_it_is_small_runs_as_nobody_special_and_is_looked_after() -> None:
    assert of("FROM") == ["python:3.11-slim"]
    assert of("USER") == ["1000"] and of("EXPOSE") == ["7860"] and len(of("HEALTHCHECK")) == 1
    order = [name for name, _ in steps()]
    # What changes often comes last, so that a new version does not install everything anew.
    assert order.index("RUN") < order.index("COPY") < order.index("USER")
    assert [rest for rest in of("RUN") if "torch" in rest or "-hf" in rest] == []


@dataclass
class Image:
    """What the steps have made: `root` is the image's /, `python` its interpreter."""

    root: Path
    python: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    def do(self, name: str, rest: str) -> None:
        """One instruction."""
        match name:
            case "ENV":
                self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "WORKDIR":
                self.folder = rest
                self.path(rest).mkdir(parents=True, exist_ok=True)
                os.chown(self.path(rest), 1000, 1000)
            case "COPY":
                *sources, target = shlex.split(rest)
                self.copy([ROOT / source for source in sources], self.path(target), target.endswith("/"))
            case "RUN" if rest.startswith("pip "):
                self.pip([str(self.path(word)) if word.startswith("/app/") else word for word in shlex.split(rest)[1:]])

    def copy(self, sources: list[Path], target: Path, is_folder: bool) -> None:
        if is_folder:
            target.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def pip(self, words: list[str]) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "-q", *words]
        subprocess.run(command, check=True)

    def command(self, rest: str) -> list[str]:
        """An instruction in exec form, with this image's paths."""
        words: list[str] = json.loads(rest[rest.index("[") :])
        return [str(self.python), *(str(self.path(word)) for word in words[1:])]

    def start(self, rest: str, **environment: str) -> subprocess.Popen[str]:
        """The command as user 1000, who may write nothing but the working folder."""
        known = {**self.environment, "HOME": str(self.path("/home/arena")), "PATH": os.environ["PATH"], **environment}
        return subprocess.Popen(
            self.command(rest),
            cwd=self.path(self.folder),
            env=known,
            user=1000,
            group=1000,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def image() -> Iterator[Image]:
    """Not below pytest's own folder, where user 1000 may not look."""
    root = Path("/tmp") / f"arena-image-{os.getpid()}"
    subprocess.run([str(SYSTEM_PYTHON), "-m", "venv", "--without-pip", str(root / "usr")], check=True)
    created = Image(root, root / "usr" / "bin" / "python")
    try:
        for name, rest in steps():
            created.do(name, rest)
        yield created
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.extra
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as somebody else")
@pytest.mark.skipif(SYSTEM_PYTHON is None, reason="there is no Python that everybody may run")
def test_the_steps_make_an_app_that_serves_votes_and_is_healthy(image: Image) -> None:
    port = str(free_port())
    (run,), (health,) = of("CMD"), of("HEALTHCHECK")
    assert image.start(health, ARENA_PORT=port).wait(60) == 1
    process = image.start(run, ARENA_PORT=port)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == f"Serving on http://0.0.0.0:{port}"
        end = time.monotonic() + 60
        while (state := image.start(health, ARENA_PORT=port).wait(60)) and time.monotonic() < end:
            time.sleep(1)
        assert state == 0
        data = image.path("/home/arena/data")
        assert (data / "votes.csv").exists() or (data / "judge.key").exists()
        written = [path for path in image.path("/app").rglob("*") if path.stat().st_uid == 1000]
        assert written == []
    finally:
        process.kill()
        process.wait()
